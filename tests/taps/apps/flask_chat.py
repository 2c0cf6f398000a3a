"""A Flask app with taps, held by Flask-Compress or not: an argument of the factory decides."""

import time
from collections.abc import Iterator
from typing import Any

import flask
from flask_compress import Compress

from flushcheck.taps import install

PIECES, GAP_S = 8, 0.06


def pieces() -> Iterator[str]:
    for number in range(PIECES):
        time.sleep(GAP_S)
        yield f"piece {number} {'.' * 40}\n"


def log_length(response: flask.Response) -> flask.Response:
    """The logging recipe: get_data() joins the stream."""
    response.get_data()
    return response


def make() -> flask.Flask:
    app = flask.Flask("chat")
    app.config["COMPRESS_STREAMS"] = False
    app.add_url_rule("/chat", "chat", lambda: flask.Response(pieces(), mimetype="text/plain"))
    app.add_url_rule("/whole", "whole", lambda: "".join(pieces()))
    Compress(app)
    return app


def clean() -> Any:
    return install(make())


def compressed() -> Any:
    app = make()
    app.config["COMPRESS_STREAMS"] = True
    return install(app)


def joined() -> Any:
    app = make()
    app.after_request(log_length)
    return install(app)


def slow() -> Any:
    """One view keeps the only worker for a while."""
    app = make()

    def busy() -> Iterator[str]:
        yield "begins\n"
        time.sleep(3.0)
        yield "ends\n"

    app.add_url_rule("/busy", "busy", lambda: flask.Response(busy(), mimetype="text/plain"))
    return install(app)
