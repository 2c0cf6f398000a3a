"""Whose configuration a text is: by its name where that is telling, else by its words.

Names decide first because they are what the programs themselves go by. Words are counted line by line over
the first part of the text; the program whose words stand on most lines wins, none is better than a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from flushcheck.configs.findings import Server

# Lines looked at: a banner and a licence are shorter.
MAX_LINES = 400

# On the whole path, lower case, with / between its parts.
_NAMES: tuple[tuple[Server, str], ...] = (
    (Server.GUNICORN, r"(^|/)gunicorn[^/]*\.py$"),
    (Server.GUNICORN, r"(^|/)(dockerfile|containerfile)[^/]*$|\.dockerfile$"),
    (Server.GUNICORN, r"(^|/)procfile[^/]*$"),
    (Server.GUNICORN, r"\.service$"),
    (Server.CADDY, r"(^|/)caddyfile[^/]*$|\.caddyfile$"),
    (Server.HAPROXY, r"(^|/)haproxy[^/]*\.(cfg|conf)$"),
    (Server.LIGHTTPD, r"(^|/)lighttpd[^/]*\.conf$|(^|/)lighttpd/.*\.conf$"),
    (Server.VARNISH, r"\.vcl$"),
    (
        Server.PHP,
        r"(^|/)php[^/]*\.ini[^/]*$|(^|/)\.user\.ini$|(^|/)php/.*\.(ini|conf)$|(^|/)pool\.d/[^/]*\.conf$",
    ),
    (
        Server.APACHE,
        r"(^|/)\.htaccess$|(^|/)(httpd|apache2)[^/]*\.conf$|(^|/)(apache2|httpd)/.*\.(conf|load)$",
    ),
    (
        Server.NGINX,
        r"(^|/)nginx[^/]*\.conf$|(^|/)nginx/.*\.conf$|(^|/)nginx/(sites|conf)[^/]*/|\.nginx$|\.nginxconf$",
    ),
)

# Beginnings of lines that hardly anybody else would write. No part of a pattern may match what the next one
# could: these meet hostile text.
_WORDS: Mapping[Server, tuple[str, ...]] = {
    Server.VARNISH: (r"vcl\s+4\.\d\s*;", r"sub\s+vcl_\w+", r"set\s+(be)?resp\.", r"backend\s+\w+\s*\{"),
    Server.NGINX: (
        r"(http|events|server|upstream\s+[\w.-]+)\s*\{",
        r"location\s+[^{;]*\{",
        r"map\s+\$[^{;]*\{",
        r"(listen|server_name|root|index|include|access_log|error_log|return|try_files|user|pid)\s[^=;]*;",
        r"(proxy|fastcgi|uwsgi|scgi|gzip|worker|keepalive|ssl)_\w+\s[^=;]*;",
        r"gzip\s[^=;]*;",
    ),
    Server.APACHE: (
        r"</?(VirtualHost|Directory|DirectoryMatch|Location|LocationMatch|Files|FilesMatch|Proxy)\b[^>]*>",
        r"</?(IfModule|IfDefine|IfVersion|If|Else|ElseIf|Limit|LimitExcept|RequireAll|RequireAny|Macro)\b[^>]*>",
        r"(ServerName|ServerAlias|DocumentRoot|ProxyPass\w*|ProxyPreserveHost|SetHandler|AddHandler)\s",
        r"(LoadModule|RewriteEngine|RewriteRule|RewriteCond|ErrorLog|CustomLog|AllowOverride|Options)\s",
        r"(Require|SetEnv\w*|Fcgid\w+|Passenger\w+|Sec[A-Z]\w+|Header|IncludeOptional|Listen)\s",
        r"php_(admin_)?(value|flag)\s",
    ),
    Server.HAPROXY: (
        r"(global|defaults|frontend|backend|listen|resolvers|peers|userlist)(\s+[\w.:*-]+)?(\s+from\s+\S+)?\s*$",
        r"option\s+(http|forward|tcp|dont|redis)\S*",
        r"timeout\s+(connect|client|server|tunnel|http-\S+)\s",
        r"mode\s+(http|tcp)",
        r"(bind|balance|default_backend|use_backend)\s+\S+\s*",
        r"server\s+\S+\s+[^=;{]+$",
    ),
    Server.LIGHTTPD: (
        r"(server|proxy|fastcgi|scgi|uwsgi|cgi|ssl|url|deflate|setenv|var)\.[\w-]+\s*\+?=",
        r"(mimetype|index-file|static-file)\.[\w-]+\s*\+?=",
        r"\$(HTTP|SERVER|PHYSICAL|REQUEST_HEADER)\[",
        r"include_shell\s",
    ),
    Server.PHP: (
        r"\[PHP\]",
        r"(php_(admin_)?(value|flag)|env)\[",
        r"(output_buffering|zlib\.\w+|implicit_flush|short_open_tag|max_execution_time|memory_limit)\s*=",
        r"(pm|pm\.\w+|listen\.(owner|group|mode)|error_reporting)\s*=",
    ),
    Server.GUNICORN: (
        r"ExecStart=.*gunicorn",
        r"\w+:\s.*\bgunicorn\b",
        r"FROM\s+\S+",
        r"(CMD|ENTRYPOINT)\b",
        r"(bind|workers|worker_class|threads|timeout|keepalive|wsgi_app|max_requests)\s*=",
        r"(worker_connections|graceful_timeout|preload_app|accesslog|errorlog)\s*=",
        r"def\s+(post_fork|when_ready|on_starting)\(",
    ),
    Server.CADDY: (
        r"(reverse_proxy|php_fastcgi|file_server|encode|handle_path|handle|route|respond)(\s+[^;=]*)?$",
        r"(https?://)?[\w.*-]*(:\d+)?(\s*,\s*[^\s,]+)*\s*\{$",
        r"\([\w-]+\)\s*\{$",
    ),
}

# A line that is no part of a systemd unit, and no Python.
_SECTION = re.compile(r"^\[(?!Unit|Service|Install|Socket|Timer)[^\]\n]{1,80}\][ \t]*\r?$", re.MULTILINE)

_NAME_RULES = tuple((server, re.compile(pattern)) for server, pattern in _NAMES)
_WORD_RULES: Mapping[Server, re.Pattern[str]] = {
    server: re.compile(rf"[ \t]*(?:{'|'.join(patterns)})") for server, patterns in _WORDS.items()
}


def recognise(name: str, text: str) -> Server | None:
    """Whose configuration this is; None if neither name nor words tell.

    Args:
        name: of the file, a path or less; "" or "-" for a text that came without.
        text: all of it, or its beginning.
    """
    return by_name(name) or by_words(text)


def by_name(name: str) -> Server | None:
    """Whose configuration has such a name; None where many have."""
    path = name.replace("\\", "/").lower()
    return next((server for server, rule in _NAME_RULES if rule.search(path)), None)


def by_words(text: str) -> Server | None:
    """Whose words stand on most lines; None for none, and for a tie."""
    votes = dict.fromkeys(_WORD_RULES, 0)
    for line in text[:100_000].split("\n", MAX_LINES)[:MAX_LINES]:
        if not line.strip() or line.lstrip().startswith("#") or len(line) > 500:
            continue
        for server, rule in _WORD_RULES.items():
            if rule.match(line):
                votes[server] += 1
    best = sorted(votes, key=lambda server: -votes[server])
    first, second = votes[best[0]], votes[best[1]]
    if best[0] is Server.GUNICORN and _SECTION.search(text[:100_000]):
        return None  # uwsgi.ini and its like have settings of the same names
    return best[0] if first > second else None
