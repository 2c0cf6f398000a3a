"""The tap of WSGI. Source: PEP 3333."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flushcheck.taps.app_tap import AppTap
from flushcheck.taps.recorder import BodyKind

# A WSGI app. The types of PEP 3333 are wider than any type checker expresses.
WsgiApp = Callable[..., Iterable[bytes]]


class TappedBody:
    """The chunks of an iterable, noted one by one. It has no length, as a stream has none."""

    def __init__(
        self,
        body: Iterable[bytes | str],
        note: Callable[[bytes], None],
        fault: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        self._body = body
        self._chunks: Iterator[bytes | str] | None = None
        self._note = note
        self._fault = fault

    def __iter__(self) -> TappedBody:
        return self

    def __next__(self) -> bytes | str:
        # Not before the first chunk is asked for: a body may begin its work in __iter__.
        if self._chunks is None:
            self._chunks = iter(self._body)
        try:
            chunk = next(self._chunks)
        except StopIteration:
            raise
        except Exception as error:
            self._fault(error)
            raise
        self._note(chunk.encode() if isinstance(chunk, str) else chunk)
        return chunk

    def close(self) -> None:
        """Close the body, as PEP 3333 asks of the server."""
        close = getattr(self._body, "close", None)
        if close is not None:
            close()


def tapped_body(
    body: Any, note: Callable[[bytes], None], fault: Callable[[Exception], None] = lambda _: None
) -> Any:
    """Return the body with a tap. A list or tuple stays what it is, and is one chunk: all is made already."""
    if isinstance(body, list | tuple):
        note(b"".join(chunk.encode() if isinstance(chunk, str) else chunk for chunk in body))
        return body
    return TappedBody(body, note, fault)


def kind_of(body: Any) -> BodyKind:
    """Return what a body of WSGI is."""
    return BodyKind.WHOLE if isinstance(body, list | tuple | bytes) else BodyKind.SYNC


class WsgiTap(AppTap):
    """A tap around an app of WSGI."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Call the app, as PEP 3333 prescribes."""
        app, layer, recorder = self._tapped
        numbers: list[int] = []

        def note(data: bytes) -> None:
            if numbers:
                recorder.chunk(numbers[-1], data)

        def fault(error: Exception) -> None:
            if numbers:
                recorder.raised(numbers[-1], error, layer)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            numbers.append(recorder.response(layer, headers))
            write = start_response(status, headers, *error)

            def noted_write(data: bytes) -> None:
                note(data)
                write(data)

            return noted_write

        body = app(environ, start)
        if numbers:
            recorder.body(numbers[-1], kind_of(body))
        return tapped_body(body, note, fault)
