"""Apps with the origin mounted twice: inside of all their layers, and around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flushcheck.wsgi import FlushcheckWSGI
from tests.lab.origins import TOKEN, UNTIL

OPTIONS: dict[str, Any] = {"token": TOKEN, "until": UNTIL, "streams": 12}


def _outer(app: Callable[..., Any]) -> Callable[..., Any]:
    return FlushcheckWSGI(app, path="/outer", place="outer", **OPTIONS)


def _flask() -> Any:
    from flask import Flask

    from flushcheck.origins.flask import flushcheck_blueprint

    app = Flask(__name__)
    app.register_blueprint(flushcheck_blueprint(**OPTIONS), url_prefix="/flushcheck")
    return app


def flask_compress() -> Callable[..., Any]:
    from flask_compress import Compress

    app = _flask()
    Compress(app)
    return _outer(app)


class Joiner:
    """A middleware that reads the whole body first."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        return [b"".join(self.app(environ, start_response))]


def joined() -> Callable[..., Any]:
    app = _flask()
    app.wsgi_app = Joiner(app.wsgi_app)
    return _outer(app)


def clean() -> Callable[..., Any]:
    from werkzeug.middleware.proxy_fix import ProxyFix

    app = _flask()
    app.wsgi_app = ProxyFix(app.wsgi_app)
    app.after_request(lambda response: response)
    return _outer(app)


def django_gzip() -> Callable[..., Any]:
    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.urls import path

    from flushcheck.origins.django import flushcheck_view

    names = ("security.SecurityMiddleware", "gzip.GZipMiddleware", "common.CommonMiddleware")
    settings.configure(
        ROOT_URLCONF=(path("flushcheck", flushcheck_view(**OPTIONS)),),
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="x",
        MIDDLEWARE=[f"django.middleware.{name}" for name in names],
    )
    django.setup()
    return _outer(get_wsgi_application())
