"""Which taps an app gets: its chain of middlewares, and what lies inside of the framework.

The tapped app is a second chain: copies of the middlewares, with taps between them, around the same innermost
app. The app itself stays as it is, so that requests without taps run no code of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import MethodType
from typing import Any

from flushcheck.taps import flask_app, quart_app
from flushcheck.taps.asgi import AsgiTap
from flushcheck.taps.chain import (
    Link,
    copy_with,
    layer_of,
    links,
    mounts_of,
    routes_of,
    takes_asgi,
    takes_wsgi,
)
from flushcheck.taps.django_app import is_django, tapped_django
from flushcheck.taps.flask_app import is_flask
from flushcheck.taps.litestar_app import is_litestar_router, tapped_litestar_router
from flushcheck.taps.quart_app import is_quart
from flushcheck.taps.recorder import RECORDER, SERVER, Layer, Recorder
from flushcheck.taps.wsgi import WsgiTap

# Chains with their branches have fewer; apps that refer to each other have no end.
MAX_APPS = 50


@contextmanager
def tapped(app: Any, recorder: Recorder) -> Iterator[Any]:
    """Return the app with a tap inside each of its layers, and one outside of all of them.

    Args:
        app: a WSGI or ASGI app.
        recorder: what notes its responses.
    """
    with ExitStack() as stack:
        for remove in add_inner_taps(app):
            stack.callback(remove)
        yield tapped_chain(app, recorder)


def add_inner_taps(app: Any) -> list[Callable[[], None]]:
    """Put taps into the Flask and Quart apps of a chain; return what takes them off."""
    removers = []
    for inner in apps_in(app):
        if is_flask(inner):
            removers.append(flask_app.add_taps(inner))
        elif is_quart(inner):
            removers.append(quart_app.add_taps(inner))
    return removers


def tapped_chain(app: Any, recorder: Recorder, outer: Layer = SERVER) -> Any:
    """Return what `tapped` does, for an app whose Flask has taps already.

    Args:
        app: a WSGI or ASGI app.
        recorder: what notes its responses.
        outer: what calls it.
    """
    build(app)
    is_asgi = takes_asgi(app)
    chain: list[
        Link
    ] = []  # from the outermost layer to the innermost, each with whether what it calls is of ASGI
    taps = [(outer, is_asgi)]
    for link in links(app):
        is_asgi = not takes_wsgi(link.inner) and (is_asgi or takes_asgi(link.inner))
        chain.append(link)
        taps.append((link.layer, is_asgi))
    inner = _innermost(chain[-1].inner if chain else app, recorder, is_asgi=is_asgi)
    for link, (layer, of_asgi) in zip(reversed(chain), reversed(taps[1:]), strict=True):
        inner = link.around((AsgiTap if of_asgi else WsgiTap)(inner, layer, recorder, link.inner))
        inner = _tapped_mounts(inner, layer, recorder)
    return (AsgiTap if taps[0][1] else WsgiTap)(inner, outer, recorder, app)


def apps_in(app: Any) -> list[Any]:
    """The frameworks' apps at the ends of a chain and of its branches, each once."""
    found: dict[int, Any] = {}
    waiting = [app]
    for _ in range(MAX_APPS):
        if not waiting:
            break
        layer = waiting.pop()  # Starlette is not built here: middlewares may be added until its first request
        layer = getattr(layer, "router", layer) if _is_not_built(layer) else layer
        chain = [layer, *(link.inner for link in links(layer))]
        for each in chain:
            waiting += [app for mounts in mounts_of(each).values() for app in mounts.values()]
            waiting += [vars(route)["app"] for route in routes_of(each) if _has_layers(route)]
        for candidate in [*chain, *(getattr(each, "__self__", None) for each in chain)]:
            if is_flask(candidate) or is_quart(candidate):
                found[id(candidate)] = candidate
    return list(found.values())


def build(app: Any) -> None:
    """Have Starlette build its chain of middlewares, which it does at the first request."""
    if _is_not_built(app):
        app.middleware_stack = app.build_middleware_stack()


def _is_not_built(app: Any) -> bool:
    return getattr(app, "middleware_stack", app) is None and hasattr(app, "build_middleware_stack")


def _innermost(app: Any, recorder: Recorder, *, is_asgi: bool) -> Any:
    """The same app, which tells its request's recorder to the taps of Flask, Quart and Django."""
    if is_django(app):
        app = tapped_django(app)
    elif routes_of(app):
        return _tapped_router(app, recorder)
    elif is_litestar_router(app):
        return tapped_litestar_router(app, lambda each: tapped_chain(each, recorder, layer_of(app)))
    elif not any(framework(each) for framework in (is_flask, is_quart) for each in _and_owner(app)):
        return _tapped_mounts(app, layer_of(app), recorder)

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


def _tapped_mounts(app: Any, layer: Layer, recorder: Recorder) -> Any:
    """The same layer; a copy of it if it has mounts, with taps in their layers."""
    changed = {
        name: {path: tapped_chain(each, recorder, layer) for path, each in mounts.items()}
        for name, mounts in mounts_of(app).items()
    }
    return copy_with(app, **changed) if changed else app


def _and_owner(app: Any) -> tuple[Any, Any]:
    return app, getattr(app, "__self__", None)


def _tapped_router(app: Any, recorder: Recorder) -> Any:
    """The method of a router whose routes and mounts have taps in their own layers."""
    router = app.__self__
    layer = layer_of(router)
    routes = [
        copy_with(route, app=tapped_chain(vars(route)["app"], recorder, layer))
        if _has_layers(route)
        else route
        for route in routes_of(app)
    ]
    return MethodType(app.__func__, copy_with(router, routes=routes))


def _has_layers(route: Any) -> bool:
    """Whether a route of Starlette calls an app that has layers of its own."""
    app = getattr(route, "__dict__", {}).get("app")
    return callable(app) and (_is_not_built(app) or next(links(app), None) is not None)
