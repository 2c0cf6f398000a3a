"""Where the routes become one WSGI application."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response

from flushcheck.service import metrics
from flushcheck.service.access_log import install_access_log
from flushcheck.service.limits.admission import Admission
from flushcheck.service.limits.concurrency import ConcurrencyLimiter
from flushcheck.service.metrics import MetricsStore
from flushcheck.service.responses import BODY_TIMEOUT_S, register_error_handlers
from flushcheck.service.routes import check, culprits, diagnostics, health, openapi, pages, streams, websocket
from flushcheck.service.service import Service
from flushcheck.service.serving.drain import Drain
from flushcheck.service.serving.engine import Engine
from flushcheck.service.serving.fairness import give_way
from flushcheck.streaming.limits import Limits

# A reader may be so many times slower than the longest stream is planned, and then it is dropped.
SLOWEST = 2


def create_app(limits: Limits, own_text: str = "", *, mount: str = "") -> Flask:
    """Build the service.

    Args:
        limits: the settings in force.
        own_text: what `text=file` serves; "" if no text was given at start.
        mount: the path below which the server puts the app by its own setting, not by a request's word.
    """
    app = Flask("flushcheck.service", static_folder=None)
    # Doubled slashes would be answered by a redirect to wherever the Host header says.
    app.url_map.merge_slashes = False
    app.config[BODY_TIMEOUT_S] = limits.body_timeout_s
    app.config["TRUSTED_HOSTS"] = _trusted(limits)
    gate, drain = ConcurrencyLimiter(limits.max_streams), Drain()
    engine = Engine(
        stall_s=limits.stall_s, most_s=SLOWEST * limits.max_duration_s, draining=lambda: drain.due
    )
    app.after_request(_give_way)
    service = Service(limits, own_text, mount, gate, Admission(limits, gate), drain, engine)
    board = MetricsStore(limits.metrics_folder)
    install_access_log(app, board)
    register_error_handlers(app)
    app.register_blueprint(streams.routes(service))
    app.register_blueprint(websocket.routes(app, service))
    app.register_blueprint(pages.routes(service))
    app.register_blueprint(health.routes(service))
    app.register_blueprint(metrics.routes(limits, board))
    app.register_blueprint(openapi.routes(limits))
    app.register_blueprint(diagnostics.routes(service))
    app.register_blueprint(culprits.routes())
    app.register_blueprint(check.routes(service))
    return app


def _give_way(response: Response) -> Response:
    """Behind each response the others have their turn: this client's next request may be there already."""
    response.call_on_close(give_way)
    return response


def _trusted(limits: Limits) -> list[str] | None:
    """The hosts that may be asked for, each with any port; None for all. A request for another gets 400.

    The loopback's names are among them: a page that has its own name lead to this machine (DNS
    rebinding) still asks for its own name. Werkzeug 3.1 can compare no address of IPv6.
    """
    if not limits.trusted_hosts:
        return None
    listed = [name.strip() for name in limits.trusted_hosts.split(",") if name.strip()]
    public = urlsplit(limits.public_url).hostname
    return [*listed, *([public] if public else []), "localhost", "127.0.0.1"]
