"""The routes of the four Transports.

Each reads its parameters by the table of `streaming.params` and builds a FrameSchedule; `serving` writes it.
A route differs from the others in its path, its Transport and its defaults, so these are data. The
WebSocket's handshake is in `websocket.py`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

from flask import Blueprint, Response, request

from flushcheck.measurement.plan import ROUTE_DEFAULTS, ROUTES
from flushcheck.model import PRETEND_HEADER, Transport, UsageError
from flushcheck.service.access_log import LogEntry, log_entry
from flushcheck.service.limits.admission import StreamPermit
from flushcheck.service.recipes import Recipe, RefusalRecipe, kind
from flushcheck.service.responses import Refusal, allow_cors
from flushcheck.service.seen_request import request_at_app
from flushcheck.service.service import Service
from flushcheck.service.serving.frame_cache import frame_cache
from flushcheck.service.serving.frame_schedule import EndReason, FrameSchedule, Heartbeat, StreamProgress
from flushcheck.service.serving.http_connection import (
    HttpConnection,
    StreamingResponse,
    WrittenBy,
    socket_to_cut,
)
from flushcheck.service.serving.pretended_schedule import PretendedSchedule
from flushcheck.streaming.params import END_NONE, Params, parse
from flushcheck.streaming.pretend import Pretend, PretendKind, check_transport
from flushcheck.streaming.source import Source, resumed, source
from flushcheck.streaming.transports import encoder, polling
from flushcheck.streaming.transports.events import HEARTBEAT, comment, retry


@dataclass(frozen=True, slots=True)
class Route:
    """One path at which a Transport is served."""

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

# A deploy disconnects every EventSource at once: they reconnect soon, and not all at the same moment.
RECONNECT_S = (0.2, 1.0)

HOT = (CHUNKED, EVENTS)  # see `fast_path`; the origin protocol has other queries at other paths
HOT_PATHS = frozenset(route.path for route in HOT)
SHARED = frozenset(route.path for route in (CHUNKED, EVENTS, POLLING, XHR, ROOT))


def routes(service: Service) -> Blueprint:
    """All streams except the WebSocket and the one at the root, whose path the page has as well."""
    blueprint = Blueprint("streams", __name__)
    blueprint.after_app_request(_share)
    for route in (CHUNKED, XHR, EVENTS):
        blueprint.add_url_rule(
            route.path, endpoint=route.path.replace("/", "-"), view_func=partial(stream, service, route)
        )
    blueprint.add_url_rule(POLLING.path, endpoint="polling", view_func=partial(poll, service))
    blueprint.after_request(partial(_learn_refusal, service))
    return blueprint


def _learn_refusal(service: Service, response: Response) -> Response:
    """Keep how to refuse a stream, for `direct_path`."""
    path = request.path
    if isinstance(response, Refusal) and request.method == "GET" and path in HOT_PATHS:
        reason = response.reason
        response.on_sent = lambda status, headers, body: service.recipes.learn_refusal(
            path, reason, RefusalRecipe(status, headers, body)
        )
    return response


def _share(response: Response) -> Response:
    """Let pages on other hosts use the streams, errors and preflights included.

    By path, because the page has the root as well: the response depends on the Accept header.
    """
    if request.path == ROOT.path:
        response.vary.add("Accept")
    return allow_cors(response) if request.path in SHARED else response


def stream(service: Service, route: Route) -> Response:
    """Respond with this route's stream.

    Raises:
        UsageError: a parameter is not allowed.
        CapacityExceeded: a limit of concurrent streams is reached.
    """
    log_entry().transport = route.transport
    params = parse(request.args.items(multi=True), limits=service.limits, defaults=route.defaults)
    if params.pretend:
        _check_pretend(params.pretend, route)
    whole = source(params, own_text=service.own_text, limits=service.limits)
    rest = _resume(whole, params) if route.transport is Transport.EVENTS else whole
    if rest is None:
        # "Clients will reconnect if the connection is closed; a client can be told to stop
        # reconnecting using the HTTP 204 No Content response code." (WHATWG HTML, 9.2.1)
        nothing = Response(status=204)
        del nothing.headers["Content-Type"]
        return nothing
    return open_stream(service, route, params, rest)


def open_stream(
    service: Service, route: Route, params: Params, rest: Source, *, retries: bool = True
) -> Response:
    """Respond with a stream.

    Args:
        service: the service.
        route: whose transport it has.
        params: of the stream.
        rest: what to send.
        retries: whether an event stream says when to reconnect.

    Raises:
        CapacityExceeded: a limit of concurrent streams is reached.
    """
    entry = log_entry()
    entry.transport = route.transport
    response = _empty(params, encoder(route.transport, params.framing, params.end).content_type)
    if request.method == "HEAD":
        return response
    permit = service.admission.admit(request.environ)
    response.call_on_close(permit.release)
    recipe, environ = Recipe(route.transport, params, rest), request.environ
    frames = frame_schedule(service, recipe, environ, permit, entry, retries=retries)
    if params.pretend:
        held = PretendedSchedule(frames, params.pretend)
        connection = HttpConnection(environ, response.written_by, liveness=False)
        response.response = service.serving.write_pretended(held, connection)
        return response
    response.response = service.serving.write(frames, HttpConnection(environ, response.written_by))
    if route in HOT:
        _learn(service, response, recipe)
    return response


def frame_schedule(
    service: Service,
    recipe: Recipe,
    environ: Mapping[str, Any],
    permit: StreamPermit,
    entry: LogEntry,
    *,
    retries: bool = True,
) -> FrameSchedule:
    """What a stream over HTTP sends, and when. See `open_stream`."""
    params, transport = recipe.params, recipe.transport
    cache = frame_cache(recipe.source, transport, params.framing, params.end)
    preamble, closing_frame, heartbeat = cache.preamble(params.pad_bytes), b"", None
    pretended = str(params.pretend or "")
    if transport is Transport.EVENTS and pretended:
        preamble = comment(f"{PRETEND_HEADER}: {pretended}") + preamble
    if transport is Transport.EVENTS and retries:
        preamble += retry(service.limits.retry_s)
        closing_frame = retry(random.uniform(*RECONNECT_S))
    if transport is Transport.EVENTS and params.heartbeat:
        heartbeat = Heartbeat(service.limits.heartbeat_s, HEARTBEAT)
    return FrameSchedule(
        cache,
        entry.start_stream(),
        request_at_app=lambda: request_at_app(environ, concurrent=permit.concurrent),
        preamble=preamble,
        closing_frame=closing_frame,
        heartbeat=heartbeat,
        pretended=pretended,
    )


def _check_pretend(pretend: Pretend, route: Route) -> None:
    """Refuse a pretended hold that cannot be made for this request.

    Raises:
        UsageError: the client accepts no gzip, or the connection cannot be cut.
    """
    check_transport(pretend, route.transport, route.path)
    if pretend.kind is PretendKind.GZIP and request.accept_encodings.quality("gzip") <= 0:
        raise UsageError(
            "pretend=gzip: the request does not accept gzip; expected Accept-Encoding: gzip, for example "
            "curl --compressed"
        )
    if pretend.kind is PretendKind.CUT and socket_to_cut(request.environ) is None:
        server = request.environ.get("SERVER_SOFTWARE", "unknown")[:40]
        raise UsageError(
            f"pretend={pretend}: this server ({server}) does not hand out the connection that would be cut; "
            "expected another value, for example pretend=end"
        )


def _learn(service: Service, response: StreamingResponse, recipe: Recipe, cnt: int = -1) -> None:
    """Have `fast_path` respond to the next request of this kind, with the headers of this response."""
    known = kind(request.environ)
    if known is None or known.cnt != cnt:
        return
    key = known.key
    response.on_headers = lambda headers: service.recipes.learn(key, replace(recipe, headers=headers))


def poll(service: Service) -> Response:
    """Respond to one poll: the Piece that it asks for, or the error that a polling client takes as the end.

    Raises:
        UsageError: a parameter besides `cnt` is not allowed.
    """
    log_entry().transport = Transport.POLLING
    pairs = tuple(request.args.items(multi=True))
    params, whole = _polled(service, tuple(pair for pair in pairs if pair[0] != "cnt"))
    if params.pretend:
        check_transport(params.pretend, Transport.POLLING, POLLING.path)
    cnt = ",".join(value for name, value in pairs if name == "cnt") or "0"
    # Not int(): that also takes "1_000", " 7" and other scripts' digits.
    if re.fullmatch("[0-9]{1,12}", cnt) and int(cnt) < whole.count:
        response = poll_piece(params, whole, int(cnt))
        _learn(service, response, Recipe(Transport.POLLING, params, whole), int(cnt))
        return response
    origin = request_at_app(request.environ, concurrent=service.limiter.in_use + 1)
    response = _empty(params, polling.CONTENT_TYPE)
    response.status_code = 400
    response.data = polling.end_body(cnt, count=whole.count, origin=origin)
    return response


def poll_piece(params: Params, whole: Source, cnt: int) -> StreamingResponse:
    """Respond to a poll with this Piece."""
    log_entry().transport = Transport.POLLING
    response = _empty(params, polling.CONTENT_TYPE)
    response.data = polling.piece_body(whole.piece(cnt), count=whole.count, pad_bytes=params.pad_bytes)
    log_entry().progress = StreamProgress(int(request.method == "GET"), EndReason.DONE)
    return response


@lru_cache(maxsize=64)
def _polled(service: Service, pairs: tuple[tuple[str, str], ...]) -> tuple[Params, Source]:
    """What is polled. It is the same in every poll of a client, so it is cached.

    Raises:
        UsageError: a parameter is not allowed.
    """
    params = parse(pairs, limits=service.limits, defaults=POLLING.defaults)
    return params, source(params, own_text=service.own_text, limits=service.limits)


def _resume(whole: Source, params: Params) -> Source | None:
    """The rest of the stream after the client's Last-Event-ID, which wins over `start` in the URL."""
    last = request.headers.get("Last-Event-ID", "")
    if not last:
        return whole
    if not re.fullmatch("[0-9]{1,12}", last):
        raise UsageError(
            f"Last-Event-ID: {last[:40]!r}: expected the number of the last piece received, for example 7"
        )
    rest = resumed(whole, int(last))
    # A stream that ends without a record begins again, so that the reconnect loop can be seen.
    return whole if rest is None and params.end == END_NONE else rest


def _empty(params: Params, content_type: str) -> StreamingResponse:
    """A response with a stream's headers and no body yet."""
    response = StreamingResponse(
        iter(()), content_type=f"{params.content_type or content_type}; charset=utf-8"
    )
    response.written_by = WrittenBy()
    if params.xab:
        response.headers["X-Accel-Buffering"] = "no"
    if params.cache:
        response.headers["Cache-Control"] = "no-cache, no-transform"
    if params.nosniff:
        response.headers["X-Content-Type-Options"] = "nosniff"
    if params.pretend:
        response.headers[PRETEND_HEADER] = str(params.pretend)
        if params.pretend.kind is PretendKind.GZIP:
            response.headers["Content-Encoding"] = "gzip"
            response.vary.add("Accept-Encoding")
    return response
