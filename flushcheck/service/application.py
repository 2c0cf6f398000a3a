"""Where the routes become one WSGI application."""

from __future__ import annotations

from urllib.parse import urlsplit

from flushcheck.service import serve_extra

serve_extra.require()  # before the first of them is imported

from flask import Flask, Response

from flushcheck.service import metrics
from flushcheck.service.access_log import install_access_log
from flushcheck.service.error_pages import install_error_pages
from flushcheck.service.fast_path import FastPath
from flushcheck.service.limits.admission import Admission
from flushcheck.service.limits.concurrency import ConcurrencyLimiter
from flushcheck.service.metrics_store import MetricsStore
from flushcheck.service.responses import BODY_TIMEOUT_S, register_error_handlers
from flushcheck.service.routes import (
    check,
    culprits,
    diagnostics,
    health,
    measured,
    openapi,
    pages,
    streams,
    websocket,
)
from flushcheck.service.service import Service
from flushcheck.service.serving.fairness import yield_to_hub
from flushcheck.service.serving.serve import Serving
from flushcheck.streaming.limits import Limits


def create_app(limits: Limits, own_text: str = "", *, mount: str = "") -> Flask:
    """Build the service.

    Args:
        limits: the settings in force.
        own_text: what `text=file` serves; "" if no text was given at start.
        mount: the path below which the server puts the app by its own setting, never by what a request says.
    """
    app = Flask("flushcheck.service", static_folder=None)
    # Off: Werkzeug would redirect a path with doubled slashes to the host in the Host header.
    app.url_map.merge_slashes = False
    app.config[BODY_TIMEOUT_S] = limits.body_timeout_s
    app.config["TRUSTED_HOSTS"] = _trusted(limits)
    limiter, serving = ConcurrencyLimiter(limits.max_streams), Serving(limits)
    app.after_request(_give_way)
    service = Service(limits, own_text, mount, limiter, Admission(limits, limiter), serving)
    store = MetricsStore(limits.metrics_folder)
    install_access_log(app, store)
    register_error_handlers(app)
    install_error_pages(app)
    app.register_blueprint(streams.routes(service))
    app.register_blueprint(websocket.routes(app, service))
    app.register_blueprint(pages.routes(service))
    app.register_blueprint(health.routes(service))
    app.register_blueprint(metrics.routes(limits, store, serving))
    app.register_blueprint(openapi.routes(limits))
    app.register_blueprint(diagnostics.routes(service))
    app.register_blueprint(culprits.routes(service))
    app.register_blueprint(measured.routes())
    app.register_blueprint(check.routes(service))
    app.wsgi_app = FastPath(app, service, store)  # type: ignore[method-assign]  # as Flask documents it
    return app


def _give_way(response: Response) -> Response:
    """Let other greenlets run after each response: the next request of this client may already wait."""
    response.call_on_close(yield_to_hub)
    return response


def _trusted(limits: Limits) -> list[str] | None:
    """The host names that requests may use, with any port; None for all. Other requests get 400.

    The names of the loopback are always allowed: a page that points its own name at this machine (DNS
    rebinding) still sends its own name in Host. Werkzeug 3.1 cannot compare IPv6 addresses.
    """
    if not limits.trusted_hosts:
        return None
    listed = [name.strip() for name in limits.trusted_hosts.split(",") if name.strip()]
    public = urlsplit(limits.public_url).hostname
    return [*listed, *([public] if public else []), "localhost", "127.0.0.1"]
