"""Whether a flushcheck service is at the address at all.

A site without one (404, a login, a single-page app that responds 200 to every path) shows nothing about
streams: no culprit may be named for it. The service is there if anything that it alone writes arrived on the
path: a piece, the end of a stream, or its record of a request.
"""

from __future__ import annotations

from flushcheck.measurement.observations import Observations
from flushcheck.model import Observation, Transport, Vantage

MAX_SHOWN = 200  # characters of a header that the far side wrote

ACCESS = {
    401: "it asks for a login (status 401)",
    403: "it refuses access (status 403)",
    407: "a proxy asks for a login (status 407)",
}

NEXT_STEP = "Start one there, or test a stream of your own: flushcheck watch URL"


def service_absent(seen: Observations) -> bool:
    """Whether nothing on the path came from a flushcheck service."""
    return not any(
        observation.from_service for observation in seen if observation.probe.vantage is Vantage.PATH
    )


def absence_sentence(target: str, seen: Observations) -> str:
    """Say what is at the address instead, and what to do; "" if nothing responded there.

    Args:
        target: the address that was diagnosed.
        seen: a run in which the service is absent.
    """
    responses = [
        observation
        for observation in seen
        if observation.probe.vantage is Vantage.PATH
        and observation.status
        and observation.probe.transport is not Transport.WEBSOCKET  # its handshake gets other errors
    ]
    if not responses:
        return ""
    return f"no flushcheck service at {target}: {_response(responses[0])}. {NEXT_STEP}"


def _response(observation: Observation) -> str:
    status, location = observation.status, observation.header("location")
    server = observation.header("server")
    by = f", server {server[:MAX_SHOWN]}" if server else ""
    if status in ACCESS:
        return ACCESS[status] + by
    if 300 <= status < 400 and location:
        return f"it redirects to {location[:MAX_SHOWN]} (status {status}){by}"
    kind = observation.header("content-type")
    return f"it responded {status}{f' {kind[:MAX_SHOWN]}' if kind else ''}{by}"
