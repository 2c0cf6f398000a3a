"""kong.conf: the directives that Kong puts into its nginx (`nginx_proxy_...`, `nginx_http_...`).

They are judged inside of what Kong's own template writes around them: requests over HTTP/1.1, a listener with
TLS unless proxy_listen has none, and a Lua filter through which every response goes. What plugins do in that
filter is not in the file, so no Kong is called innocent. Source: Kong's kong/templates/nginx_kong.lua and its
configuration reference, "Injecting Nginx directives"; not measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs.findings import Server
from flushcheck.files.embedded.container import Container, Embedded

_NAME = re.compile(r"(^|/)kong[^/]*\.conf[^/]*$")
_INJECTED = re.compile(r"\s*nginx_(?:http|proxy|location)_(\w{1,80})\s*=\s*(\S[^\n]{0,2000})")
_LISTEN = re.compile(r"^[ \t]*proxy_listen[ \t]*=([^\n#]*)", re.MULTILINE)
_OWN = re.compile(
    r"^[ \t]*#?[ \t]*(?:proxy_listen|admin_listen|nginx_(?:http|proxy)_\w+)[ \t]*=", re.MULTILINE
)
_DEFAULT_LISTEN = "0.0.0.0:8000, 0.0.0.0:8443 http2 ssl"

_OPEN = (
    "server {{ {listen} location / {{ proxy_http_version 1.1; "
    "body_filter_by_lua_block {{ Kong.body_filter() }} "
    "proxy_set_header Upgrade $upstream_upgrade; proxy_set_header Connection $upstream_connection; "
    "proxy_pass $upstream_scheme://kong_upstream$upstream_uri; "
)


def _recognises(path: str, text: str) -> bool:
    return _NAME.search(path) is not None and _OWN.search(text) is not None


def _texts(text: str) -> Iterator[Embedded]:
    lines: list[str] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n")):
        match = _INJECTED.match(line)
        # A comment may follow a value, as in the file that Kong ships.
        value = match[2].partition(" #")[0].strip().rstrip(";") if match else ""
        is_set = match is not None and value not in ("", "NONE") and not set("{}") & set(value)
        lines.append(f"{match[1]} {value};" if match and is_set else "")
        if match and is_set and match[1] in seen:
            lines[seen[match[1]]] = ""  # the later one counts
        if match and is_set:
            seen[match[1]] = number
    lines[0] = _OPEN.format(listen=_listen(text)) + lines[0]
    yield Embedded("\n".join(lines) + " } }", 1, "", Server.NGINX)


def _listen(text: str) -> str:
    """Kong's listeners as nginx has them; without a line Kong's default."""
    match = _LISTEN.search(text)
    addresses = (match[1] if match and match[1].strip() not in ("", "off") else _DEFAULT_LISTEN).split(",")
    kept = [
        " ".join(word for word in address.split() if word in ("ssl", "http2") or ":" in word)
        for address in addresses
    ]
    return " ".join(f"listen {address};" for address in kept[:20] if address)


CONTAINER = Container(_recognises, _texts)
