"""Whether a flushcheck service is at the address at all.

A site without one (404, a login, a single-page app that responds 200 to every path) shows nothing about
streams: no culprit may be named for it. The service is there if anything that it alone writes arrived on the
path: a piece, the end of a stream, or its record of a request.
"""

from __future__ import annotations

from flushcheck.measurement.observations import Observations
from flushcheck.measurement.obstacles import MAX_SHOWN, obstacle
from flushcheck.measurement.plan import ROUTES
from flushcheck.model import Observation, Transport, Vantage

NEXT_STEP = "Start one there, or test a stream of your own: flushcheck watch URL"
# nginx and others respond 400 to a client without its certificate, and to plain HTTP at a port for HTTPS.
IF_400 = {
    "https": "; if it asks for a client certificate, pass --cert client.pem --key client.key",
    "http": "; if this is its port for HTTPS, write https://",
}


def service_absent(seen: Observations) -> bool:
    """Whether nothing on the path came from a flushcheck service."""
    return not any(
        observation.from_service for observation in seen if observation.probe.vantage is Vantage.PATH
    )


def absence_sentence(target: str, seen: Observations, *, proxied: bool) -> str:
    """Say what is at the address instead, and what to do; "" if nothing responded there.

    Args:
        target: the address that was diagnosed.
        seen: a run in which the service is absent.
        proxied: whether the run went through a forward proxy.
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
    sentence, step = _response(target, responses[0], proxied=proxied)
    return f"no flushcheck service at {target}: {sentence}. {step}"


def _response(target: str, observation: Observation, *, proxied: bool) -> tuple[str, str]:
    """What responded, and what to do."""
    status, suffix = observation.status, ROUTES[observation.probe.transport]
    server, kind = observation.header("server"), observation.header("content-type")
    by = f", server {server[:MAX_SHOWN]}" if server else ""
    location = observation.header("location")
    if found := obstacle(target + suffix, status, location, suffix, proxied=proxied):
        return found.sentence + by, found.step
    return f"it responded {status}{f' {kind[:MAX_SHOWN]}' if kind else ''}{by}", NEXT_STEP + and_if(
        target, status
    )


def and_if(target: str, status: int) -> str:
    """What else to do about a status that says little, behind a next step; "" if nothing is known."""
    return IF_400.get(target.partition(":")[0], "") if status == 400 else ""
