"""The layers of a Django project: its MIDDLEWARE, with a tap between each two of them.

The handler (`WSGIHandler`, `ASGIHandler`) reads the setting when it is made, so a tapped project is a second
handler of the same class, made once. A tap keeps the kind of the body: Django reads a synchronous iterator to
its end before ASGI gets the first chunk, and warns only on stderr (Django 4.2 to 6.1).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from inspect import iscoroutinefunction
from typing import Any
from weakref import WeakKeyDictionary

from flushcheck.taps.recorder import RECORDER, BodyKind, Layer, Recorder
from flushcheck.taps.wsgi import TappedBody

# The layers for which taps are to be made, outermost first.
_WANTED: ContextVar[list[Layer]] = ContextVar("flushcheck_django_taps")

# The second of each handler. Not an attribute of it: a middleware keeps its next layer in an attribute.
_SECONDS: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

TAP = "flushcheck.taps.django_app.tap"


def is_django(app: Any) -> bool:
    """Whether this is a handler of Django, without importing Django."""
    return any(kind.__module__ == "django.core.handlers.base" for kind in type(app).__mro__)


def django_handler(*, asynchronous: bool) -> Any:
    """Return the handler that Django's test client stands for, as the project's server would have it."""
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler

    return ASGIHandler() if asynchronous else WSGIHandler()


def tapped_django(handler: Any) -> Any:
    """Return a handler of the same class whose middlewares have taps between them; they use RECORDER."""
    made = _SECONDS.get(handler)
    if made is None:
        made = _SECONDS[handler] = _second(handler)
    return made


def handler_layer(*, is_asgi: bool) -> Layer:
    """The handler of Django, as the layer around all middlewares."""
    name = "ASGIHandler" if is_asgi else "WSGIHandler"
    return Layer(name, f"django.core.handlers.{name[:4].lower()}.{name}")


def with_taps(*, is_async: bool, without: str = "") -> Any:
    """A handler whose middlewares have taps between them, inside and around; no server calls it.

    Args:
        is_async: whether the chain is asynchronous.
        without: a middleware to leave out.
    """
    from django.core.handlers.base import BaseHandler

    def make() -> Any:
        handler = BaseHandler()
        handler.load_middleware(is_async=is_async)
        return handler

    return _made(make, handler_layer(is_asgi=is_async).path, without)


def _second(handler: Any) -> Any:
    return _made(type(handler), f"{type(handler).__module__}.{type(handler).__name__}")


def _made(make: Callable[[], Any], outer: str, without: str = "") -> Any:
    """What `make` returns while the setting MIDDLEWARE has taps.

    Args:
        make: returns a handler.
        outer: where the layer around all of them is defined.
        without: a middleware to leave out.
    """
    from django.conf import settings

    before = settings.MIDDLEWARE
    middlewares = [path for path in before if path != without]
    paths = [outer, *middlewares]
    token = _WANTED.set([Layer(path.rpartition(".")[2], path) for path in paths])
    # Inside each middleware, and one outside of all.
    settings.MIDDLEWARE = [TAP, *(path for middleware in middlewares for path in (middleware, TAP))]
    try:
        return make()
    finally:
        settings.MIDDLEWARE = before
        _WANTED.reset(token)


def tap(get_response: Any) -> Any:
    """Return one tap, as Django makes a middleware. It makes them from the innermost outwards."""
    layer = _WANTED.get().pop()

    def note(response: Any) -> Any:
        recorder = RECORDER.get()
        if recorder is None:
            return response
        number = recorder.response(layer, response.items())
        if not response.streaming:
            recorder.body(number, BodyKind.WHOLE)
            recorder.chunk(number, bytes(response.content))
        elif response.is_async:
            recorder.body(number, BodyKind.ASYNC)
            response.streaming_content = _noted(response.streaming_content, number, layer, recorder)
        else:
            recorder.body(number, BodyKind.SYNC)
            response.streaming_content = TappedBody(
                response.streaming_content,
                lambda data: recorder.chunk(number, data),
                lambda error: recorder.raised(number, error, layer),
            )
        return response

    if not iscoroutinefunction(get_response):
        return lambda request: note(get_response(request))

    async def tapped(request: Any) -> Any:
        return note(await get_response(request))

    return tapped


tap.sync_capable = tap.async_capable = True  # type: ignore[attr-defined]  # Django's names


async def _noted(
    chunks: AsyncIterator[bytes], number: int, layer: Layer, recorder: Recorder
) -> AsyncIterator[bytes]:
    try:
        async for chunk in chunks:
            recorder.chunk(number, chunk)
            yield chunk
    except Exception as error:
        recorder.raised(number, error, layer)
        raise
