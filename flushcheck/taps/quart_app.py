"""The layers inside of a Quart app: its `after_request` functions, which no ASGI middleware can see between.

Source: Quart 0.22, `Quart.process_response`, which does what Flask's does. A body is an object of Quart's own
that is entered before it is read.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutine
from typing import Any

from flushcheck.taps.chain import copy_with, layer_of
from flushcheck.taps.flask_app import own_layer, tapped_response, with_taps
from flushcheck.taps.recorder import RECORDER, BodyKind, Layer, Recorder


def is_quart(app: Any) -> bool:
    """Whether this is a Quart app, without importing Quart."""
    return any(kind.__module__ == "quart.app" and kind.__name__ == "Quart" for kind in type(app).__mro__)


def add_taps(app: Any) -> Callable[[], None]:
    """Put a tap inside each `after_request` function of this app, and one inside of Quart itself.

    They use RECORDER, as those of Flask.

    Returns: a function that takes them off.
    """
    overridden = vars(app).get("process_response")
    process_response = app.process_response

    async def process(response: Any, *others: Any) -> Any:
        recorder = RECORDER.get()
        if recorder is None:
            return await process_response(response, *others)
        if overridden is not None:
            response = await overridden(_tapped(response, layer_of(overridden), recorder), *others)
        else:
            own = own_layer(app)
            _tap_this_request(others, recorder)
            functions = with_taps(app.after_request_funcs, lambda function: _with_tap(function, recorder))
            if own is not None:
                response = _tapped(response, own, recorder)
                functions[None].insert(0, lambda response: _tapped(response, own, recorder))
            copy = copy_with(app, after_request_funcs=functions)
            response = await type(app).process_response(copy, response, *others)
        return _tapped(response, layer_of(app), recorder)

    def remove() -> None:
        del app.process_response
        if overridden is not None:
            app.process_response = overridden

    app.process_response = process
    return remove


def _tap_this_request(contexts: tuple[Any, ...], recorder: Recorder) -> None:
    """Put a tap inside each function of `after_this_request`; the list is that of this request alone."""
    functions = getattr(contexts[0] if contexts else None, "_after_request_functions", None)
    if isinstance(functions, list):
        functions[:] = [_with_tap(function, recorder) for function in functions]


def _with_tap(function: Callable[[Any], Any], recorder: Recorder) -> Callable[[Any], Any]:
    async def after_request(response: Any) -> Any:
        result = function(_tapped(response, layer_of(function), recorder))
        return await result if iscoroutine(result) else result

    return after_request


def _tapped(response: Any, layer: Layer, recorder: Recorder) -> Any:
    """The same response, its body with a tap."""
    body = response.response
    if not hasattr(body, "__aenter__"):  # a response of Werkzeug, which Quart passes on
        return tapped_response(response, layer, recorder)
    number = recorder.response(layer, response.headers.items())
    whole = getattr(body, "data", None)
    if isinstance(whole, bytes):  # DataBody
        recorder.body(number, BodyKind.WHOLE)
        recorder.chunk(number, whole)
    else:
        recorder.body(number, BodyKind.ASYNC)
        response.response = TappedBody(
            body,
            lambda data: recorder.chunk(number, data),
            lambda error: recorder.raised(number, error, layer),
        )
    return response


class TappedBody:
    """Quart's response body, its chunks noted one by one."""

    def __init__(self, body: Any, note: Callable[[bytes], None], fault: Callable[[Exception], None]) -> None:
        self._body = body
        self._note = note
        self._fault = fault

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    async def __aenter__(self) -> TappedBody:
        self._entered = await self._body.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> Any:
        return await self._body.__aexit__(*error)

    def __aiter__(self) -> Any:
        return self._noted()

    async def _noted(self) -> Any:
        try:
            async for chunk in self._entered:
                self._note(chunk.encode() if isinstance(chunk, str) else chunk)
                yield chunk
        except Exception as error:
            self._fault(error)
            raise
