"""Which taps an app gets: its chain of middlewares, and what lies inside of the framework.

The tapped app is a second chain: copies of the middlewares, with taps between them, around the same innermost
app. The app itself stays as it is, so that requests without taps run no code of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flushcheck.taps.asgi import tap_asgi
from flushcheck.taps.chain import links, takes_asgi, takes_wsgi
from flushcheck.taps.django_app import is_django, tapped_django
from flushcheck.taps.flask_app import add_taps, is_flask
from flushcheck.taps.recorder import RECORDER, SERVER, Recorder
from flushcheck.taps.wsgi import tap_wsgi


@contextmanager
def tapped(app: Any, recorder: Recorder) -> Iterator[Any]:
    """Return the app with a tap inside each of its layers, and one outside of all of them.

    Args:
        app: a WSGI or ASGI app.
        recorder: what notes its responses.
    """
    flask = flask_in(app)
    remove = add_taps(flask) if flask is not None else None
    try:
        yield tapped_chain(app, recorder)
    finally:
        if remove is not None:
            remove()


def tapped_chain(app: Any, recorder: Recorder) -> Any:
    """Return what `tapped` does, for an app whose Flask has taps already."""
    build(app)
    is_asgi = takes_asgi(app)
    chain = []  # from the outermost layer to the innermost, each with whether what it calls is of ASGI
    taps = [(SERVER, is_asgi)]
    for link in links(app):
        is_asgi = not takes_wsgi(link.inner) and (is_asgi or takes_asgi(link.inner))
        chain.append(link)
        taps.append((link.layer, is_asgi))
    inner = _innermost(chain[-1].inner if chain else app, recorder, is_asgi=is_asgi)
    for link, (layer, of_asgi) in zip(reversed(chain), reversed(taps[1:]), strict=True):
        inner = link.around((tap_asgi if of_asgi else tap_wsgi)(inner, layer, recorder))
    return (tap_asgi if taps[0][1] else tap_wsgi)(inner, SERVER, recorder)


def flask_in(app: Any) -> Any:
    """The Flask app at the end of a chain; None if there is none."""
    apps = [app]
    for link in links(app):
        apps += [link.inner]
    for layer in reversed(apps):
        for candidate in (layer, getattr(layer, "__self__", None)):
            if is_flask(candidate):
                return candidate
    return None


def build(app: Any) -> None:
    """Have Starlette build its chain of middlewares, which it does at the first request."""
    if getattr(app, "middleware_stack", app) is None:
        app.middleware_stack = app.build_middleware_stack()


def _innermost(app: Any, recorder: Recorder, *, is_asgi: bool) -> Any:
    """The same app, which tells its request's recorder to the taps of Flask and Django."""
    if is_django(app):
        app = tapped_django(app)
    elif not is_flask(app) and not is_flask(getattr(app, "__self__", None)):
        return app

    def call_wsgi(environ: Any, start_response: Any) -> Any:
        token = RECORDER.set(recorder)
        try:
            return app(environ, start_response)
        finally:
            RECORDER.reset(token)

    async def call_asgi(scope: Any, receive: Any, send: Any) -> None:
        token = RECORDER.set(recorder)
        try:
            await app(scope, receive, send)
        finally:
            RECORDER.reset(token)

    return call_asgi if is_asgi else call_wsgi
