"""Apps with an origin in them, one factory for each framework: what its documentation shows, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TOKEN = "live-origin-token-1"
OPTIONS: dict[str, Any] = {"token": TOKEN, "until": "2099-12-31", "streams": 8}


def wsgi() -> Callable[..., Any]:
    from flushcheck.wsgi import FlushcheckWSGI

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"not here"]

    return FlushcheckWSGI(app, **OPTIONS)


def flask() -> Callable[..., Any]:
    from flask import Flask

    from flushcheck.origins.flask import flushcheck_blueprint

    app = Flask(__name__)
    app.register_blueprint(flushcheck_blueprint(**OPTIONS), url_prefix="/flushcheck")
    return app


def _django(*more: str) -> None:
    import django
    from django.conf import settings
    from django.urls import path

    from flushcheck.origins.django import flushcheck_view

    layers = [
        f"django.middleware.{name}" for name in ("security.SecurityMiddleware", "common.CommonMiddleware")
    ]
    layers += more
    urls = (path("flushcheck", flushcheck_view(**OPTIONS)),)
    settings.configure(ROOT_URLCONF=urls, ALLOWED_HOSTS=["*"], SECRET_KEY="x", MIDDLEWARE=layers)
    django.setup()


def django_wsgi() -> Callable[..., Any]:
    from django.core.wsgi import get_wsgi_application

    _django()
    return get_wsgi_application()  # type: ignore[no-any-return]


def django_asgi() -> Callable[..., Any]:
    from django.core.asgi import get_asgi_application

    _django()
    return get_asgi_application()  # type: ignore[no-any-return]


def fastapi() -> Callable[..., Any]:
    from fastapi import FastAPI

    from flushcheck.origins.starlette import flushcheck_route

    app = FastAPI()
    app.router.routes.append(flushcheck_route("/flushcheck", **OPTIONS))
    return app


def _outer_wsgi(app: Callable[..., Any]) -> Callable[..., Any]:
    from flushcheck.wsgi import FlushcheckWSGI

    return FlushcheckWSGI(app, path="/outer", place="outer", **OPTIONS)


def flask_mounts() -> Callable[..., Any]:
    from flask_compress import Compress

    app: Any = flask()
    Compress(app)
    return _outer_wsgi(app)


def django_mounts() -> Callable[..., Any]:
    from django.core.wsgi import get_wsgi_application

    _django("django.middleware.gzip.GZipMiddleware")
    return _outer_wsgi(get_wsgi_application())


async def join_body(request: Any, call_next: Any) -> Any:
    """A logging recipe: it reads the whole body first."""
    from starlette.responses import Response

    response = await call_next(request)
    body = b"".join([chunk async for chunk in response.body_iterator])
    return Response(body, response.status_code, dict(response.headers))


def fastapi_mounts(*, join: bool = True) -> Callable[..., Any]:
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.middleware.gzip import GZipMiddleware

    from flushcheck.asgi import FlushcheckASGI

    app: Any = fastapi()
    app.add_middleware(GZipMiddleware)
    if join:
        app.add_middleware(BaseHTTPMiddleware, dispatch=join_body)
    app.add_middleware(FlushcheckASGI, path="/outer", place="outer", **OPTIONS)
    return app  # type: ignore[no-any-return]


def starlette_mounts() -> Callable[..., Any]:
    """Starlette's GZipMiddleware alone, in a version that flushes."""
    return fastapi_mounts(join=False)
