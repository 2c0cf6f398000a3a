"""The WebSocket stream, on flask-sock and simple-websocket. Source: RFC 6455.

How a conversation may end: the stream is over or the client said `stop` (1000), it sent bytes that are
no text (1003) or a message that is too big (1009), this process ends (1012), it closed by itself, or it
is gone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, Response, g, request
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server
from wsproto.connection import ConnectionState
from wsproto.utilities import LocalProtocolError

from flushcheck.measurement.plan import ROUTE_DEFAULTS, ROUTES
from flushcheck.model import Transport
from flushcheck.model.codec import to_json
from flushcheck.service.access_log import log_entry
from flushcheck.service.limits import cross_site as crosssite
from flushcheck.service.limits.admission import StreamPermit
from flushcheck.service.responses import allow_cors, json_response
from flushcheck.service.seen_request import request_at_app
from flushcheck.service.service import Service
from flushcheck.service.serving import handshake
from flushcheck.service.serving.engine import Ride
from flushcheck.service.serving.fairness import give_way
from flushcheck.service.serving.frame_cache import script
from flushcheck.service.serving.frame_schedule import Ended, Pace, alone
from flushcheck.service.serving.websocket_socket import WholeSocket
from flushcheck.streaming.params import Params, parse
from flushcheck.streaming.source import Source, source
from flushcheck.streaming.transports.websocket import STOP

PATH = ROUTES[Transport.WEBSOCKET]
DEFAULTS = ROUTE_DEFAULTS[Transport.WEBSOCKET]

# RFC 6455, section 7.4.1; 1012 "Service Restart" is in IANA's registry of close codes.
NORMAL, UNSUPPORTED, RESTART = 1000, 1003, 1012
CLOSES = {Ended.REFUSED: UNSUPPORTED, Ended.DRAINED: RESTART}

# Read at once. A flood of empty messages holds 170 of them in 1 KiB, which are read in 6 ms; everybody
# else waits for that long. (4 KiB, the library's own choice: 24 ms, measured.)
RECEIVE_BYTES = 1024

# After our close frame the client's answer is waited for, and what it still sends is thrown away.
LINGER_S = 2.0

# While the engine writes, whatever the client does wakes us; a reader that died without a word does not.
STILL_THERE_S = 10.0


def routes(app: Flask, service: Service) -> Blueprint:
    """The WebSocket's route, and its answer to everybody who comes without one."""
    app.config["SOCK_SERVER_OPTIONS"] = {
        "max_message_size": service.limits.max_message_bytes,
        "receive_bytes": RECEIVE_BYTES,
    }
    blueprint = Blueprint("websocket", __name__)
    blueprint.after_request(allow_cors)

    @blueprint.before_request
    def begin() -> Response | None:
        log_entry().transport = Transport.WEBSOCKET
        return _prepare(service) if request.endpoint == "websocket.converse" else None

    @Sock().route(PATH, bp=blueprint)  # type: ignore[untyped-decorator]
    def converse(ws: Server) -> None:
        g.ws = ws
        _converse(ws, service)

    @blueprint.get(PATH)
    def plain() -> Response:
        # A proxy that does not pass on Upgrade ends up here: its client learns what came through.
        # And a page, which is told nothing of a handshake that failed, asks here whether it was its site.
        asked = {**request.environ, "HTTP_ORIGIN": request.environ.get("HTTP_X_PAGE_ORIGIN")}
        wrong = crosssite.origin_fault(service.limits, asked) or handshake.fault(request.environ)
        return _refuse(service, wrong or handshake.NO_HANDSHAKE)

    @blueprint.teardown_request
    def over(_error: BaseException | None) -> None:
        session: Session | None = g.pop("session", None)
        if session:
            session.place.release()
            # The server is told to look away once a WebSocket is over, and never closes the response.
            log_entry().write()
        ws: Server | None = g.pop("ws", None)
        if ws and not ws.thread.is_alive():
            # flask-sock 0.7 makes a class for each conversation, and a class is never freed but by the
            # garbage collector. Through the conversation it would keep all that there was to it.
            vars(ws).clear()

    return blueprint


@dataclass(frozen=True, slots=True)
class Session:
    """What a conversation needs, from before the handshake took the request's headers."""

    params: Params
    source: Source
    environ: Mapping[str, Any]
    place: StreamPermit


def _prepare(service: Service) -> Response | None:
    """Make everything ready for the handshake; the answer instead, if it cannot be.

    Raises:
        UsageError: the parameters ask for what cannot be.
        Crowded: there is no place for one more.
    """
    environ = request.environ
    wrong = handshake.fault(environ) or crosssite.origin_fault(service.limits, environ)
    if wrong:
        return _refuse(service, wrong)
    params = parse(request.args.items(multi=True), limits=service.limits, defaults=DEFAULTS)
    wanted = source(params, own_text=service.own_text, limits=service.limits)
    place = service.admission.admit(environ)
    # A copy, since the handshake takes the headers away; without Flask's own entry, through which a
    # conversation that is over would hold itself, and 20 KB, until the garbage collector comes.
    seen = {key: value for key, value in environ.items() if key != "werkzeug.request"}
    g.session = Session(params, wanted, seen, place)
    handshake.trim(environ)
    for name in handshake.SOCKETS:
        if name in environ:
            environ[name] = WholeSocket(environ[name])
    return None


def _refuse(service: Service, wrong: handshake.Fault) -> Response:
    origin = request_at_app(request.environ, concurrent=service.limiter.in_use + 1)
    return json_response(
        {"error": wrong.reason, "request_at_app": to_json(origin)}, wrong.status, wrong.headers
    )


def _converse(ws: Server, service: Service) -> None:
    """Send the stream over an open WebSocket, and close it as it should be closed."""
    session: Session = g.session
    log_entry().status = 101
    progress = log_entry().start_stream()
    connection: WholeSocket = ws.sock
    connection.backlog = ws.input_buffer
    # It wakes us before it knows itself that it has closed; under real threads we would go back to sleep.
    connection.on_close = ws.event.set
    pace = Pace(
        script(session.source, Transport.WEBSOCKET, session.params.framing, session.params.end),
        progress,
        origin=lambda: request_at_app(session.environ, concurrent=session.place.concurrent),
    )
    client = Client(ws, connection)
    if connection.can_ride:
        ride = connection.carry(service.engine, pace, ws.event.set)
        progress.ended = client.listen(ride)
    else:
        for frame in alone(pace, client, progress, draining=lambda: service.drain.due):
            try:
                ws.send(frame.decode())
            except (ConnectionClosed, LocalProtocolError):
                break
    connection.hurry(LINGER_S)
    if progress.ended is Ended.STALLED:
        connection.drop()
    elif progress.ended is not Ended.GONE:
        # The client's own close may be on its way just now.
        with contextlib.suppress(ConnectionClosed, LocalProtocolError):
            ws.close(CLOSES.get(progress.ended, NORMAL))
    until_s = time.monotonic() + LINGER_S
    # Its reading ends when the client has answered the close or has gone, or has sent what it must not.
    ws.thread.join(LINGER_S)
    if ws.ws.state is not ConnectionState.CLOSED:
        connection.drain(until_s)
    connection.shut()


class Client:
    """Whoever is at the other end of a WebSocket, and may speak while it is spoken to."""

    def __init__(self, ws: Server, connection: WholeSocket) -> None:
        self._ws = ws
        self._connection = connection

    def listen(self, ride: Ride) -> Ended:
        """Wait until the ride is over, or the client ends it; how it ended.

        Raises:
            Exception: what went wrong with the stream, on our side.
        """
        try:
            while not (ended := self.wait(0)) and not ride.ended:
                if not self._ws.input_buffer:
                    self._ws.event.wait(STILL_THERE_S)
            ride.stop()
            until_s = time.monotonic() + LINGER_S
            while not ride.ended and (left_s := until_s - time.monotonic()) > 0:
                self._ws.event.clear()
                self._ws.event.wait(left_s)
        finally:
            self._connection.broken = self._connection.broken or not ride.ended
            ride.drop()
        if ride.error:
            raise ride.error
        return ended or ride.ended or Ended.GONE

    def wait(self, seconds: float) -> Ended | None:
        """Wait so long, or until the client says `stop`, says what we cannot read, or leaves."""
        until_s = time.monotonic() + seconds
        if seconds <= 0:
            give_way()
        while True:
            left_s = max(0.0, until_s - time.monotonic())
            try:
                message = self._ws.receive(timeout=left_s)
            except ConnectionClosed:
                return self._left()
            if message == STOP:
                return Ended.STOPPED
            if isinstance(message, bytes):
                return Ended.REFUSED
            if message is None:
                # Its reader may have died of something that nobody foresaw, or be done while we looked.
                lost = self._connection.broken or not self._ws.thread.is_alive()
                return self._left() if lost else None
            if not left_s:
                return None  # a flood of words must not keep the stream from its own

    def _left(self) -> Ended:
        """How it ended, when nothing more is read from this client."""
        # simple-websocket has answered a message that is too big with 1009 by itself.
        too_big = self._ws.incoming_message_len > self._ws.max_message_size
        return Ended.REFUSED if too_big else Ended.GONE
