"""Django under WSGI and ASGI: the project of a stack."""

from __future__ import annotations

import asyncio
import os
import sys
from types import ModuleType
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin
from django.views.decorators.gzip import gzip_page

from tests.lab.stacks import recipes, views
from tests.lab.stacks.table import Stack


async def _joined(chunks: Any) -> bytes:
    return b"".join([chunk async for chunk in chunks])


@sync_and_async_middleware
def log_body(get_response: Any) -> Any:
    """The logging recipe: it makes one body of a stream."""
    if asyncio.iscoroutinefunction(get_response):

        async def middleware_async(request: Any) -> Any:
            response = await get_response(request)
            if not response.streaming:
                return response
            return HttpResponse(await _joined(response.streaming_content), headers=dict(response.items()))

        return middleware_async

    def middleware(request: Any) -> Any:
        response = get_response(request)
        if not response.streaming:
            return response
        return HttpResponse(b"".join(response.streaming_content), headers=dict(response.items()))

    return middleware


class DigestMiddleware(MiddlewareMixin):  # type: ignore[misc]  # Django ships no types
    """An older style: it replaces the body of a stream by a list of one."""

    def process_response(self, request: Any, response: Any) -> Any:
        if response.streaming and not response.is_async:
            response.streaming_content = [b"".join(response.streaming_content)]
        return response


class TextMiddleware(MiddlewareMixin):  # type: ignore[misc]  # Django ships no types
    """Replaces a word in all text: it needs the whole of it."""

    def process_response(self, request: Any, response: Any) -> Any:
        if not response.streaming or response.is_async:
            return response
        text = b"".join(response.streaming_content)
        return HttpResponse(text.replace(b"foo", b"bar"), headers=dict(response.items()))


class HeaderMiddleware:
    """Synchronous alone: under ASGI Django runs it in a thread."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        response["X-App"] = "chat"
        return response


class CountMiddleware(MiddlewareMixin):  # type: ignore[misc]  # Django ships no types
    """Wraps the iterator of a stream."""

    def process_response(self, request: Any, response: Any) -> Any:
        if response.streaming and not response.is_async:
            chunks = response.streaming_content
            response.streaming_content = (chunk for chunk in chunks)
        return response


_HERE = "tests.lab.stacks.django_apps."
MIDDLEWARES = {
    "gzip": "django.middleware.gzip.GZipMiddleware",
    "security": "django.middleware.security.SecurityMiddleware",
    "common": "django.middleware.common.CommonMiddleware",
    "conditional": "django.middleware.http.ConditionalGetMiddleware",
    "update-cache": "django.middleware.cache.UpdateCacheMiddleware",
    "fetch-cache": "django.middleware.cache.FetchFromCacheMiddleware",
    "session": "django.contrib.sessions.middleware.SessionMiddleware",
    "csrf": "django.middleware.csrf.CsrfViewMiddleware",
    "locale": "django.middleware.locale.LocaleMiddleware",
    "clickjacking": "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise": "whitenoise.middleware.WhiteNoiseMiddleware",
    "cors": "corsheaders.middleware.CorsMiddleware",
    "django-log": _HERE + "log_body",
    "digest": _HERE + "DigestMiddleware",
    "text": _HERE + "TextMiddleware",
    "header": _HERE + "HeaderMiddleware",
    "count": _HERE + "CountMiddleware",
}


def make_django(stack: Stack) -> Any:
    """The handler of a stack's project, of the kind that its server wants."""
    is_asgi = stack.protocol == "asgi"

    def body(route: str) -> Any:
        if stack.view == "slow":
            return HttpResponse(views.whole(route), content_type=views.TYPES[route])
        is_async = is_asgi != (stack.view in ("sync", "async"))
        made = views.async_pieces(route) if is_async else views.pieces(route)
        response = StreamingHttpResponse(made, content_type=views.TYPES[route])
        if stack.view == "identity":
            response["Content-Encoding"] = "identity"
        return response

    def chat(_: Any, route: str) -> Any:
        return body(route)

    async def async_chat(_: Any, route: str) -> Any:
        return body(route)

    view: Any = async_chat if is_asgi and stack.view != "sync-view" else chat
    if stack.view == "decorated":
        view = gzip_page(view)
    urls = ModuleType("lab_urls")
    urls.urlpatterns = [  # type: ignore[attr-defined]
        path("stream/<route>", view),
        path("healthz", lambda _: HttpResponse("ok")),
    ]
    sys.modules["lab_urls"] = urls
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    layers = [MIDDLEWARES[name] for name in stack.layers if name in MIDDLEWARES]
    settings.configure(
        ROOT_URLCONF="lab_urls",
        MIDDLEWARE=layers,
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="of a test",
        INSTALLED_APPS=["corsheaders"] if "cors" in stack.layers else [],
        CORS_ALLOW_ALL_ORIGINS=True,
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        STATIC_ROOT=None,
    )
    app: Any = get_asgi_application() if is_asgi else get_wsgi_application()
    for name in reversed(stack.layers):
        if name not in MIDDLEWARES:
            app = {**recipes.WSGI, **recipes.ASGI}[name](app)
    return app
