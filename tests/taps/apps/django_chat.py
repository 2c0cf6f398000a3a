"""A Django project with taps, under WSGI and under ASGI; which path is asked for decides what holds it."""

import asyncio
import os
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from django.utils.decorators import sync_and_async_middleware

from flushcheck.taps import install
from tests.taps.apps.flask_chat import GAP_S, PIECES, pieces

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


async def async_pieces() -> AsyncIterator[str]:
    for number in range(PIECES):
        await asyncio.sleep(GAP_S)
        yield f"piece {number} {'.' * 40}\n"


def streamed(body: Any) -> StreamingHttpResponse:
    response = StreamingHttpResponse(body, content_type="text/plain")
    response["Content-Encoding"] = "identity"  # GZipMiddleware leaves it alone
    return response


def sync_view(_: Any) -> StreamingHttpResponse:
    return streamed(pieces())


async def async_view(_: Any) -> StreamingHttpResponse:
    return streamed(async_pieces())


def async_in_sync(_: Any) -> StreamingHttpResponse:
    return streamed(async_pieces())


def compressed(_: Any) -> StreamingHttpResponse:
    return StreamingHttpResponse(pieces(), content_type="text/plain")


async def async_compressed(_: Any) -> StreamingHttpResponse:
    return StreamingHttpResponse(async_pieces(), content_type="text/plain")


@sync_and_async_middleware
def join_body(get_response: Any) -> Any:
    """The logging recipe: it makes one body of a stream."""

    def middleware(request: Any) -> Any:
        response = get_response(request)
        if request.path == "/django/joined" and response.streaming:
            return HttpResponse(b"".join(response.streaming_content), content_type="text/plain")
        return response

    async def async_middleware(request: Any) -> Any:
        return await get_response(request)

    return async_middleware if asyncio.iscoroutinefunction(get_response) else middleware


urls = ModuleType("urls")
urls.urlpatterns = [  # type: ignore[attr-defined]
    path("django/sync", sync_view),
    path("django/async", async_view),
    path("django/async-in-sync", async_in_sync),
    path("django/gzip", compressed),
    path("django/async-gzip", async_compressed),
    path("django/joined", sync_view),
]
if not settings.configured:
    settings.configure(
        ROOT_URLCONF=urls,
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.gzip.GZipMiddleware",
            "tests.taps.apps.django_chat.join_body",
            "django.middleware.common.CommonMiddleware",
        ],
        ALLOWED_HOSTS=["127.0.0.1"],
        SECRET_KEY="of a test",
    )


def wsgi() -> Any:
    return install(get_wsgi_application())


def asgi() -> Any:
    return install(get_asgi_application())
