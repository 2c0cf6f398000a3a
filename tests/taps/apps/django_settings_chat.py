"""The project of django_chat.py with taps by one line of its settings: `wsgi` and `asgi` are as Django writes them."""

import os
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

import flushcheck.taps

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "tests.taps.apps.django_chat.join_body",
]
settings.configure(
    MIDDLEWARE=flushcheck.taps.django(MIDDLEWARE), ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="of a test"
)


def _urls() -> None:
    from tests.taps.apps import django_chat

    settings.ROOT_URLCONF = django_chat.urls
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


def wsgi() -> Any:
    _urls()
    return get_wsgi_application()


def asgi() -> Any:
    _urls()
    return get_asgi_application()
