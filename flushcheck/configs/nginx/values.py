"""Which values are in force in an nginx block, and what they do to a response."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs.assumptions import Assumption, Condition
from flushcheck.configs.templates import is_marked
from flushcheck.configs.tree import Block, Directive, Value
from flushcheck.configs.versions import NGINX_UPSTREAM_HTTP11
from flushcheck.model import Side
from flushcheck.model.versions import shown

_PREFIXES = {"http": "proxy", "fastcgi": "fastcgi", "uwsgi": "uwsgi", "scgi": "scgi"}


def prefix(block: Block) -> str:
    """The first word of this pass's directives: "proxy", "fastcgi", "uwsgi" or "scgi"; "" for Passenger."""
    return _PREFIXES.get(block.via, "")


def buffering(block: Block) -> Value:
    """proxy_buffering, or the same setting of another module: on by default."""
    return block.value(f"{prefix(block)}_buffering", "on")


def http_version(block: Block) -> Value:
    """proxy_http_version. Its default changed; an unknown version is taken for an older one, which holds."""
    change = NGINX_UPSTREAM_HTTP11
    value, when = ("1.1", "since") if change.side(block.version) is Side.SINCE else ("1.0", "until")
    default = f"nginx's default {when} {shown(change.since)}"
    return block.value("proxy_http_version", value, default)


def holds(block: Block) -> bool:
    """Whether nginx keeps the response in its buffers, compression and caches aside."""
    if not prefix(block) or buffering(block).first == "off":
        return False
    # What ends by itself passes piece by piece, with buffering on or off: the chunks of an HTTP/1.1 app, the
    # records of a FastCGI connection that is kept. Measured on nginx 1.22.1, 1.26.3 and 1.30.6.
    if block.via == "fastcgi":
        return not keeps_connection(block)
    return block.via != "http" or http_version(block).first == "1.0"


def keeps_connection(block: Block) -> bool:
    """Whether a FastCGI response ends with its last record, not with the connection (fastcgi_keep_conn)."""
    return block.value("fastcgi_keep_conn", "off").first == "on"


def flushes_chunks(block: Block) -> bool:
    """Whether buffering is on, but the chunks of an HTTP/1.1 app, or FastCGI records, pass one by one."""
    return block.via in ("http", "fastcgi") and buffering(block).first != "off" and not holds(block)


def ignored_x_accel(block: Block) -> Directive | None:
    """The line that makes nginx ignore X-Accel-Buffering; None if nginx obeys the header."""
    return ignored(block, "x-accel-buffering")


def ignored(block: Block, header: str) -> Directive | None:
    """The line of proxy_ignore_headers, or the same of another module, that names this response header."""
    name = f"{prefix(block)}_ignore_headers"
    level = block.scope.level(name)
    if level is None:
        return None
    line: Directive | None = level.cached(
        f"{name} {header}",
        lambda: next((line for line in level.own(name) if header in map(str.lower, line.args)), None),
    )
    return line


def request_header(block: Block, name: str) -> Directive | None:
    """The proxy_set_header line in force for this request header, named in lower case."""
    level = block.scope.level("proxy_set_header")
    if level is None:
        return None
    lines: dict[str, Directive] = level.cached(
        "proxy_set_header",
        lambda: {line.args[0].lower(): line for line in level.own("proxy_set_header") if line.args},
    )
    return lines.get(name)


def block_bytes(block: Block) -> int:
    """Bytes that arrive together when nginx holds: one of proxy_buffers (8 of a page each by default)."""
    sizes = block.value(f"{prefix(block)}_buffers", "").args
    return (size_bytes(sizes[1]) if len(sizes) == 2 else None) or 4096


def size_bytes(text: str) -> int | None:
    """nginx's size, for example "4k"; None if it is no size, for example a variable."""
    match = re.fullmatch(r"(\d{1,12})([kmg]?)", text.strip().lower())
    return int(match[1]) * {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[match[2]] if match else None


def seconds(text: str) -> float | None:
    """nginx's time, for example "60", "75s" or "1h 30m"; None if it is no time."""
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2592000, "y": 31536000}
    parts = re.findall(r"(\d{1,9})(ms|[smhdwMy])?(?:\s+|$|(?=\d))", text[:40])
    if "".join(f"{number}{unit}" for number, unit in parts) != "".join(text.split()):
        return None
    return sum(int(number) * units[unit or "s"] for number, unit in parts) if parts else None


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    if not prefix(block):
        return "Passenger does not buffer the response"
    value = buffering(block)
    if value.first == "off":
        return block.say(value)
    if block.via == "fastcgi":
        return f"{block.say(block.value('fastcgi_keep_conn', 'off'))}: FastCGI records pass one by one"
    version = http_version(block)
    return f"proxied with HTTP/{version.first} ({block.where(version)}): chunks pass one by one"


def conditions(block: Block) -> Iterator[Condition]:
    """What has to be true for a block without Findings to let a stream through. Measured on nginx 1.22.1."""
    if flushes_chunks(block):
        # A response with a Content-Length, or one that ends with its connection, fills the buffers.
        if block.via == "http":
            yield Condition(Assumption.CHUNKED, "while the app sends chunks")
        if not block.listeners:
            yield Condition(Assumption.PLAIN_HTTP, "if no reader uses HTTP/1.1 over TLS")
    if block.is_fragment:
        return  # it has no pass of its own
    address = block.pass_directive.args[0]
    encrypted = block.via == "http" and (
        address.startswith("https://") or is_marked(address.partition("://")[0])
    )
    if encrypted and block.inner_server is None:
        clause = "if what it calls over https flushes each piece, which an nginx that buffers does not"
        yield Condition(Assumption.UPSTREAM_FLUSHES, clause)


def decisive(block: Block) -> Iterator[str]:
    """The settings that decide, beside those that linters report, whether this block passes chunks on."""
    yield "limit_rate"
    first = prefix(block)
    if first:
        yield f"{first}_limit_rate"
    if deciding(block) is not None or not first:
        return
    yield from (
        "proxy_http_version",
        "fastcgi_keep_conn",
        f"{first}_cache",
        f"{first}_ignore_headers",
        "ssi",
        "sub_filter_types",
    )
    for encoder in ("gzip", "brotli", "zstd"):
        yield encoder
        if block.value(encoder, "off").first == "on":
            yield f"{encoder}_types"


def deciding(block: Block) -> Value | None:
    """proxy_buffering off and its like: compression and caches change nothing then."""
    value = buffering(block) if prefix(block) else None
    return value if value is not None and value.first == "off" else None
