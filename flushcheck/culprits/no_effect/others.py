"""Caddy, lighttpd, Varnish, PHP and gunicorn: lines without effect on a hold.

The evidence of each row says where it was measured, or which page says it.
"""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.tree import Block, Directive, Scope
from flushcheck.culprits.no_effect.row import Place, Row, Said, Table

MAX_STATEMENTS = 2_000  # of a VCL program

_XAB = "x-accel-buffering"


def _names_header(place: Place, header: str) -> bool:
    """Whether a Caddy line names this header, behind a matcher or in its block."""
    inside = (child.name for child in place.line.block or ())
    return any(word.lower().lstrip("+?>").partition(":")[0] == header for word in (*place.line.args, *inside))


def _has(place: Place, text: str) -> bool:
    return any(text in arg.lower() for arg in place.line.args)


def _tunes_the_app(place: Place) -> bool:
    """Whether a transport block has a setting that is read as one of buffers or compression."""
    tuned = ("compression", "read_buffer", "write_buffer", "keepalive", "versions")
    return any(child.name in tuned for child in place.line.block or ())


_CADDY = "measured on Caddy 2.6.2"

CADDY = Table(
    (
        Row(
            names=("header_up", "request_header"),
            said=Said.ALWAYS,
            condition=lambda place: _names_header(place, _XAB),
            does="sends the header to the app; nginx reads it in responses, and Caddy not at all",
            evidence=f"{_CADDY}: held, unchanged",
        ),
        Row(
            names=("header_down", "header"),
            condition=lambda place: _names_header(place, _XAB),
            does="is for an nginx in front of Caddy; Caddy itself does not know the header",
            evidence=f"{_CADDY}: held, unchanged",
        ),
        Row(
            names=("flush_interval",),
            condition=lambda place: place.held_by == "caddy-encode",
            does="makes reverse_proxy pass each piece on; encode then keeps it until its block is full",
            evidence=f"{_CADDY}: held for clients that offer gzip",
        ),
        Row(
            names=("header_up",),
            condition=lambda place: any(
                arg.lower().lstrip("-+") == "accept-encoding" for arg in place.line.args
            ),
            does="keeps the app from compressing; Caddy's own encode reads the client's header",
            works="request_header -Accept-Encoding",
            evidence=f"{_CADDY}: held for clients that offer gzip",
        ),
        Row(
            names=("buffer_requests",),
            does="concerns the body of the request",
            evidence=f"{_CADDY}: held, unchanged",
        ),
        Row(
            names=("request_buffers",),  # the same since Caddy 2.7
            does="concerns the body of the request",
            evidence="from documentation: https://caddyserver.com/docs/caddyfile/directives/reverse_proxy",
        ),
        Row(
            names=("transport",),
            condition=_tunes_the_app,
            does="concerns the connection to the app; Caddy holds the response after it has read it",
            evidence=f"{_CADDY}: held, unchanged",
        ),
    ),
    "Caddyfile, the site or route",
)

_LIGHTTPD = "measured on lighttpd 1.4.69"

LIGHTTPD = Table(
    (
        Row(
            names=("setenv.add-request-header", "setenv.set-request-header", "proxy.header"),
            said=Said.ALWAYS,
            condition=lambda place: _has(place, _XAB),
            does="sends the header to the app; nginx reads it in responses, and lighttpd not at all",
            works="server.stream-response-body = 1",
            evidence=f"{_LIGHTTPD}: held, unchanged",
        ),
        Row(
            names=("setenv.add-response-header", "setenv.set-response-header"),
            condition=lambda place: _has(place, _XAB),
            does="is for an nginx in front of lighttpd; lighttpd itself does not know the header",
            evidence=f"{_LIGHTTPD}: held, unchanged",
        ),
        Row(
            names=("server.stream-request-body",),
            does="concerns the body of the request",
            evidence=f"{_LIGHTTPD}: held, unchanged",
        ),
        Row(
            names=("server.chunkqueue-chunk-sz", "server.network-backend"),
            does="concerns how data is kept and written once the response is complete",
            evidence=f"{_LIGHTTPD}: held, unchanged",
        ),
        Row(
            names=("deflate.mimetypes",),
            condition=lambda place: not set(place.line.args) - {"(", ")"},
            does="switches compression off; lighttpd collects the response all the same",
            evidence=f"{_LIGHTTPD}: held, unchanged",
        ),
    ),
    "lighttpd, the block with the backend",
)

_VARNISH = "measured on Varnish 7.1.1"


def _vcl_lines(block: Block, row: Row) -> Iterator[tuple[Directive, Scope]]:
    """The statements of every sub that have one of the row's names."""
    *_, top = block.scope.chain()
    pending = [sub for sub in top.children if sub.name == "sub"]
    count = 0
    while pending and count < MAX_STATEMENTS:
        for line in pending.pop().block or ():
            count += 1
            if line.name in row.names and line.args:
                yield line, top
            if line.block is not None:
                pending.append(line)


VARNISH = Table(
    (
        Row(
            names=("set",),
            said=Said.ALWAYS,
            condition=lambda place: place.arg() in (f"req.http.{_XAB}", f"bereq.http.{_XAB}"),
            does="sends the header to the app; nginx reads it in responses, and Varnish not at all",
            works="set beresp.do_stream = true;",
            evidence=f"{_VARNISH}: held, unchanged",
        ),
        Row(
            names=("set",),
            condition=lambda place: place.arg() in (f"resp.http.{_XAB}", f"beresp.http.{_XAB}"),
            does="is for an nginx in front of Varnish; Varnish itself does not know the header",
            evidence=f"{_VARNISH}: held, unchanged",
        ),
        Row(
            names=("set",),
            condition=lambda place: (
                place.arg() == "beresp.uncacheable" and place.held_by == "varnish-do-stream"
            ),
            does="keeps the response out of the cache; Varnish still fetches all of it first",
            evidence=f"{_VARNISH}: held, unchanged",
        ),
    ),
    "VCL",
    _vcl_lines,
)

PHP = Table(
    (
        Row(
            names=("implicit_flush",),
            condition=lambda place: place.arg() in ("on", "1", "yes", "true"),
            does="flushes what has left PHP's buffers, and does not empty them",
            evidence="measured on PHP 8.2 (FPM), ob_implicit_flush() alone: held, unchanged",
        ),
    ),
    "php.ini",
)

_GUNICORN = "from documentation: https://gunicorn.org/reference/settings/"

_UVICORN = "from documentation: https://www.uvicorn.org/settings/"

APP_SERVER = Table(
    (
        Row(
            names=("--timeout-keep-alive", "--backlog"),
            condition=lambda place: place.block.via == "uvicorn",
            does="concerns connections without a request, or that wait to be accepted; a stream is neither",
            evidence=_UVICORN,
        ),
        Row(
            names=(
                "--channel-timeout",
                "--outbuf-overflow",
                "--outbuf-high-watermark",
                "--asyncore-use-poll",
            ),
            condition=lambda place: place.block.via == "waitress",
            does="concerns idle connections, slow clients or how sockets are watched",
            evidence="measured on waitress 3.0.2: unchanged beside --send-bytes=18000",
        ),
    ),
    "the app server's command line",
)

GUNICORN = Table(
    (
        Row(
            names=("worker_connections", "keepalive"),
            condition=lambda place: place.block.value("worker_class", "sync").first == "sync",
            does="is not read by the sync worker class, which serves one request at a time",
            evidence=_GUNICORN,
        ),
        Row(
            names=("sendfile",),
            does="is for files on disk",
            evidence=_GUNICORN,
        ),
    ),
    "gunicorn's settings",
)
