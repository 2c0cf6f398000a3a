"""The layers inside of a Flask app: its `after_request` functions, which no WSGI middleware can see between.

Source: Flask 3.1.3, `Flask.process_response`: functions of the request's blueprints first, then those of the
app, each list from its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flushcheck.taps.chain import copy_with, layer_of
from flushcheck.taps.recorder import RECORDER, Layer, Recorder
from flushcheck.taps.wsgi import kind_of, tapped_body


def is_flask(app: Any) -> bool:
    """Whether this is a Flask app, without importing Flask."""
    return any(kind.__module__ == "flask.app" and kind.__name__ == "Flask" for kind in type(app).__mro__)


def add_taps(app: Any) -> Callable[[], None]:
    """Put a tap inside each `after_request` function of this app, and one inside of Flask itself.

    They use RECORDER; without one, a request costs the look-up of it. Functions that are added later have
    taps too.

    Returns: a function that takes them off.
    """
    overridden = vars(app).get("process_response")
    process_response = app.process_response

    # Flask 3.1 passes the response.
    def process(*arguments: Any) -> Any:
        recorder = RECORDER.get()
        if recorder is None:
            return process_response(*arguments)
        if overridden is not None:
            response = overridden(*arguments)
        else:
            functions = {
                key: [_with_tap(function, recorder) for function in value]
                for key, value in app.after_request_funcs.items()
            }
            # The functions of a copy: other requests meanwhile use those of the app.
            response = type(app).process_response(copy_with(app, after_request_funcs=functions), *arguments)
        return _tapped(response, layer_of(app), recorder)

    def remove() -> None:
        del app.process_response
        if overridden is not None:
            app.process_response = overridden

    app.process_response = process
    return remove


def _with_tap(function: Callable[[Any], Any], recorder: Recorder) -> Callable[[Any], Any]:
    def after_request(response: Any) -> Any:
        return function(_tapped(response, layer_of(function), recorder))

    return after_request


def _tapped(response: Any, layer: Layer, recorder: Recorder) -> Any:
    """The same response, its body with a tap."""
    number = recorder.response(layer, response.headers.items())
    recorder.body(number, kind_of(response.response))
    response.response = tapped_body(response.response, lambda data: recorder.chunk(number, data))
    return response
