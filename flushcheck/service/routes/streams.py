"""The routes of the four Transports.

Each reads its parameters by the one table of `params`, and sends what the core encodes. A route
differs from another in its path, its Transport and its defaults, so they stand in a table. The
WebSocket's own ways are in `websocket`.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

from flask import Blueprint, Response, request

from flushcheck.measurement.plan import ROUTE_DEFAULTS, ROUTES
from flushcheck.model import Transport, UsageError
from flushcheck.service.access_log import log_entry
from flushcheck.service.limits.admission import StreamPermit
from flushcheck.service.responses import allow_cors
from flushcheck.service.seen_request import request_at_app
from flushcheck.service.service import Service
from flushcheck.service.serving.connection import Streaming, leave, wrap_for
from flushcheck.service.serving.disconnect import Watched, reader
from flushcheck.service.serving.frame_cache import script
from flushcheck.service.serving.frame_schedule import Ended, Heartbeat, Pace, Progress, alone
from flushcheck.streaming.params import END_NONE, Params, parse
from flushcheck.streaming.source import Source, resumed, source
from flushcheck.streaming.transports import encoder, polling
from flushcheck.streaming.transports.events import HEARTBEAT, retry


@dataclass(frozen=True, slots=True)
class Route:
    """One address at which a Transport is served."""

    path: str
    transport: Transport
    defaults: Params


def _own(transport: Transport) -> Route:
    return Route(ROUTES[transport], transport, ROUTE_DEFAULTS[transport])


CHUNKED = _own(Transport.CHUNKED)
EVENTS = _own(Transport.EVENTS)
POLLING = _own(Transport.POLLING)
# As the field's XHR demos have it: they wait for the first 1,024 bytes.
XHR = replace(CHUNKED, path="/xhr", defaults=replace(CHUNKED.defaults, pad_bytes=1024))
# As the field's Node demo has it: the event stream at the root, ended by an event of this name.
ROOT = replace(EVENTS, path="/", defaults=replace(EVENTS.defaults, end="imouttahere"))

# A deploy sends every EventSource away at once: they come back soon, and not all in one moment.
COME_BACK_S = (0.2, 1.0)

SHARED = frozenset(route.path for route in (CHUNKED, EVENTS, POLLING, XHR, ROOT))


def routes(service: Service) -> Blueprint:
    """All streams except the WebSocket and the one at the root, which shares its address with the page."""
    blueprint = Blueprint("streams", __name__)
    blueprint.after_app_request(_share)
    for route in (CHUNKED, XHR, EVENTS):
        blueprint.add_url_rule(
            route.path, endpoint=route.path.replace("/", "-"), view_func=partial(stream, service, route)
        )
    blueprint.add_url_rule(POLLING.path, endpoint="polling", view_func=partial(poll, service))
    return blueprint


def _share(response: Response) -> Response:
    """Open the streams' addresses to pages on other hosts, errors and preflights included.

    By address, because the root belongs to the page as well: what it answers depends on who asks.
    """
    if request.path == ROOT.path:
        response.headers["Vary"] = "Accept"
    return allow_cors(response) if request.path in SHARED else response


def stream(service: Service, route: Route) -> Response:
    """Answer the request with this route's stream.

    Raises:
        UsageError: the parameters ask for what cannot be.
        Crowded: there is no place for one more.
    """
    log_entry().transport = route.transport
    params = parse(request.args.items(multi=True), limits=service.limits, defaults=route.defaults)
    whole = source(params, own_text=service.own_text, limits=service.limits)
    rest = _resume(whole, params) if route.transport is Transport.EVENTS else whole
    if rest is None:
        # "Clients will reconnect if the connection is closed; a client can be told to stop
        # reconnecting using the HTTP 204 No Content response code." (WHATWG HTML, 9.2.1)
        nothing = Response(status=204)
        del nothing.headers["Content-Type"]
        return nothing
    response = _empty(params, encoder(route.transport, params.framing, params.end).content_type)
    if request.method == "HEAD":
        return response
    place = service.admission.admit(request.environ)
    response.call_on_close(place.release)
    response.response = _frames(service, route, params, rest, place, response)
    return response


def _frames(
    service: Service, route: Route, params: Params, rest: Source, place: StreamPermit, response: Streaming
) -> Iterator[bytes]:
    environ = request.environ
    progress = log_entry().start_stream()
    said = script(rest, route.transport, params.framing, params.end)
    head, heartbeat = said.prelude(params.pad_bytes), None
    if route.transport is Transport.EVENTS:
        head += retry(service.limits.retry_s)
    if route.transport is Transport.EVENTS and params.heartbeat:
        heartbeat = Heartbeat(service.limits.heartbeat_s, HEARTBEAT)
    pace = Pace(
        said,
        progress,
        origin=lambda: request_at_app(environ, concurrent=place.concurrent),
        head=head,
        farewell=_farewell(route.transport),
        heartbeat=heartbeat,
    )
    return _body(service, environ, pace, progress, response)


def _body(
    service: Service, environ: Mapping[str, Any], pace: Pace, progress: Progress, response: Streaming
) -> Iterator[bytes]:
    """The frames that the server has to write: the first, with the headers, or all."""
    yielded_bytes = 0
    while not progress.pieces:
        frame = pace.take(time.monotonic())
        yielded_bytes += len(frame)
        yield frame
    who = reader(environ)
    wrap = wrap_for(response.writer, who.sock, yielded_bytes=yielded_bytes)
    if wrap and isinstance(who, Watched):
        service.engine.carry_out(pace, wrap, progress, reader=who)
    else:
        yield from alone(pace, who, progress, draining=lambda: service.drain.due)
    leave(environ, progress.ended)


def _farewell(transport: Transport) -> bytes:
    """What a stream that ends before its end says to clients that connect again by themselves."""
    if transport is not Transport.EVENTS:
        return b""
    return retry(random.uniform(*COME_BACK_S))


def poll(service: Service) -> Response:
    """Answer one poll: the Piece it asks for, or the error that a polling client takes as the end.

    Raises:
        UsageError: a parameter besides `cnt` asks for what cannot be.
    """
    log_entry().transport = Transport.POLLING
    pairs = tuple(request.args.items(multi=True))
    params, wanted = _polled(service, tuple(pair for pair in pairs if pair[0] != "cnt"))
    response = _empty(params, polling.CONTENT_TYPE)
    cnt = ",".join(value for name, value in pairs if name == "cnt") or "0"
    # Not int(): that also takes "1_000", " 7" and other scripts' digits.
    if re.fullmatch("[0-9]{1,12}", cnt) and int(cnt) < wanted.count:
        piece = wanted.piece(int(cnt))
        response.data = polling.piece_body(piece, count=wanted.count, pad_bytes=params.pad_bytes)
        log_entry().progress = Progress(int(request.method == "GET"), Ended.DONE)
    else:
        origin = request_at_app(request.environ, concurrent=service.limiter.in_use + 1)
        response.status_code = 400
        response.data = polling.end_body(cnt, count=wanted.count, origin=origin)
    return response


@lru_cache(maxsize=64)
def _polled(service: Service, pairs: tuple[tuple[str, str], ...]) -> tuple[Params, Source]:
    """What is polled: the same with every poll of a client, so it is not worked out anew each time.

    Raises:
        UsageError: a parameter asks for what cannot be.
    """
    params = parse(pairs, limits=service.limits, defaults=POLLING.defaults)
    return params, source(params, own_text=service.own_text, limits=service.limits)


def _resume(whole: Source, params: Params) -> Source | None:
    """Where the client's own word says it was. It wins over `start`, which is in the address for good."""
    last = request.headers.get("Last-Event-ID", "")
    if not last:
        return whole
    if not re.fullmatch("[0-9]{1,12}", last):
        raise UsageError(
            f"Last-Event-ID: {last[:40]!r}: expected the number of the last Piece received, for example 7"
        )
    rest = resumed(whole, int(last))
    # A stream that ends without a word begins anew, so that the reconnect loop can be seen.
    return whole if rest is None and params.end == END_NONE else rest


def _empty(params: Params, content_type: str) -> Streaming:
    """A response with a stream's headers and no body yet."""
    response = Streaming(iter(()), content_type=f"{params.content_type or content_type}; charset=utf-8")
    if params.xab:
        response.headers["X-Accel-Buffering"] = "no"
    if params.cache:
        response.headers["Cache-Control"] = "no-cache, no-transform"
    if params.nosniff:
        response.headers["X-Content-Type-Options"] = "nosniff"
    return response
