"""A small HTTP server for scrapes: one request for each connection, a thread for each, everything bounded.

Why not `http.server`: its time limit is for each read, so a client that sends a byte every few seconds keeps
a thread for hours, and it reads up to 6 MB of header fields. h11 is there already, for the prober. Why no
persistent connections: scrapes are seconds or minutes apart, and a connection that waits for the next one
would take a place.

A body is not read. What exceeds a limit is refused and closed; a place is free again after HEAD_S, the time
that the response takes, and WRITE_S at the latest.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import h11

MAX_CONNECTIONS = 200
MAX_HEAD_BYTES = 8192  # the request line and all header fields
HEAD_S = 5.0  # for all of the head to arrive
WRITE_S = 10.0  # for all of the response to be accepted
_DRAIN_S, _DRAIN_BYTES = (
    0.5,
    65_536,
)  # what is read of a body before the connection closes: a reset would drop the response

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]  # names in lower case


@dataclass(frozen=True, slots=True)
class Response:
    """What it gets."""

    body: str
    status: int = 200
    content_type: str = TEXT


Respond = Callable[[Request], Response]


class HttpServer:
    """Listens from the moment it is made."""

    def __init__(self, host: str, port: int, respond: Respond) -> None:
        """Listen.

        Args:
            host: an address of this machine; "" for all.
            port: 0 for any that is free.
            respond: called in the thread of each request.

        Raises:
            OSError: the address cannot be listened on.
        """
        self._respond = respond
        self._listener = _listener(host, port)
        self.port: int = self._listener.getsockname()[1]
        self._places = threading.Semaphore(MAX_CONNECTIONS)
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._responses: Counter[int] = Counter()

    def start(self) -> None:
        """Accept connections, in a thread."""
        threading.Thread(target=self._accept, name="accept", daemon=True).start()

    def close(self) -> None:
        """Accept none any more. Requests that are being served go on."""
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listener.close()

    def responses(self) -> dict[int, int]:
        """How many responses there were, by status."""
        with self._lock:
            return dict(self._responses)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                # Closed, or no descriptor is left: then some become free.
                self._closing.wait(0.05)
                continue
            if not self._places.acquire(blocking=False):
                self._refuse(connection)
                continue
            try:
                threading.Thread(target=self._serve, args=(connection,), name="request", daemon=True).start()
            except RuntimeError:  # no thread is left
                self._places.release()
                self._refuse(connection)

    def _refuse(self, connection: socket.socket) -> None:
        self._count(503)
        with suppress(OSError):
            connection.setblocking(False)
            connection.send(
                b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
            )
        connection.close()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):
                self._exchange(connection)
        finally:
            self._places.release()

    def _exchange(self, connection: socket.socket) -> None:
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        head: h11.Request | None = None
        try:
            head = _head(connection, http)
        except h11.RemoteProtocolError as error:
            response: Response | None = Response(
                f"expected an HTTP request with at most {MAX_HEAD_BYTES} bytes of header\n",
                error.error_status_hint,
            )
        else:
            response = self._response(head) if head else None
        if response is None:  # closed, or not a whole request in time
            return
        self._count(response.status)
        connection.settimeout(WRITE_S)
        is_head = head is not None and head.method == b"HEAD"
        connection.sendall(_encoded(http, response, with_body=not is_head))
        _drain(connection)

    def _response(self, head: h11.Request) -> Response:
        if head.method not in (b"GET", b"HEAD"):
            return Response("expected GET or HEAD\n", 405)
        try:
            parts = urlsplit(head.target.decode("ascii"))
            query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=20)
        except ValueError:
            return Response("expected a path, for example /metrics\n", 400)
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
        return self._respond(Request(parts.path, query, headers))

    def _count(self, status: int) -> None:
        with self._lock:
            self._responses[status] += 1


def _listener(host: str, port: int) -> socket.socket:
    if host:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=128)
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, backlog=128, dualstack_ipv6=True)
    return socket.create_server(("", port), backlog=128)


def _head(connection: socket.socket, http: h11.Connection) -> h11.Request | None:
    """The head of the request; None if the client closes, or takes longer than HEAD_S.

    Raises:
        h11.RemoteProtocolError: it is no HTTP, or too large.
    """
    ends_s = time.monotonic() + HEAD_S
    while True:
        event = http.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            return None
        left_s = ends_s - time.monotonic()
        if left_s <= 0:
            return None
        connection.settimeout(left_s)
        http.receive_data(connection.recv(4096))


def _encoded(http: h11.Connection, response: Response, *, with_body: bool) -> bytes:
    body = response.body.encode()
    headers = [
        ("Content-Type", response.content_type),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
    ]
    if response.status == 405:
        headers.append(("Allow", "GET, HEAD"))
    if response.status == 503:
        headers.append(("Retry-After", "1"))
    reason = HTTPStatus(response.status).phrase
    data = http.send(h11.Response(status_code=response.status, headers=headers, reason=reason)) or b""
    return data + (http.send(h11.Data(data=body)) or b"") if with_body else data


def _drain(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)
    ends_s, left_bytes = time.monotonic() + _DRAIN_S, _DRAIN_BYTES
    while left_bytes > 0 and (left_s := ends_s - time.monotonic()) > 0:
        connection.settimeout(left_s)
        data = connection.recv(4096)
        if not data:
            return
        left_bytes -= len(data)
