"""Liveness and readiness of this process, for load balancers and orchestrators."""

from __future__ import annotations

from flask import Blueprint, Response

from flushcheck.service.responses import json_response, retry_later
from flushcheck.service.service import Service


def routes(service: Service) -> Blueprint:
    """The two routes. Both respond while streams use all permits."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def alive() -> Response:
        return json_response({"status": "alive"})

    @blueprint.get("/readyz")
    def ready() -> Response:
        if service.serving.drain.begun:
            return retry_later("this process is shutting down and accepts no new streams")
        if service.limiter.full:
            return retry_later(service.limiter.reason)
        return json_response({"status": "ready", "streams": service.limiter.in_use})

    return blueprint
