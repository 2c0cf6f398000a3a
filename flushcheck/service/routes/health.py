"""Is the process alive, and does it take streams? For load balancers and orchestrators."""

from __future__ import annotations

from flask import Blueprint, Response

from flushcheck.service.responses import answer, retry_later
from flushcheck.service.service import Service


def routes(service: Service) -> Blueprint:
    """Liveness and readiness. Both answer while streams fill the process."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def alive() -> Response:
        return answer({"status": "alive"})

    @blueprint.get("/readyz")
    def ready() -> Response:
        if service.serving.drain.begun:
            return retry_later("this process ends and takes no more streams")
        if service.gate.full:
            return retry_later(service.gate.excuse)
        return answer({"status": "ready", "streams": service.gate.open})

    return blueprint
