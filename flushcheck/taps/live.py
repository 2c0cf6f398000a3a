"""Taps in an app that serves: `install`. One request is noted if it asks for that and has the token.

A request without the header X-Flushcheck-Tap goes to the app as before: the look-up of that header is all it
costs. One with the header and a wrong token does, too, so that the response is the app's own. One with an id
and the token runs through a second chain, with taps. The same with `fc=tap&id=…` in the query, at any path of
the app, returns the notes.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from flushcheck.taps.apps import add_inner_taps, tapped_chain
from flushcheck.taps.chain import takes_asgi
from flushcheck.taps.flask_app import is_flask
from flushcheck.taps.notes import NotesRecorder
from flushcheck.taps.quart_app import is_quart
from flushcheck.taps.store import Store

TOKEN_VARIABLE = "FLUSHCHECK_TAP_TOKEN"
MIN_TOKEN = 16  # characters

_ID = re.compile(r"[0-9a-f]{16,64}")
_UNKNOWN = b'{"error":"no notes of this id in this process"}'

# The event loop is asked so often whether it runs, and noted if it comes so much too late.
BEAT_S = 0.02
LATE_S = 0.05


def install(app: Any, *, token: str | None = None) -> Any:
    """Put taps between the layers of an app, for requests of `flushcheck tap`; return the app to serve.

    A Flask, Quart, Starlette or FastAPI app is changed, so that what is returned is the same object. For any
    other WSGI or ASGI app it is a new one: serve that. Call it last, when all middlewares are there: it sees
    those around which it stands.

    Args:
        app: a WSGI or ASGI app, Django's handlers included.
        token: that requests must have, 16 characters or more; None for the one in FLUSHCHECK_TAP_TOKEN.
            Without one nothing is installed.

    Raises:
        ValueError: the token is too short.
    """
    token = os.environ.get(TOKEN_VARIABLE, "") if token is None else token
    if not token:
        return app
    if len(token) < MIN_TOKEN or not token.isascii() or not token.isprintable():
        raise ValueError(
            f"a token of {len(token)} characters: expected {MIN_TOKEN} or more of ASCII, for example the "
            "output of python -c 'import secrets; print(secrets.token_hex(16))'"
        )
    gate = Gate(token)
    add_inner_taps(app)
    if is_flask(app):
        app.wsgi_app = wsgi_taps(app.wsgi_app, gate)
        return app
    if is_quart(app):
        app.asgi_app = asgi_taps(app.asgi_app, gate)
        return app
    if hasattr(app, "build_middleware_stack"):
        _install_starlette(app, gate)
        return app
    return asgi_taps(app, gate) if takes_asgi(app) else wsgi_taps(app, gate)


def _install_starlette(app: Any, gate: Gate) -> None:
    """Starlette builds its chain at the first request, when all middlewares have been added."""
    if app.middleware_stack is not None:
        app.middleware_stack = asgi_taps(app.middleware_stack, gate)
        return
    own = app.build_middleware_stack
    app.build_middleware_stack = lambda: asgi_taps(own(), gate)


class Gate:
    """Which requests are noted, and where their notes are."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self.store = Store(token)

    def asked(self, tap_id: str, token: str, query: str) -> tuple[str, bool]:
        """Return the id of a request that may ask ("" for others), and whether it asks for the notes."""
        # Always compared: how long that takes says nothing of the id.
        is_right = hmac.compare_digest(token.encode("utf-8", "replace"), self._token)
        if not is_right or not _ID.fullmatch(tap_id):
            return "", False
        parameters = parse_qs(query[:8000], max_num_fields=100) if query.count("&") < 100 else {}
        return tap_id, parameters.get("fc") == ["tap"] and parameters.get("id") == [tap_id]

    def notes(self, tap_id: str) -> tuple[int, bytes]:
        """Return status and body of a request for notes."""
        text = self.store.take(tap_id)
        return (404, _UNKNOWN) if text is None else (200, text)


def notes_headers(body: bytes) -> list[tuple[str, str]]:
    """The headers of a response with notes."""
    return [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    ]


def wsgi_taps(app: Any, gate: Gate) -> Any:
    """Return a WSGI app that sends requests that ask for it through a chain with taps."""

    def taps(environ: Any, start_response: Any) -> Any:
        if "HTTP_X_FLUSHCHECK_TAP" not in environ:
            return app(environ, start_response)
        tap_id, wants_notes = gate.asked(
            environ["HTTP_X_FLUSHCHECK_TAP"],
            environ.get("HTTP_X_FLUSHCHECK_TOKEN", ""),
            environ.get("QUERY_STRING", ""),
        )
        if wants_notes:
            status, body = gate.notes(tap_id)
            start_response(f"{status} {'OK' if status == 200 else 'Not Found'}", notes_headers(body))
            return [body]
        recorder = gate.store.begin(tap_id) if tap_id else None
        if recorder is None:
            return app(environ, start_response)
        del environ["HTTP_X_FLUSHCHECK_TOKEN"]  # what the app logs or shows has no secret of ours
        recorder.facts.update(
            protocol="wsgi",
            server=str(environ.get("SERVER_SOFTWARE", ""))[:100],
            multithread=bool(environ.get("wsgi.multithread")),
        )

        def end() -> None:
            gate.store.end(tap_id)

        try:
            body = tapped_chain(app, recorder)(environ, start_response)
        except BaseException:
            end()
            raise
        if isinstance(body, list | tuple):
            end()
            return body
        return _EndingBody(body, end)

    return taps


class _EndingBody:
    """A body that tells its end."""

    def __init__(self, body: Iterable[bytes], end: Callable[[], None]) -> None:
        self._body = body
        self._chunks = iter(body)
        self._end = end

    def __iter__(self) -> _EndingBody:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
        except BaseException:
            self._end()
            raise

    def close(self) -> None:
        self._end()
        close = getattr(self._body, "close", None)
        if close is not None:
            close()


def asgi_taps(app: Any, gate: Gate) -> Any:
    """Do the same for an ASGI app."""

    async def taps(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            for name, value in scope["headers"]:
                if name == b"x-flushcheck-tap":
                    await asked(scope, receive, send, value.decode("latin-1"))
                    return
        await app(scope, receive, send)

    async def asked(scope: Any, receive: Any, send: Any, given: str) -> None:
        token = b"".join(value for name, value in scope["headers"] if name == b"x-flushcheck-token")
        tap_id, wants_notes = gate.asked(
            given, token.decode("latin-1"), scope.get("query_string", b"").decode("latin-1")
        )
        if wants_notes:
            status, body = gate.notes(tap_id)
            headers = [(name.lower().encode(), value.encode()) for name, value in notes_headers(body)]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        recorder = gate.store.begin(tap_id) if tap_id else None
        if recorder is None:
            await app(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if name != b"x-flushcheck-token"]
        recorder.facts.update(protocol="asgi", server=_asgi_server(send))
        beating = beats(recorder)
        try:
            await tapped_chain(app, recorder)({**scope, "headers": headers}, receive, send)
        finally:
            if beating is not None:
                beating.cancel()
            gate.store.end(tap_id)

    return taps


def _asgi_server(send: Any) -> str:
    """The package of the server: the one that defines `send`."""
    function = getattr(send, "func", send)  # a functools.partial
    return str(getattr(function, "__module__", "") or "").partition(".")[0]


def beats(recorder: NotesRecorder) -> asyncio.Task[None] | None:
    """Note when the event loop stands still; None where it is not asyncio's."""

    async def beat() -> None:
        while True:
            before_s = recorder.elapsed_s()
            await asyncio.sleep(BEAT_S)
            late_s = recorder.elapsed_s() - before_s - BEAT_S
            if late_s >= LATE_S:
                recorder.blocked(before_s, late_s)

    try:
        return asyncio.get_running_loop().create_task(beat())
    except RuntimeError:  # trio
        return None
