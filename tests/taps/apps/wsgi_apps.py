"""WSGI apps with taps in one process: the first part of the path chooses."""

from typing import Any

from flushcheck.taps import install
from tests.taps.apps import django_chat, flask_chat
from tests.testing.apps import joiner, passes_on


def plain(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return (piece.encode() for piece in flask_chat.pieces())


def flask_joined_outside() -> Any:
    app = flask_chat.make()
    app.wsgi_app = joiner(app.wsgi_app)  # type: ignore[method-assign]
    return install(app)


APPS = {
    "flask": flask_chat.clean(),
    "flask-compress": flask_chat.compressed(),
    "flask-logging": flask_chat.joined(),
    "flask-joiner": flask_joined_outside(),
    "plain": install(passes_on(plain)),
    "plain-joiner": install(passes_on(joiner(plain))),
    "django": django_chat.wsgi(),
}


def app(environ: Any, start_response: Any) -> Any:
    name, _, rest = environ["PATH_INFO"].lstrip("/").partition("/")
    if name != "django":
        environ["PATH_INFO"] = f"/{rest}"
    return APPS[name](environ, start_response)
