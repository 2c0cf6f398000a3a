"""The hot requests without Flask: polls, and the opening of a stream.

Flask responds to the first request of a kind, and its route keeps a Recipe of it (`recipes.py`). Requests of
the same kind then need no parsing, no routing and no hooks, which is most of a poll's processor time;
docs/performance.md has the figures.

What must stay true: each response is byte for byte what Flask would send, is logged and counted alike, and
takes and returns the same permits. Everything out of the ordinary is left to Flask: an unknown query, any
method but GET, a number without a piece, a refusal, an upgrade that fails; and every request where functions
of another package run before or after it, as Flask-Compress's do.
`tests/service/test_fast_path.py` compares both.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from flask import request_finished, request_started, request_tearing_down

from flushcheck.model import Transport
from flushcheck.service.access_log import LogEntry
from flushcheck.service.limits import cross_site
from flushcheck.service.limits.admission import CapacityExceeded, StreamPermit
from flushcheck.service.metrics_store import MetricsStore
from flushcheck.service.recipes import Key, Recipe, kind
from flushcheck.service.routes import streams, websocket
from flushcheck.service.service import Service
from flushcheck.service.serving import handshake, internals
from flushcheck.service.serving.fairness import yield_to_hub
from flushcheck.service.serving.frame_schedule import EndReason, StreamProgress
from flushcheck.service.serving.http_connection import HttpConnection, WrittenBy
from flushcheck.streaming.transports import polling

if TYPE_CHECKING:
    from flask import Flask

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Any], Iterable[bytes]]

OK = "200 OK"
HOT_PATHS = frozenset({streams.CHUNKED.path, streams.EVENTS.path, streams.POLLING.path, websocket.PATH})


class Body:
    """The body of a response, and what to do when the server is done with it."""

    __slots__ = ("_chunks", "_on_close")

    def __init__(self, chunks: Iterator[bytes], *on_close: Callable[[], object]) -> None:
        self._chunks = chunks
        self._on_close = on_close

    def __iter__(self) -> Iterator[bytes]:
        """The chunks."""
        return self._chunks

    def close(self) -> None:
        """Called by the server, as PEP 3333 prescribes."""
        for callback in self._on_close:
            callback()


# Flask's methods through which each request goes.
PIPELINE = (
    *("full_dispatch_request", "preprocess_request", "dispatch_request", "make_response"),
    *("finalize_request", "process_response", "do_teardown_request"),
)
SIGNALS = (request_started, request_finished, request_tearing_down)


def _hooks(flask: Flask) -> list[object]:
    """The functions that Flask calls around each request."""
    kinds = (flask.before_request_funcs, flask.after_request_funcs, flask.teardown_request_funcs)
    return [function for kind in kinds for functions in kind.values() for function in functions]


def _is_overridden(flask: Flask) -> bool:
    """Whether a method of Flask's is not its own, or something listens to its signals."""
    return any(getattr(flask, name).__module__ != "flask.app" for name in PIPELINE) or any(
        signal.receivers for signal in SIGNALS
    )


class FastPath:
    """The WSGI application in front of Flask's."""

    def __init__(self, flask: Flask, service: Service, store: MetricsStore) -> None:
        """Args:
        flask: whose WSGI application this stands in front of.
        service: whose recipes to use.
        store: counts the requests.
        """
        self._flask = flask
        self._hooks = _hooks(flask)
        self._app: Wsgi = flask.wsgi_app
        self.service = service
        self.store = store

    @property
    def unaltered(self) -> bool:
        """Whether Flask would do nothing but what its routes here do."""
        return _hooks(self._flask) == self._hooks and not _is_overridden(self._flask)

    @property
    def outermost(self) -> bool:
        """Whether gunicorn calls this application, with nothing between the two."""
        return internals.serves(self._flask) and self._flask.wsgi_app is self

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Respond to one request."""
        path = environ["PATH_INFO"]
        if path in HOT_PATHS:
            if path != streams.POLLING.path:
                self.service.serving.await_turn()
            body = self._respond(environ, start_response)
            if body is not None:
                return body
        return self._app(environ, start_response)

    def _respond(self, environ: Environ, start_response: Any) -> Iterable[bytes] | None:
        """The body of the response, by its Recipe; None if Flask has to respond."""
        if not self.unaltered:
            return None  # middleware of another package, which may change any response
        known = kind(environ)
        recipe = self.service.recipes.get(known.key) if known else None
        if known is None or recipe is None:
            return None
        if recipe.transport is Transport.WEBSOCKET:
            self._websocket(known.key, recipe, environ)
            return None
        if "HTTP_UPGRADE" in environ:  # Flask's routes tell handshakes from other requests
            return None
        if recipe.transport is Transport.POLLING:
            return self._poll(known.key, recipe, known.cnt, start_response)
        return self._stream(known.key, recipe, environ, start_response) if known.cnt < 0 else None

    def _entry(self, key: Key, recipe: Recipe, status: int) -> LogEntry:
        return LogEntry(self.store, "GET", key.path, status=status, transport=recipe.transport)

    def _poll(self, key: Key, recipe: Recipe, cnt: int, start_response: Any) -> Iterable[bytes] | None:
        if not 0 <= cnt < recipe.source.count:
            return None
        entry = self._entry(key, recipe, 200)
        entry.progress = StreamProgress(1, EndReason.DONE)
        piece = recipe.source.piece(cnt)
        body = polling.piece_body(piece, count=recipe.source.count, pad_bytes=recipe.params.pad_bytes)
        size = str(len(body))
        start_response(
            OK, [(name, size if name == "Content-Length" else value) for name, value in recipe.headers]
        )
        chunks = iter((body,))
        if response := self._direct_response(start_response):
            internals.send_with_headers(response, body, sent=len(body))
            chunks = iter(())
        return Body(chunks, entry.write, yield_to_hub)

    def _stream(
        self, key: Key, recipe: Recipe, environ: Environ, start_response: Any
    ) -> Iterable[bytes] | None:
        entry = self._entry(key, recipe, 200)
        permit = self.admit(environ)
        if permit is None:
            return None
        frames = streams.frame_schedule(self.service, recipe, environ, permit, entry)
        response = self._direct_response(start_response)
        written_by = WrittenBy(response or internals.gunicorn_response(start_response), response is not None)
        chunks = self.service.serving.write(frames, HttpConnection(environ, written_by))
        start_response(OK, list(recipe.headers))
        return Body(chunks, chunks.close, permit.release, entry.write, yield_to_hub)

    def _websocket(self, key: Key, recipe: Recipe, environ: Environ) -> None:
        """Serve a WebSocket to its end, and raise StopIteration; return if Flask has to respond."""
        if "gunicorn.socket" not in environ or handshake.check(environ):
            return
        if cross_site.origin_fault(self.service.limits, environ):
            return
        entry = self._entry(key, recipe, 101)
        permit = self.admit(environ)
        if permit is None:
            return
        before, after = recipe.handshake
        try:
            with contextlib.suppress(OSError):  # a client that is gone is noticed by its stream
                environ["gunicorn.socket"].sendall(before + handshake.accept(environ) + after)
            websocket.run(self.service, recipe, environ, permit, entry)
        finally:
            permit.release()
            entry.write()
        # What flask-sock raises too: gunicorn then closes the connection, and sends no response.
        raise StopIteration

    def _direct_response(self, start_response: Any) -> Any:
        """gunicorn's Response if this application may write for it; None if something is between them."""
        if not self.service.serving.engine_active or not self.outermost:
            return None
        return internals.gunicorn_response(start_response)

    def admit(self, environ: Environ) -> StreamPermit | None:
        """The permit of a stream; None if Flask has to refuse it."""
        try:
            return self.service.admission.admit(environ)
        except CapacityExceeded:
            return None  # Flask asks again, and refuses
