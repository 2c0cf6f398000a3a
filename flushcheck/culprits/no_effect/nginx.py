"""nginx: lines without effect on a hold. The evidence of each row says where it was measured.

`{own}` is the first word of this pass's directives ("proxy"), `{other}` that of the line's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from flushcheck.configs import nginx
from flushcheck.configs.tree import Directive, Scope
from flushcheck.culprits.no_effect.row import Place, Row, Said, Table, both, first_is, has_header

_MEASURED = "measured on nginx 1.22.1"
_HEADERS_MORE = "from documentation: https://github.com/openresty/headers-more-nginx-module"
_PASSENGER = "from documentation: https://www.phusionpassenger.com/docs/references/config_reference/nginx/"

FAMILIES = ("proxy", "fastcgi", "uwsgi", "scgi", "grpc", "passenger")
_BUFFERED = ("proxy", "fastcgi", "uwsgi", "scgi")
_PASSES = {family: f"{family}_pass" for family in FAMILIES} | {"passenger": "passenger_enabled"}

# What is pasted beside the pass of another family; nginx refuses the other names, for example grpc_buffering.
_SUFFIXES = (
    *("buffering", "buffers", "busy_buffers_size", "max_temp_file_size", "request_buffering", "cache"),
    *("no_cache", "cache_bypass", "force_ranges", "limit_rate", "store", "ignore_client_abort"),
)
_SHARED_SUFFIXES = (  # that grpc_pass has too
    *("buffer_size", "ignore_headers", "pass_header", "hide_header", "read_timeout", "send_timeout"),
)
_SINGLE = ("proxy_http_version", "fastcgi_keep_conn", "proxy_set_header", "grpc_set_header")


def family(name: str) -> str:
    """The first word of a directive's name, if it is that of a pass."""
    first = name.partition("_")[0]
    return first if first in FAMILIES else ""


def _words(place: Place) -> dict[str, str]:
    own, other = nginx.prefix(place.block) or "passenger", family(place.line.name)
    off = "passenger_buffer_response off;" if own == "passenger" else f"{own}_buffering off;"
    return {
        "own": own,
        "own_pass": _PASSES[own],
        "other_pass": _PASSES.get(other, other),
        "off": off,
    }


def _of_another_pass(place: Place) -> bool:
    """Whether no pass inside of the line's level uses it. Outside of a location only the buffering counts."""
    own, other = nginx.prefix(place.block) or "passenger", family(place.line.name)
    if place.block.is_fragment or other == own:
        return False
    if place.level not in ("location", "if", "limit_except"):
        if not (place.held_by and place.line.name.endswith("_buffering")) or place.block.unread_includes:
            return False
    used: frozenset[str] = place.scope.cached("passes", lambda: _passes_inside(place.scope.children))
    return _PASSES[other] not in used


def _passes_inside(directives: Iterable[Directive]) -> frozenset[str]:
    """Every pass in these statements and in the blocks below, and "include" if one was not read."""
    passes = set()
    pending = [iter(directives)]
    while pending:
        for directive in pending.pop():
            if directive.block is not None:
                pending.append(iter(directive.block))
            elif directive.name in _PASSES.values():
                passes.add(directive.name)
    return frozenset(passes)


def _near(place: Place) -> bool:
    """Whether the line stands in a location or server: at http such lines are general settings."""
    return place.level != "http" and (place.scope.directive is not None or place.block.is_fragment)


def _off_everywhere(name: str, place: Place) -> bool:
    """Whether this setting is on at no level around the line, so that an `off` changes nothing."""
    if place.block.unread_includes or place.block.is_fragment:
        return False
    levels: list[Scope] = list(place.scope.chain())
    return not any(line.args[:1] not in ((), ("off",)) for scope in levels[1:] for line in scope.own(name))


def _gzip_was_off(place: Place) -> bool:
    return place.arg() == "off" and _off_everywhere("gzip", place)


def _cache_was_off(place: Place) -> bool:
    name = f"{nginx.prefix(place.block)}_cache"
    if place.line.name == name:
        return place.arg() == "off" and _off_everywhere(name, place)
    value = place.block.value(name, "off")
    return family(place.line.name) == nginx.prefix(place.block) and value.first == "off"


def _own_family(place: Place) -> bool:
    return _near(place) and family(place.line.name) == nginx.prefix(place.block)


def _in_location(place: Place) -> bool:
    return place.level == "location" and family(place.line.name) == nginx.prefix(place.block)


def _larger(place: Place) -> bool:
    """Whether these buffers are larger than nginx's own of a page."""
    size = nginx.size_bytes(place.line.args[-1]) if place.line.args else None
    return _in_location(place) and size is not None and size > 4096


def _held_by_gzip(place: Place) -> bool:
    return _near(place) and place.held_by == "nginx-gzip"


def _connection_over_http10(place: Place) -> bool:
    if (
        place.block.is_fragment
        or place.block.via != "http"
        or place.arg() != "connection"
        or "upgrade" in place.arg(1)
    ):
        return False
    return nginx.http_version(place.block).first == "1.0"


def _php_setting(place: Place) -> bool:
    off = re.search(r"output_buffering\s*=\s*(0|off)\b", place.arg(1))
    return place.arg() in ("php_value", "php_admin_value") and off is not None


def _names(suffix: str, families: Iterable[str] = _BUFFERED) -> tuple[str, ...]:
    return tuple(f"{family}_{suffix}" for family in families)


_WRONG_FAMILY = (
    *(name for suffix in _SUFFIXES for name in _names(suffix)),
    *(name for suffix in _SHARED_SUFFIXES for name in _names(suffix, (*_BUFFERED, "grpc"))),
    *_SINGLE,
)
_XAB = "x-accel-buffering"
_TO_APP = ("proxy_set_header", "grpc_set_header")
_PARAMS = ("fastcgi_param", "uwsgi_param", "scgi_param")

ROWS = (
    Row(
        names=_WRONG_FAMILY,
        said=Said.ALWAYS,
        condition=_of_another_pass,
        does="belongs to {other_pass}, and this block passes with {own_pass}",
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED}: unchanged beside each other pass",
    ),
    Row(
        names=("passenger_buffer_response",),
        said=Said.ALWAYS,
        condition=_of_another_pass,
        does="belongs to {other_pass}, and this block passes with {own_pass}",
        works="{off}",
        fields=_words,
        evidence=_PASSENGER,
    ),
    Row(
        names=(*_TO_APP, *_PARAMS),
        said=Said.ALWAYS,
        inherits=False,
        condition=lambda place: has_header(_XAB)(place) or place.arg() == "http_x_accel_buffering",
        does="sends X-Accel-Buffering to the app; nginx reads it in the app's response only",
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("more_set_input_headers",),
        said=Said.ALWAYS,
        inherits=False,
        condition=has_header(_XAB),
        does="sends X-Accel-Buffering to the app; nginx reads it in the app's response only",
        works="{off}",
        fields=_words,
        evidence=_HEADERS_MORE,
    ),
    Row(
        names=("add_header", "more_set_headers"),
        inherits=False,
        condition=has_header(_XAB),
        does=(
            "adds the header for the client, after nginx has decided to buffer; it helps only an nginx in "
            "front of this one"
        ),
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED}: held, the header reaches the client; an outer nginx obeys it",
    ),
    Row(
        names=_names("hide_header"),
        inherits=False,
        condition=has_header(_XAB),
        does="hides X-Accel-Buffering from the client, as nginx does without it; nginx obeys it all the same",
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED}: held without the app's header, flows with it",
    ),
    Row(
        names=_names("pass_header"),
        inherits=False,
        condition=has_header(_XAB),
        does="passes X-Accel-Buffering on if the app sends it, for a proxy in front of this nginx",
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED}: held",
    ),
    Row(
        names=_names("request_buffering"),
        condition=_own_family,
        does="concerns the body of the request; the response stays in its buffers",
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("chunked_transfer_encoding",),
        said=Said.ALWAYS,
        condition=first_is("off"),
        does=(
            "makes nginx end a stream by closing the connection, so that a stream that was cut looks "
            "complete; it changes nothing about when data is sent"
        ),
        evidence=f"{_MEASURED}: held, and the end by close",
    ),
    Row(
        names=("chunked_transfer_encoding",),
        condition=first_is("on"),
        does="is nginx's default, and concerns how a response is written, not when",
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("add_header",),
        said=Said.ALWAYS,
        inherits=False,
        condition=has_header("content-encoding"),
        does=(
            "adds a header and does not change the body: a body that nginx compresses gets a wrong name, and "
            "clients cannot read it"
        ),
        works="gzip off;",
        evidence=f"{_MEASURED}: held, and a gzip body named identity",
    ),
    Row(
        names=("more_set_headers",),
        said=Said.ALWAYS,
        inherits=False,
        condition=has_header("content-encoding"),
        does=(
            "adds a header and does not change the body: a body that nginx compresses gets a wrong name, and "
            "clients cannot read it"
        ),
        works="gzip off;",
        evidence=_HEADERS_MORE,
    ),
    Row(
        names=("add_header",),
        said=Said.ALWAYS,
        inherits=False,
        condition=has_header("content-type"),
        does="adds a second Content-Type and leaves that of the app in place",
        evidence=f"{_MEASURED}: two headers",
    ),
    Row(
        names=("add_header",),
        said=Said.ALWAYS,
        inherits=False,
        condition=has_header("transfer-encoding"),
        does=("adds a header that nginx writes by itself; one on a body without chunks breaks the response"),
        evidence=f"{_MEASURED}: held, and the header on a body without chunks",
    ),
    Row(
        names=("add_header",),
        inherits=False,
        condition=lambda place: has_header("cache-control")(place) and "no-transform" in place.line.whole,
        does="is for caches and proxies in front of nginx; nginx itself ignores no-transform",
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("more_set_headers",),
        inherits=False,
        condition=lambda place: has_header("cache-control")(place) and "no-transform" in place.line.whole,
        does="is for caches and proxies in front of nginx; nginx itself ignores no-transform",
        evidence=_HEADERS_MORE,
    ),
    Row(
        names=("add_header",),
        inherits=False,
        condition=has_header("connection"),
        does="adds a header that nginx writes by itself, and concerns the connection, not its buffers",
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("more_set_headers",),
        inherits=False,
        condition=has_header("connection"),
        does="adds a header that nginx writes by itself, and concerns the connection, not its buffers",
        evidence=_HEADERS_MORE,
    ),
    Row(
        names=(
            "tcp_nodelay",
            "tcp_nopush",
            "sendfile",
            "aio",
            "directio",
            "output_buffers",
            "postpone_output",
        ),
        condition=_near,
        does="concerns the socket or files on disk; the response waits in nginx's buffers before that",
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("lingering_close", "client_body_buffer_size"),
        condition=_near,
        does="concerns the request or the end of a connection, not the buffers of a response",
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("limit_rate", "limit_rate_after", *_names("limit_rate")),
        condition=both(_near, first_is("0")),
        does="is the default: no limit of the rate; the hold is a buffer",
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=(*_names("cache"), *_names("no_cache"), *_names("cache_bypass")),
        condition=both(_near, _cache_was_off),
        does="switches off a cache that is not on here; the hold is nginx's buffer",
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=(*_names("store"), *_names("force_ranges"), *_names("ignore_client_abort")),
        condition=_own_family,
        does="concerns copies on disk, ranges or clients that leave; the response stays in its buffers",
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=_names("max_temp_file_size"),
        condition=_own_family,
        does="limits what nginx writes to disk when its buffers are full; it still fills them first",
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=(*_names("buffers"), *_names("buffer_size"), *_names("busy_buffers_size")),
        condition=_larger,
        does="makes the buffers larger, so that nginx collects more before it sends",
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED}: 1 KiB pieces held whole, 4 KiB blocks before",
    ),
    Row(
        names=(*_names("buffers"), *_names("buffer_size"), *_names("busy_buffers_size")),
        condition=_in_location,
        does="sets the size of what nginx collects; pieces that are smaller still wait",
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED}: 8-byte pieces held, unchanged",
    ),
    Row(
        names=("gzip",),
        condition=both(_near, _gzip_was_off),
        does="switches off a compression that is not on here; the hold is nginx's buffer",
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("gzip_buffers", "gzip_comp_level", "gzip_static", "gunzip", "gzip_disable", "gzip_vary"),
        condition=_held_by_gzip,
        does="tunes the compression; nginx still does not flush it while it buffers",
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED}: held for clients that offer gzip",
    ),
    Row(
        names=("proxy_set_header",),
        inherits=False,
        condition=has_header("accept-encoding"),
        does="tells the app not to compress; what holds here is nginx",
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("proxy_set_header",),
        inherits=False,
        condition=_connection_over_http10,
        does="does nothing without proxy_http_version 1.1",
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("proxy_set_header",),
        inherits=False,
        condition=lambda place: place.arg() in ("content-type", "cache-control", "transfer-encoding", "te"),
        does="is sent to the app with the request; it changes no response",
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("default_type",),
        condition=both(_near, first_is("text/event-stream", "application/x-ndjson")),
        does="is for files without a known type; the app's responses keep their own",
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("fastcgi_param",),
        inherits=False,
        condition=_php_setting,
        does="switches off PHP's own buffer, which is another one; nginx still collects",
        works="{off}",
        fields=_words,
        evidence=f"{_MEASURED} with PHP 8.2: held until fastcgi_buffering off",
    ),
)

TABLE = Table(ROWS, "nginx, the block that passes to the app")
