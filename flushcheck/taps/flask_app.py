"""The layers inside of a Flask app: its `after_request` functions, which no WSGI middleware can see between.

Source: Flask 3.1.3, `Flask.process_response`: functions of `after_this_request` first, then those of the
request's blueprints and of the app, each list from its end. A subclass may do more before and after them.
"""

from __future__ import annotations

import sys
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
        *others, response = arguments
        if overridden is not None:
            response = overridden(*others, tapped_response(response, layer_of(overridden), recorder))
        else:
            own = own_layer(app)
            _tap_this_request(recorder)
            functions = with_taps(app.after_request_funcs, lambda function: _with_tap(function, recorder))
            if own is not None:  # what it does before the functions, and after them
                response = tapped_response(response, own, recorder)
                functions.setdefault(None, []).insert(
                    0, lambda response: tapped_response(response, own, recorder)
                )
            # The functions of a copy: other requests meanwhile use those of the app.
            copy = copy_with(app, after_request_funcs=functions)
            response = type(app).process_response(copy, *others, response)
        return tapped_response(response, layer_of(app), recorder)

    def remove() -> None:
        del app.process_response
        if overridden is not None:
            app.process_response = overridden

    app.process_response = process
    return remove


def own_layer(app: Any) -> Layer | None:
    """What the app's class does with each response, where it overrides that; None for Flask's own."""
    method = type(app).process_response
    if method.__module__ in ("flask.app", "quart.app"):
        return None
    return Layer(f"{type(app).__name__}.process_response", f"{method.__module__}.{method.__qualname__}")


def with_taps(
    functions: dict[Any, list[Any]], with_tap: Callable[[Callable[[Any], Any]], Callable[[Any], Any]]
) -> dict[Any, list[Any]]:
    """A copy of `after_request_funcs` whose functions have taps."""
    tapped = functions.copy()  # Quart's has lists for names that it does not hold
    tapped.update({key: [with_tap(function) for function in value] for key, value in functions.items()})
    return tapped


def _tap_this_request(recorder: Recorder) -> None:
    """Put a tap inside each function of `after_this_request`; the list is that of this request alone."""
    context = getattr(sys.modules.get("flask.globals"), "request_ctx", None)
    functions = getattr(context, "_after_request_functions", None)
    if isinstance(functions, list):
        functions[:] = [_with_tap(function, recorder) for function in functions]


def _with_tap(function: Callable[[Any], Any], recorder: Recorder) -> Callable[[Any], Any]:
    def after_request(response: Any) -> Any:
        return function(tapped_response(response, layer_of(function), recorder))

    return after_request


def tapped_response(response: Any, layer: Layer, recorder: Recorder) -> Any:
    """The same response, its body with a tap."""
    number = recorder.response(layer, response.headers.items())
    recorder.body(number, kind_of(response.response))
    response.response = tapped_body(
        response.response,
        lambda data: recorder.chunk(number, data),
        lambda error: recorder.raised(number, error, layer),
    )
    return response
