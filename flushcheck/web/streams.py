"""The routes of the four Transports.

Each reads its parameters by the one table of `params`, and sends what the core encodes. A route
differs from another in its path, its Transport and its defaults, so they stand in a table. The
WebSocket's own ways are in `websocket`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from flask import Blueprint, Response, request

from flushcheck.core.model import Transport, UsageError
from flushcheck.core.params import END_NONE, Params, parse
from flushcheck.core.plan import ROUTE_DEFAULTS, ROUTES
from flushcheck.core.stream import Source, resumed, source
from flushcheck.core.transports import encoder, polling
from flushcheck.core.transports.events import HEARTBEAT, retry
from flushcheck.web.access import entry
from flushcheck.web.answers import open_to_all, retry_later
from flushcheck.web.gate import Slot
from flushcheck.web.origin import origin_of
from flushcheck.web.pacing import Ended, Heartbeat, Progress, frames
from flushcheck.web.presence import reader
from flushcheck.web.service import Service


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
    return open_to_all(response) if request.path in SHARED else response


def stream(service: Service, route: Route) -> Response:
    """Answer the request with this route's stream.

    Raises:
        UsageError: the parameters ask for what cannot be.
    """
    entry().transport = route.transport
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
    slot = service.gate.enter()
    if slot is None:
        return retry_later(service.gate.excuse)
    response.call_on_close(slot.release)
    response.response = _frames(service, route, params, rest, slot)
    return response


def _frames(service: Service, route: Route, params: Params, rest: Source, slot: Slot) -> Iterator[bytes]:
    environ = request.environ
    progress = entry().progress = Progress()
    coder = encoder(route.transport, params.framing, params.end)
    head, heartbeat = coder.prelude(params.pad_bytes), None
    if route.transport is Transport.EVENTS:
        head += retry(service.limits.retry_s)
    if route.transport is Transport.EVENTS and params.heartbeat:
        heartbeat = Heartbeat(service.limits.heartbeat_s, HEARTBEAT)
    return frames(
        rest,
        coder,
        reader(environ),
        progress,
        head=head,
        origin=lambda: origin_of(environ, concurrent=slot.concurrent),
        heartbeat=heartbeat,
    )


def poll(service: Service) -> Response:
    """Answer one poll: the Piece it asks for, or the error that a polling client takes as the end.

    Raises:
        UsageError: a parameter besides `cnt` asks for what cannot be.
    """
    entry().transport = Transport.POLLING
    pairs = list(request.args.items(multi=True))
    params = parse(
        [pair for pair in pairs if pair[0] != "cnt"], limits=service.limits, defaults=POLLING.defaults
    )
    wanted = source(params, own_text=service.own_text, limits=service.limits)
    response = _empty(params, polling.CONTENT_TYPE)
    cnt = ",".join(value for name, value in pairs if name == "cnt") or "0"
    # Not int(): that also takes "1_000", " 7" and other scripts' digits.
    if re.fullmatch("[0-9]{1,12}", cnt) and int(cnt) < wanted.count:
        piece = wanted.piece(int(cnt))
        response.data = polling.piece_body(piece, count=wanted.count, pad_bytes=params.pad_bytes)
        entry().progress = Progress(int(request.method == "GET"), Ended.DONE)
    else:
        origin = origin_of(request.environ, concurrent=service.gate.open + 1)
        response.status_code = 400
        response.data = polling.end_body(cnt, count=wanted.count, origin=origin)
    return response


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


def _empty(params: Params, content_type: str) -> Response:
    """A response with a stream's headers and no body yet."""
    response = Response(iter(()), content_type=f"{params.content_type or content_type}; charset=utf-8")
    if params.xab:
        response.headers["X-Accel-Buffering"] = "no"
    if params.cache:
        response.headers["Cache-Control"] = "no-cache, no-transform"
    if params.nosniff:
        response.headers["X-Content-Type-Options"] = "nosniff"
    return response
