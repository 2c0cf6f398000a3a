"""Where the routes become one WSGI application."""

from __future__ import annotations

from flask import Flask

from flushcheck.core.limits import Limits
from flushcheck.web import culprits, diagnostics, health, pages, streams, websocket
from flushcheck.web.access import keep_log
from flushcheck.web.answers import answer_errors
from flushcheck.web.gate import Gate
from flushcheck.web.service import Service


def create_app(limits: Limits, own_text: str = "", *, mount: str = "") -> Flask:
    """Build the service.

    Args:
        limits: the settings in force.
        own_text: what `text=file` serves; "" if no text was given at start.
        mount: the path below which the server puts the app by its own setting, not by a request's word.
    """
    app = Flask("flushcheck.web", static_folder=None)
    # Doubled slashes would be answered by a redirect to wherever the Host header says.
    app.url_map.merge_slashes = False
    service = Service(limits, own_text, mount, Gate(limits.max_streams))
    keep_log(app)
    answer_errors(app)
    app.register_blueprint(streams.routes(service))
    app.register_blueprint(websocket.routes(app, service))
    app.register_blueprint(pages.routes(service))
    app.register_blueprint(health.routes(service))
    app.register_blueprint(diagnostics.routes(service))
    app.register_blueprint(culprits.routes())
    return app
