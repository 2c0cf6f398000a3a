"""Django 5.2: its own handlers, its own GZipMiddleware, a view of each kind."""

from types import ModuleType
from typing import Any

import pytest
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import path

from flushcheck.testing import assert_streams
from tests.testing.apps import PIECES, async_pieces, pieces

GZIP = "django.middleware.gzip.GZipMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"


def plain(_: Any) -> StreamingHttpResponse:
    return StreamingHttpResponse(pieces(), content_type="text/plain")


def free_of_gzip(_: Any) -> StreamingHttpResponse:
    response = StreamingHttpResponse(pieces(), content_type="text/plain")
    response["Content-Encoding"] = "identity"
    return response


async def asynchronous(_: Any) -> StreamingHttpResponse:
    return StreamingHttpResponse(async_pieces(), content_type="text/plain")


@pytest.fixture(scope="module", autouse=True)
def project() -> None:
    """A Django project in this process, as small as one can be."""
    urls = ModuleType("urls")
    urls.urlpatterns = [path("chat", plain), path("free", free_of_gzip), path("async", asynchronous)]  # type: ignore[attr-defined]
    settings.configure(
        ROOT_URLCONF=urls, MIDDLEWARE=[GZIP, COMMON], ALLOWED_HOSTS=["testserver"], SECRET_KEY="of a test"
    )


IDENTITY = {"Accept-Encoding": "identity"}

STREAMS = {
    "wsgi, no encodings": (get_wsgi_application, "/chat", IDENTITY),
    "wsgi, the fix": (get_wsgi_application, "/free", {}),
    "asgi, an asynchronous view": (get_asgi_application, "/async", IDENTITY),
    "the test client": (Client, "/chat", IDENTITY),
    "the asynchronous test client": (AsyncClient, "/async", IDENTITY),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_view_that_streams_passes(name: str) -> None:
    make, url, headers = STREAMS[name]
    order = assert_streams(make(), url, headers=headers)
    assert (order.pieces, order.waiting) == (PIECES, 0)
    assert [layer.layer.name for layer in order.layers[:2]] == ["CommonMiddleware", "GZipMiddleware"]


def test_the_gzip_middleware_is_named_with_its_fix() -> None:
    with pytest.raises(
        AssertionError,
        match=r"^/chat does not stream: GZipMiddleware made 19 pieces wait\n(.*\n)*  fix: the app, on each streamed response: Content-Encoding: identity; or .*Django>=6.1.* \(flushcheck explain django-gzip-middleware\)",
    ):
        assert_streams(get_wsgi_application(), "/chat")


def test_a_gzip_member_for_each_chunk_is_no_stream_for_a_browser() -> None:
    with pytest.raises(
        AssertionError,
        match=r"^/async cannot be read to its end: GZipMiddleware wrote a gzip member for each chunk",
    ):
        assert_streams(get_asgi_application(), "/async")


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_a_synchronous_view_under_asgi_is_named() -> None:
    with pytest.raises(
        AssertionError,
        match=r"^/chat does not stream: ASGIHandler made 19 pieces wait\n(.*\n)*  fix: the app, the view: make it an async generator",
    ):
        assert_streams(get_asgi_application(), "/chat", headers=IDENTITY)


def test_a_handler_shows_the_same_layers_again() -> None:
    handler = get_wsgi_application()
    first, second = (assert_streams(handler, "/free").layers for _ in range(2))
    assert [layer.layer for layer in first] == [layer.layer for layer in second]
    assert len(first) == 3


def test_the_project_is_afterwards_what_it_was_before() -> None:
    assert_streams(get_wsgi_application(), "/free")
    assert settings.MIDDLEWARE == [GZIP, COMMON]
