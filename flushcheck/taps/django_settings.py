"""Taps by one line of a Django settings file, where wsgi.py and asgi.py are not at hand: `django`.

A gate in front of all middlewares sends a request that asks for it through a second chain, with taps. It lies
inside of Django's handler, which the taps of `install` lie around. So what the handler does with the body is
noted where it iterates over the response: under ASGI Django reads a synchronous iterator to its end there,
under WSGI an asynchronous one (Django 4.2 to 6.1).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from inspect import iscoroutinefunction
from typing import Any

from flushcheck.taps.django_app import with_taps
from flushcheck.taps.live import TOKEN_VARIABLE, Gate, beats, notes_headers
from flushcheck.taps.notes import NotesRecorder
from flushcheck.taps.recorder import RECORDER, SERVER, BodyKind, Recorder

GATE = "flushcheck.taps.django_settings.gate"

_GATES: list[Gate] = []  # that of this process, where `django` was called with a token


def django(middleware: Sequence[str], *, token: str | None = None) -> list[str]:
    """Return a setting MIDDLEWARE with taps, for requests of `flushcheck tap`.

        MIDDLEWARE = flushcheck.taps.django(MIDDLEWARE)

    Args:
        middleware: the setting, complete.
        token: as in `install`; without one the setting stays as it is.

    Raises:
        ValueError: the token is too short.
    """
    token = os.environ.get(TOKEN_VARIABLE, "") if token is None else token
    if not token:
        return list(middleware)
    _GATES[:] = [Gate(token)]
    return [GATE, *middleware]


def gate(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the gate, as Django makes a middleware."""
    is_async = iscoroutinefunction(get_response)
    second: list[Any] = []  # made at the first request that asks: then all middlewares are there

    def tapped() -> Any:
        if not second:
            second.append(with_taps(is_async=is_async, without=GATE))
        return second[0]

    def begin(request: Any) -> tuple[str, NotesRecorder | None, Any]:
        """The id and the recorder of a request to be noted, or the response with notes."""
        found = request.headers
        tap_id, wants_notes = _GATES[0].asked(
            found["X-Flushcheck-Tap"],
            found.get("X-Flushcheck-Token", ""),
            request.META.get("QUERY_STRING", ""),
        )
        if wants_notes:
            return tap_id, None, _notes(tap_id)
        recorder = _GATES[0].store.begin(tap_id) if tap_id else None
        if recorder is not None:
            request.META.pop("HTTP_X_FLUSHCHECK_TOKEN", None)
            vars(request).pop("headers", None)  # made from META, and kept
            recorder.facts.update(
                protocol="asgi" if hasattr(request, "scope") else "wsgi",
                server=str(request.META.get("SERVER_SOFTWARE", ""))[:100],
            )
        return tap_id, recorder, None

    def pass_on(request: Any) -> Any:
        if "HTTP_X_FLUSHCHECK_TAP" not in request.META:
            return get_response(request)
        tap_id, recorder, notes = begin(request)
        if recorder is None:
            return notes or get_response(request)
        token = RECORDER.set(recorder)
        try:
            return _noted(tapped().get_response(request), recorder, tap_id)
        except BaseException:
            _GATES[0].store.end(tap_id)
            raise
        finally:
            RECORDER.reset(token)

    async def pass_on_async(request: Any) -> Any:
        if "HTTP_X_FLUSHCHECK_TAP" not in request.META:
            return await get_response(request)
        tap_id, recorder, notes = begin(request)
        if recorder is None:
            return notes or await get_response(request)
        beating = beats(recorder)
        token = RECORDER.set(recorder)
        try:
            response = await tapped().get_response_async(request)
            return _noted(response, recorder, tap_id, beating.cancel if beating else None)
        except BaseException:
            if beating is not None:
                beating.cancel()
            _GATES[0].store.end(tap_id)
            raise
        finally:
            RECORDER.reset(token)

    return pass_on_async if is_async else pass_on


gate.sync_capable = gate.async_capable = True  # type: ignore[attr-defined]  # Django's names


def _notes(tap_id: str) -> Any:
    from django.http import HttpResponse

    status, body = _GATES[0].notes(tap_id)
    response = HttpResponse(body, status=status)
    for name, value in notes_headers(body):
        response[name] = value
    return response


def _noted(response: Any, recorder: Recorder, tap_id: str, stop: Callable[[], object] | None = None) -> Any:
    """The same response, which notes what Django's handler takes out of it, and its end."""
    kind = type(response)
    number = recorder.response(SERVER, response.items())
    if not response.streaming:
        recorder.body(number, BodyKind.WHOLE)
        recorder.chunk(number, bytes(response.content))

    class Noted(kind):  # type: ignore[misc, valid-type]  # the class of any response
        """A response of the same class."""

        def __iter__(self) -> Iterator[Any]:
            chunks = super().__iter__()
            return _each(chunks, recorder, number) if self.streaming else chunks

        async def __aiter__(self) -> AsyncIterator[Any]:
            async for chunk in super().__aiter__():
                recorder.chunk(number, bytes(chunk))
                yield chunk

        def close(self) -> None:
            if stop is not None:
                stop()
            _GATES[0].store.end(tap_id)
            super().close()

    Noted.__name__, Noted.__qualname__, Noted.__module__ = kind.__name__, kind.__qualname__, kind.__module__
    response.__class__ = Noted
    return response


def _each(chunks: Iterator[Any], recorder: Recorder, number: int) -> Iterator[Any]:
    for chunk in chunks:
        recorder.chunk(number, bytes(chunk))
        yield chunk
