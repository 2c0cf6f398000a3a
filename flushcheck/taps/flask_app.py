"""The layers inside of a Flask app: its `after_request` functions, which no WSGI middleware can see between.

Source: Flask 3.1.3, `Flask.process_response`: functions of the request's blueprints first, then those of the
app, each list from its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flushcheck.taps.chain import layer_of
from flushcheck.taps.recorder import Layer, Recorder
from flushcheck.taps.wsgi import tapped_body


def is_flask(app: Any) -> bool:
    """Whether this is a Flask app, without importing Flask."""
    return any(kind.__module__ == "flask.app" and kind.__name__ == "Flask" for kind in type(app).__mro__)


@contextmanager
def tapped_flask(app: Any, recorder: Recorder) -> Iterator[None]:
    """Put a tap inside each `after_request` function of this app, and one inside of Flask itself."""
    functions = app.after_request_funcs
    before = {key: list(value) for key, value in functions.items()}
    overridden = vars(app).get("process_response")
    process_response = app.process_response

    def process(response: Any) -> Any:
        return _tapped(process_response(response), layer_of(app), recorder)

    for value in functions.values():
        value[:] = [_with_tap(function, recorder) for function in value]
    app.process_response = process
    try:
        yield
    finally:
        del app.process_response
        if overridden is not None:
            app.process_response = overridden
        for key, value in before.items():
            functions[key][:] = value


def _with_tap(function: Callable[[Any], Any], recorder: Recorder) -> Callable[[Any], Any]:
    def after_request(response: Any) -> Any:
        return function(_tapped(response, layer_of(function), recorder))

    return after_request


def _tapped(response: Any, layer: Layer, recorder: Recorder) -> Any:
    """The same response, its body with a tap."""
    number = recorder.response(layer, response.headers.items())
    response.response = tapped_body(response.response, lambda data: recorder.chunk(number, data))
    return response
