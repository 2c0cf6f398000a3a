"""The WebSocket stream: flask-sock declares the route, simple-websocket makes the handshake (RFC 6455).

After the handshake the connection is `serving.websocket_connection`'s, so simple-websocket gets no thread and
no socket to write to.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Flask, Response, g, request
from flask_sock import Sock
from simple_websocket import Server

from flushcheck.measurement.plan import ROUTE_DEFAULTS, ROUTES
from flushcheck.model import PRETEND_HEADER, Transport
from flushcheck.model.codec import to_json
from flushcheck.service.access_log import LogEntry, log_entry
from flushcheck.service.limits import cross_site
from flushcheck.service.limits.admission import StreamPermit
from flushcheck.service.recipes import Recipe, kind
from flushcheck.service.responses import allow_cors, json_response
from flushcheck.service.seen_request import request_at_app
from flushcheck.service.service import Service
from flushcheck.service.serving import handshake, internals
from flushcheck.service.serving.frame_cache import frame_cache
from flushcheck.service.serving.frame_schedule import FrameSchedule
from flushcheck.service.serving.pretended_schedule import PretendedSchedule
from flushcheck.service.serving.websocket_connection import WebSocketConnection
from flushcheck.service.serving.websocket_protocol import message
from flushcheck.streaming.params import parse
from flushcheck.streaming.pretend import check_transport
from flushcheck.streaming.source import source

PATH = ROUTES[Transport.WEBSOCKET]
DEFAULTS = ROUTE_DEFAULTS[Transport.WEBSOCKET]


class NoThread:
    """The thread in which simple-websocket would read: it never starts."""

    name = ""

    def __init__(self, target: Callable[[], None]) -> None:
        """Forget what to run."""

    def start(self) -> None:
        """Do nothing."""


class HandshakeSocket:
    """The socket that simple-websocket gets: it takes the response to the handshake, and nothing after it.


    flask-sock closes the WebSocket after the view, when that is done already.
    """

    def __init__(self, sock: socket.socket, *, pretended: str = "") -> None:
        """Write to this connection.

        Args:
            sock: the connection.
            pretended: by which rule the stream is held on request; "" if it is not.
        """
        self._sock: socket.socket | None = sock
        self._pretended = pretended
        self.response = b""

    def send(self, data: bytes) -> int:
        """Send all of it, once. A client that is gone is no error here: the stream notices."""
        sock, self._sock = self._sock, None
        if sock:
            if self._pretended:
                header = f"{PRETEND_HEADER}: {self._pretended}".encode()
                data = data.replace(b"\r\n\r\n", b"\r\n%b\r\n\r\n" % header, 1)
            self.response = data
            with contextlib.suppress(OSError):
                sock.sendall(data)
        return len(data)


def routes(app: Flask, service: Service) -> Blueprint:
    """The route of the WebSocket, and the response to requests without a handshake."""
    app.config["SOCK_SERVER_OPTIONS"] = {"thread_class": NoThread}
    blueprint = Blueprint("websocket", __name__)
    blueprint.after_request(allow_cors)

    @blueprint.before_request
    def begin() -> Response | None:
        log_entry().transport = Transport.WEBSOCKET
        return _prepare(service) if request.endpoint == "websocket.stream" else None

    @Sock().route(PATH, bp=blueprint)  # type: ignore[untyped-decorator]
    def stream(ws: Server) -> None:
        g.ws = ws
        _stream(service)

    @blueprint.get(PATH)
    def plain() -> Response:
        # A request whose Upgrade header a proxy has removed: the response says what arrived. A page learns
        # nothing of a failed handshake, so it asks here whether its own site was the reason.
        asked = {**request.environ, "HTTP_ORIGIN": request.environ.get("HTTP_X_PAGE_ORIGIN")}
        rejection = cross_site.origin_fault(service.limits, asked) or handshake.check(request.environ)
        return _reject(service, rejection or handshake.NOT_A_HANDSHAKE)

    @blueprint.teardown_request
    def teardown(_error: BaseException | None) -> None:
        opening: Opening | None = g.pop("opening", None)
        if opening:
            opening.permit.release()
            # Behind a WebSocket the server never closes the response.
            log_entry().write()
        ws: Server | None = g.pop("ws", None)
        if ws:
            internals.forget_websocket(ws)

    return blueprint


@dataclass(frozen=True, slots=True)
class Opening:
    """What the stream needs, from before the handshake took the request's headers."""

    recipe: Recipe
    environ: Mapping[str, Any]
    permit: StreamPermit


def _prepare(service: Service) -> Response | None:
    """Make everything ready for the handshake; the response instead if it is rejected.

    Raises:
        UsageError: a parameter is not allowed.
        CapacityExceeded: a limit of concurrent streams is reached.
    """
    environ = request.environ
    rejection = handshake.check(environ) or cross_site.origin_fault(service.limits, environ)
    if rejection:
        return _reject(service, rejection)
    params = parse(request.args.items(multi=True), limits=service.limits, defaults=DEFAULTS)
    if params.pretend:
        check_transport(params.pretend, Transport.WEBSOCKET, PATH)
    whole = source(params, own_text=service.own_text, limits=service.limits)
    permit = service.admission.admit(environ)
    # A copy, since the handshake takes the headers away; without Flask's own entry, through which a WebSocket
    # that has ended would hold itself, and 20 KB, until the garbage collector runs.
    original = {key: value for key, value in environ.items() if key != "werkzeug.request"}
    g.opening = Opening(Recipe(Transport.WEBSOCKET, params, whole), original, permit)
    handshake.strip_headers(environ)
    for name in handshake.SOCKETS:
        if name in environ:
            environ[name] = HandshakeSocket(environ[name], pretended=str(params.pretend or ""))
    return None


def _reject(service: Service, rejection: handshake.Rejection) -> Response:
    at_app = request_at_app(request.environ, concurrent=service.limiter.in_use + 1)
    return json_response(
        {"error": rejection.reason, "request_at_app": to_json(at_app)}, rejection.status, rejection.headers
    )


def _stream(service: Service) -> None:
    """Send the stream over the open WebSocket, and close it."""
    opening: Opening = g.opening
    entry, recipe, environ = log_entry(), opening.recipe, opening.environ
    entry.status = 101
    accept, known = handshake.accept(environ), kind(environ)
    sock = request.environ.get("gunicorn.socket")
    around = sock.response.split(accept) if isinstance(sock, HandshakeSocket) else ()
    if known and known.cnt < 0 and len(around) == 2 and not recipe.params.pretend:
        service.recipes.learn(known.key, replace(recipe, handshake=(around[0], around[1])))
    run(service, recipe, environ, opening.permit, entry)


def run(
    service: Service, recipe: Recipe, environ: Mapping[str, Any], permit: StreamPermit, entry: LogEntry
) -> None:
    """Send the stream over the open WebSocket of this WSGI request, and close it."""
    params = recipe.params
    frames = FrameSchedule(
        frame_cache(recipe.source, Transport.WEBSOCKET, params.framing, params.end),
        entry.start_stream(),
        request_at_app=lambda: request_at_app(environ, concurrent=permit.concurrent),
        pretended=str(params.pretend or ""),
    )
    connection = WebSocketConnection(
        handshake.server_socket(environ), max_message_bytes=service.limits.max_message_bytes
    )
    if params.pretend:
        frames.set_framer(message)
        held = PretendedSchedule(frames, params.pretend)
        for messages in service.serving.write_pretended(held, connection):
            connection.send_framed(messages)
        return
    for frame in service.serving.write(frames, connection):
        connection.send(frame)
