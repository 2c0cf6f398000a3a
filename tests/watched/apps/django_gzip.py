"""Django with its GZipMiddleware: `gunicorn --threads 8 django_gzip:wsgi`, `uvicorn django_gzip:asgi`."""

import asyncio
import time

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import StreamingHttpResponse
from django.urls import path

settings.configure(
    SECRET_KEY="x",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.gzip.GZipMiddleware"],
)
django.setup()

COUNT, PAUSE_S = 20, 0.1


def event(number):
    return f'data: {{"delta": "word{number} "}}\n\n'


def events():
    for number in range(COUNT):
        time.sleep(PAUSE_S)
        yield event(number)


async def async_events():
    for number in range(COUNT):
        await asyncio.sleep(PAUSE_S)
        yield event(number)


def view(request):
    return StreamingHttpResponse(events(), content_type="text/event-stream")


async def async_view(request):
    return StreamingHttpResponse(async_events(), content_type="text/event-stream")


async def sync_generator_view(request):
    return StreamingHttpResponse(events(), content_type="text/plain")


urlpatterns = [path("sync", view), path("async", async_view), path("generator", sync_generator_view)]
wsgi = get_wsgi_application()
asgi = get_asgi_application()
