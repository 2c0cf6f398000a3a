"""HAProxy: lines without effect on its ticks. The evidence of each row says where it was measured."""

from __future__ import annotations

from flushcheck.configs.tree import Directive, ellipsize
from flushcheck.culprits.no_effect.row import Condition, Place, Row, Said, Table

MAX_SHOWN = 160  # characters of a line in a sentence

_CURE = "option http-no-delay"
_MEASURED = "measured on HAProxy 2.6.12"
_REFUSED = "measured on HAProxy 2.6.12, 3.0.11 and 3.2.26 (haproxy -c)"

# Kept by older versions or by none: HAProxy does not start with them.
_OLD_OPTIONS = ("option forceclose", "option http-tunnel", "option http_proxy", "option http-use-htx")
_NO_OPTIONS = (
    *(
        "option tcp-nodelay",
        "option nodelay",
        "option no-delay",
        "option tcp-no-delay",
        "option http-nodelay",
    ),
    *("no-delay", "tcp-nodelay", "tcp_nodelay", "nodelay", "http-no-delay"),
)
_HTTP_OPTIONS = (
    *("option http-no-delay", "option http-server-close", "option http-keep-alive", "option httpclose"),
    *("option http-buffer-request", "option http-pretend-keepalive"),
)


def _sets(header: str) -> Condition:
    """Whether an http-request or http-response line sets this header."""
    return lambda place: place.arg() in ("set-header", "add-header") and place.arg(1) == header


def _no_transform(place: Place) -> bool:
    return _sets("cache-control")(place) and "no-transform" in place.line.whole


def _in_tcp_mode(place: Place) -> bool:
    """Whether the line stands in a section of mode tcp itself; what it inherits serves other sections."""
    return place.block.via == "tcp" and place.scope is place.block.scope and place.arg() != "off"


def _is_on(place: Place) -> bool:
    return place.arg() != "off"


def _in_global(place: Place) -> bool:
    return place.block.via == "global"


ROWS = (
    Row(
        names=_OLD_OPTIONS,
        said=Said.ALWAYS,
        breaks=True,
        does="is an option of older versions, and HAProxy does not start with it",
        works=_CURE,
        evidence=f"{_REFUSED}: is not supported any more",
    ),
    Row(
        names=_NO_OPTIONS,
        said=Said.ALWAYS,
        breaks=True,
        condition=lambda place: place.block.via != "global",
        does="is no option of HAProxy, which does not start with it",
        works=_CURE,
        evidence=f"{_REFUSED}: unknown option, or unknown keyword",
    ),
    Row(
        names=_HTTP_OPTIONS,
        said=Said.ALWAYS,
        breaks=True,
        condition=_in_global,
        does="belongs to a frontend, backend, listen or defaults section; in global HAProxy refuses it",
        works=_CURE,
        evidence=f"{_REFUSED}: unknown keyword 'option' in 'global' section",
    ),
    Row(
        names=(*_HTTP_OPTIONS, "compression"),
        said=Said.ALWAYS,
        condition=_in_tcp_mode,
        does="needs mode http; in mode tcp HAProxy ignores it, and passes each chunk on at once",
        evidence=f"{_MEASURED}: mode tcp flows with the line and without it",
    ),
    Row(
        names=("http-request",),
        said=Said.ALWAYS,
        condition=_sets("x-accel-buffering"),
        does="sends the header to the app; nginx reads it in responses, and HAProxy not at all",
        works=_CURE,
        evidence=f"{_MEASURED}: ticks, unchanged",
    ),
    Row(
        names=("http-response", "http-after-response"),
        condition=_sets("x-accel-buffering"),
        does="is for an nginx in front of HAProxy; HAProxy itself does not know the header",
        works=_CURE,
        evidence=f"{_MEASURED}: ticks, unchanged",
    ),
    Row(
        names=("http-response", "http-after-response"),
        condition=_no_transform,
        does="stops compression, of HAProxy too; the ticks are not made by a compression",
        works=_CURE,
        evidence=f"{_MEASURED}: ticks, unchanged",
    ),
    Row(
        names=("option http-buffer-request",),
        condition=_is_on,
        does="concerns the body of the request",
        works=_CURE,
        evidence=f"{_MEASURED}: ticks, unchanged",
    ),
    Row(
        names=(
            *("option nolinger", "option tcp-smart-accept", "option tcp-smart-connect"),
            *("option splice-auto", "option splice-response", "option http-pretend-keepalive"),
        ),
        condition=_is_on,
        does="concerns how connections are opened, kept or closed, or how bytes are copied",
        works=_CURE,
        evidence=f"{_MEASURED}: ticks, unchanged",
    ),
)


def _written(line: Directive) -> str:
    """A line as its file has it: in the tree `option x` is a name, "on" or "off" its first argument."""
    if not line.name.startswith("option "):
        return line.text
    no = "no " if line.args[:1] == ("off",) else ""
    return ellipsize(" ".join((f"{no}{line.name}", *line.args[1:])), MAX_SHOWN)


TABLE = Table(ROWS, "HAProxy, the frontend or defaults section", written=_written)
