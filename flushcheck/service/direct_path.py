"""The opening of an ordinary stream without gunicorn's request: from its bytes to the engine.

Building a request, a response and an environ, and running hooks that find nothing to do, is most of what an
opening costs. So the connection is looked at before gunicorn reads it. If its bytes are an ordinary request
(`serving/request_head.py`) for a stream with a known Recipe, the engine gets the stream, with the head of the
response before its first frame and the last chunk behind its last.

What must stay true: all else happens as if this file were not there. The bytes are only peeked at until a
permit is taken, so gunicorn reads whatever is not served here: another path, an unknown query, a refusal, a
second request on the connection. The head of the response is made by gunicorn's own Response. With settings
under which gunicorn does more around a request than this file knows of, it is not used at all
(`internals.direct_misfits`).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flushcheck.service.access_log import LogEntry
from flushcheck.service.fast_path import OK, FastPath
from flushcheck.service.limits.admission import CapacityExceeded
from flushcheck.service.recipes import Key, Recipe, kind
from flushcheck.service.routes import streams
from flushcheck.service.serving import connections, internals
from flushcheck.service.serving.fairness import yield_to_hub
from flushcheck.service.serving.frame_schedule import EndReason, FrameSchedule
from flushcheck.service.serving.request_head import MAX_HEAD_BYTES, RequestHead, read_head

_BEGINS = tuple(f"GET {path}".encode() for path in streams.HOT_PATHS)

# A client's request arrives together with its connection, or one round trip later.
MAX_WAIT_S = 0.5


def install(worker: Any, hooks: tuple[Callable[..., object], Callable[..., object]]) -> bool:
    """Look at each connection of this gunicorn worker first; False if it is not possible.

    Args:
        worker: with its app loaded, before it accepts the first connection.
        hooks: the settings file's `pre_request` and `post_request`, which do nothing for an ordinary request.
    """
    front = getattr(worker.wsgi, "wsgi_app", None)
    if not isinstance(front, FastPath) or not front.service.serving.engine_active:
        return False
    if any(internals.direct_misfits(worker, hooks)):
        return False
    worker.handle = DirectPath(worker, front).handle
    return True


@dataclass(frozen=True, slots=True)
class Opening:
    """An ordinary request for a stream that can be served here."""

    head: RequestHead
    environ: dict[str, Any]  # of WSGI, as far as a stream reads it
    key: Key
    recipe: Recipe


class DirectPath:
    """What handles the connections of one worker."""

    def __init__(self, worker: Any, front: FastPath) -> None:
        """Stand before the worker's own `handle`."""
        self._worker = worker
        self._handle: Callable[[Any, socket.socket, Any], None] = worker.handle
        self._front = front
        self._service = front.service
        self._limits = internals.head_limits(worker.cfg, MAX_HEAD_BYTES)
        self._software = internals.server_software()
        self._heads: dict[tuple[Key, bool], bytes] = {}  # of responses, in this second
        self._heads_s = 0

    def handle(self, listener: Any, client: socket.socket, address: Any) -> None:
        """Serve a connection to its end. The caller closes it."""
        try:
            done = self._serve(client, address)
        except OSError as error:
            if not internals.is_client_gone(error):
                self._worker.log.exception("Socket error processing request.")
        except Exception:
            self._worker.log.exception("Error handling request")
        else:
            if not done:
                self._handle(listener, client, address)

    def _serve(self, client: socket.socket, address: Any) -> bool:
        """Serve the first request of a connection; False if gunicorn has to go on with it."""
        client.settimeout(MAX_WAIT_S)
        try:
            data = client.recv(MAX_HEAD_BYTES + 1, socket.MSG_PEEK)
        except TimeoutError:
            return False
        opening = self._opening(data, client, address) if data.startswith(_BEGINS) else None
        if opening is None:
            return False
        recipe, path = opening.recipe, opening.head.path
        entry = LogEntry(self._front.store, "GET", path, status=200, transport=recipe.transport)
        try:
            permit = self._service.admission.admit(opening.environ)
        except CapacityExceeded as error:
            return self._refuse(client, len(data), error, entry)
        try:
            self._service.serving.await_turn()
            client.recv(len(data))
            frames = streams.frame_schedule(self._service, recipe, opening.environ, permit, entry)
            close, ended = self._stream(client, opening, frames)
        finally:
            permit.release()
            entry.write()
        if close or ended is not EndReason.DONE:
            return True
        connections.out_of_use(client)
        yield_to_hub()
        return False

    def _opening(self, data: bytes, client: socket.socket, address: Any) -> Opening | None:
        """What these first bytes of a connection ask for; None if gunicorn has to read them."""
        head = read_head(data, self._limits)
        if (
            head is None
            or head.path not in streams.HOT_PATHS
            or not self._front.outermost
            or not self._front.unaltered
        ):
            return None
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": head.path,
            "QUERY_STRING": head.query,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_SOFTWARE": self._software,
            "REMOTE_ADDR": address[0] if isinstance(address, tuple) else address,
            "gunicorn.socket": client,
        }
        for name, value in head.headers.items():
            environ[f"HTTP_{name.replace('-', '_')}"] = value
        known = kind(environ)
        recipe = self._service.recipes.get(known.key) if known and known.cnt < 0 else None
        return Opening(head, environ, known.key, recipe) if known and recipe else None

    def _stream(
        self, client: socket.socket, opening: Opening, frames: FrameSchedule
    ) -> tuple[bool, EndReason]:
        """Write the response; whether its head promises to close the connection, and how the stream ended."""
        worker = self._worker
        client.settimeout(None)
        connections.in_use(client)
        worker.nr += 1
        close = opening.head.close or not worker.alive
        head = self._response_head(opening, close=close)
        return close, self._service.serving.write_response(frames, client, head)

    def _refuse(self, client: socket.socket, size: int, error: CapacityExceeded, entry: LogEntry) -> bool:
        """Refuse a stream, whose request has this many bytes; False if Flask has to do so the first time."""
        refusal = self._service.recipes.refusal(entry.route, str(error))
        if refusal is None:
            return False
        client.recv(size)
        client.settimeout(None)
        connections.in_use(client)
        self._worker.nr += 1
        head = internals.response_head(self._worker.cfg, refusal.status, refusal.headers, close=True)
        entry.status = error.status
        try:
            client.sendall(head + refusal.body)
        finally:
            entry.write()
        return True

    def _response_head(self, opening: Opening, *, close: bool) -> bytes:
        now_s = int(time.time())
        if now_s != self._heads_s:  # the header Date is another one
            self._heads.clear()
            self._heads_s = now_s
        key = (opening.key, close)
        head = self._heads.get(key)
        if head is None:
            headers = opening.recipe.headers
            head = internals.response_head(self._worker.cfg, OK, headers, close=close)
            self._heads[key] = head
        return head
