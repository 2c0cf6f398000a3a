"""Marks of template languages in a configuration: made harmless for parsers, line by line.

Jinja, Go templates, ERB, EJS, Mustache, and the names that `envsubst` and build tools fill in. The text that
a mark stands for is not known. A value with a mark becomes one word, `⟨name⟩`, so that statements keep their
shape; a line that is a mark alone may be any statements: it becomes an include that nothing can read. Marks
that only steer the template are left out: what stands between them counts as written.

Line numbers stay as they are, so a finding and its edit stand in the file as it is.
"""

from __future__ import annotations

import re

from flushcheck.configs.findings import Server

OPEN, CLOSE = "⟨", "⟩"
_MAX_NAME = 60  # characters of a mark that are shown

# No part may match what the part after it could match: the text is hostile.
_MARK = re.compile(
    r"\{\{([^{}]{0,500})\}\}|\{%([^%]{0,500})%\}|\{#([^#]{0,2000})#\}|<%([^%]{0,500})%>",
    re.DOTALL,
)
_STEERING = re.compile(
    r"[-~]?\s*(?:(?:if|else|elif|elsif|end\w*|for|each|range|with|define|block|template|macro|set|unless|do|raw|"
    r"import|from|filter|call|extends|autoescape|case|when|break|continue|while|begin)\b|"
    r"\$\w+\s*:?=|/\*|[#/!>^])"
)
_LOOP = re.compile(r"\bdo(\s{0,8}\|[^|]{0,100}\|)?[\s-]{0,8}$")  # of Ruby
_COMMENT = re.compile(r"\bansible_managed\b|\|\s{0,8}comment\b")  # what it writes is a comment
_REORDERS = re.compile(r"\{%[-~+]?\s{0,8}(?:macro|block|call)\b|\{\{-?\s{0,8}(?:define|block)\b")
# Filled in by envsubst, autotools and shell scripts. nginx's own variables are in lower case.
_VARIABLE = re.compile(
    r"\$\{[A-Z][A-Z0-9_]{1,60}(?::-[^}\n]{0,60})?\}|\$[A-Z][A-Z0-9_]{2,60}\b|%%\w{1,60}%%|"
    r"@[A-Z][A-Z0-9_]{1,60}@|__[A-Z][A-Z0-9_]{1,60}__"
)
_ALONE = re.compile(rf"^([ \t]*)#?({OPEN}[^{OPEN}{CLOSE}\n]*{CLOSE})[ \t]*\r?$", re.MULTILINE)

TEMPLATE = "template"  # our name for a line of HAProxy that a template fills in: HAProxy includes no files

_INCLUDES = {
    Server.NGINX: "include {};",
    Server.APACHE: "Include {}",
    Server.CADDY: "import {}",
    Server.LIGHTTPD: 'include "{}"',
    Server.HAPROXY: f"{TEMPLATE} {{}}",
    Server.VARNISH: 'include "{}";',
}


def is_marked(text: str) -> bool:
    """Whether a template fills in a part of this text."""
    return OPEN in text


def reorders(text: str) -> bool:
    """Whether parts of this template may be written in another place than they stand."""
    return bool(_REORDERS.search(text))


def without_marks(text: str) -> str:
    """The same text with each mark as one word, or left out where it steers the template."""
    if "{{" not in text and "{%" not in text and "{#" not in text and "<%" not in text:
        return text
    return _MARK.sub(_word, text)


def _word(match: re.Match[str]) -> str:
    value, tag, comment, code = match.groups()
    lines = "\n" * match[0].count("\n")
    if comment is not None:
        return lines
    if value is not None and _COMMENT.search(value):
        return lines
    inside = next(part for part in (value, tag, code) if part is not None)
    is_value = value is not None or inside[:1] in ("=", "-")
    includes = tag is not None and re.match(r"[-~+]?\s*include\b", tag) is not None
    steers = (
        (tag is not None and not includes)
        or not (is_value or includes)
        or bool(_STEERING.match(inside) or _LOOP.search(inside))
    )
    start, end = match.span()
    before, after = match.string[max(start - 1, 0) : start], match.string[end : end + 1]
    if steers and (not before or before.isspace() or not after or after.isspace() or after in ";{"):
        return lines
    name = re.sub(r"[^\w.:-]+", "_", inside.strip(" \t\r\n-=~")).strip("_")[:_MAX_NAME] or "value"
    return f"{OPEN}{name}{CLOSE}{lines}"


# Python, JavaScript and commands have braces of their own; the parsers of YAML and TOML call `for_yaml`.
_MASKED_LATER = frozenset(
    {
        *(Server.GUNICORN, Server.APP_SERVER, Server.HOSTING),
        *(Server.TRAEFIK, Server.ENVOY, Server.KUBERNETES),
    }
)


def parseable(text: str, server: Server) -> str:
    """The text of a configuration as this server's parser may read it."""
    if server in _MASKED_LATER:
        return text
    text = without_marks(text)
    if server is Server.NGINX and ("$" in text or "__" in text or "@" in text or "%%" in text):
        text = _VARIABLE.sub(lambda match: f"{OPEN}{match[0].strip('${}@%_')}{CLOSE}", text)
    if OPEN not in text:
        return text
    line = _INCLUDES.get(server, "# {}")
    return _ALONE.sub(lambda match: match[1] + line.format(match[2]), text)


def for_yaml(text: str) -> str:
    """The text of a YAML document: a line that is a mark alone becomes a comment."""
    masked = without_marks(text)
    return _ALONE.sub(r"\1#\2", masked) if OPEN in masked else masked
