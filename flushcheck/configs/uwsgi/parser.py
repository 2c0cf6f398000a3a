"""uWSGI's ini files, and its command line. Source: uWSGI's "Configuring uWSGI", seen on 2.0.21.

A line is `name = value`, or a name alone, which means true. A comment stands on a line of its own: what
follows a value belongs to it. Names are written with dashes; uWSGI ignores any other option in silence. What
stands between `if-...` or `for...` and its end is under a condition.
"""

from __future__ import annotations

import re
import shlex

from flushcheck.configs.tree import MAX_ARGS, Directive, Parsed, TreeBuilder

# What a command line is given as: the words after it are options of uwsgi.
COMMAND_MARK = "uwsgi-command:"
DEFAULT_SECTION = "uwsgi"
CONDITION = "if"  # our name for the lines between `if-env = X` and `endif`

_SECTION = re.compile(r"\[([^\]\n]{1,200})\]")
_LOGIC = re.compile(r"(?:if|for)(?:-[\w-]+)?|if(?:env|exists|plugin|file|dir|directory|reload)")
_END_LOGIC = re.compile(r"end-?(?:if|for)")
# The short options that the check reads, and their names in a file.
_SHORT = {
    "-s": "socket",
    "-p": "processes",
    "-t": "harakiri",
    "-w": "module",
    "-b": "buffer-size",
    "-H": "home",
    "-M": "master",
    "-z": "socket-timeout",
    "-l": "listen",
    "-x": "xml",
    "-y": "yaml",
    "-j": "json",
}
ALIASES = {
    "workers": "processes",
    "p": "processes",
    "t": "harakiri",
    "s": "socket",
    "w": "module",
    "wsgi": "module",
}
_FILE = re.compile(r"[^\s=]+\.(ini|xml|ya?ml|json)(:[\w.-]*)?$")


def parse_text(text: str, file: str) -> Parsed:
    """Build the tree of one ini file, or of one command line."""
    if text.lstrip("\n").startswith(COMMAND_MARK):
        return _parse_command(text, file)
    builder = TreeBuilder(file)
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if section := _SECTION.match(line):
            while builder.leave():
                pass
            name = section[1].strip()
            builder.enter(Directive(name, (), file, number, number, written=f"[{name}]"))
        elif not builder.depth:
            builder.problem(number, "a line before the first section is ignored", incomplete=False)
        else:
            key, equals, value = line.partition("=")
            _option(builder, key.strip(), value.strip() if equals else "true", file, number)
        if builder.is_full(number):
            break
    return builder.done()


def _option(builder: TreeBuilder, key: str, value: str, file: str, number: int) -> None:
    if _END_LOGIC.fullmatch(key):
        if builder.depth > 1:
            builder.leave()
    elif _LOGIC.fullmatch(key):
        builder.enter(Directive(CONDITION, (value,), file, number, number, written=key))
    else:
        builder.add(option(key, value, file, number))


def option(key: str, value: str, file: str, line: int) -> Directive:
    """A Directive of one option, under its usual name."""
    return Directive(ALIASES.get(key, key), (value,), file, line, line, written=key)


def section_of(name: str, options: tuple[Directive, ...], file: str, line: int, written: str) -> Directive:
    """A Directive of one section of another format; its word does not begin with a bracket."""
    return Directive(name, (), file, line, line, options, written=written)


def _parse_command(text: str, file: str) -> Parsed:
    """The options of a command line, which stand on the line where it begins."""
    line = len(text) - len(text.lstrip("\n")) + 1
    words = _split(text.strip().removeprefix(COMMAND_MARK))[:MAX_ARGS]
    options: list[Directive] = []
    at = 0
    while at < len(words):
        word, following = words[at], words[at + 1] if at + 1 < len(words) else "-"
        at += 1
        key, equals, value = word.partition("=")
        key = _SHORT.get(key, key.removeprefix("--")) if key.startswith("-") else key
        if word.startswith("-") and not equals:
            takes = not following.startswith("-") and word not in _SWITCHES
            value = following if takes else "true"
            at += takes
        elif not word.startswith("-") and _FILE.match(word):
            key, value = "ini", word
        elif not word.startswith("-"):
            key, value = ("socket", word) if re.search(r":\d+$|\.sock$", word) else ("module", word)
        options.append(Directive(ALIASES.get(key, key), (value,), file, line, line, written=word))
    return Parsed((section_of(DEFAULT_SECTION, tuple(options), file, line, "uwsgi"),))


# Options without a value that the words after them may follow.
_SWITCHES = frozenset(
    {
        *(
            "--master",
            "-M",
            "--enable-threads",
            "-T",
            "--vacuum",
            "--die-on-term",
            "--need-app",
            "--lazy-apps",
        ),
        *("--single-interpreter", "-i", "--http-keepalive", "--http-auto-gzip", "--http-chunked-input"),
        *(
            "--http-raw-body",
            "--http-websockets",
            "--thunder-lock",
            "--strict",
            "--lazy",
            "--ugreen",
            "--greenlet",
        ),
        *("--disable-logging", "-L", "--gevent-monkey-patch", "--auto-procname", "--manage-script-name"),
        *("--log-master", "--memory-report", "-m", "--no-orphans", "--close-on-exec", "--ignore-sigpipe"),
    }
)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote that is never closed
        return text.split()
