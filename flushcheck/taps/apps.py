"""Which taps an app gets: its chain of middlewares, and what lies inside of the framework."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from flushcheck.taps.asgi import tap_asgi
from flushcheck.taps.chain import links, takes_asgi
from flushcheck.taps.django_app import is_django, tapped_django
from flushcheck.taps.flask_app import is_flask, tapped_flask
from flushcheck.taps.recorder import Layer, Recorder
from flushcheck.taps.wsgi import tap_wsgi

SERVER = Layer("the server")  # what lies outside of all layers


@contextmanager
def tapped(app: Any, recorder: Recorder) -> Iterator[Any]:
    """Return the app with a tap inside each of its layers, and one outside of all of them.

    The app itself is changed while this lasts, and is as it was afterwards. Not for an app that serves other
    requests meanwhile.

    Args:
        app: a WSGI or ASGI app.
        recorder: what notes its responses.
    """
    tap = tap_asgi if takes_asgi(app) else tap_wsgi
    with ExitStack() as stack:
        _build(app)
        layers = [app]
        for link in links(app):
            stack.callback(link.replace, link.inner)
            link.replace(tap(_tapped_inside(link.inner, recorder), link.layer, recorder))
            layers += [link.inner, getattr(link.inner, "__self__", None)]
        for flask in {id(layer): layer for layer in layers if is_flask(layer)}.values():
            stack.enter_context(tapped_flask(flask, recorder))
        yield tap(_tapped_inside(app, recorder), SERVER, recorder)


def _tapped_inside(app: Any, recorder: Recorder) -> Any:
    """What to call in place of this app: for Django another handler, with taps, else the same."""
    return tapped_django(app, recorder) if is_django(app) else app


def _build(app: Any) -> None:
    """Have Starlette build its chain of middlewares, which it does at the first request."""
    if getattr(app, "middleware_stack", app) is None:
        app.middleware_stack = app.build_middleware_stack()
