"""What a Report says about an offer of HTTP/3 that came to nothing: no verdict, since browsers fall back."""

from __future__ import annotations

from urllib.parse import urlsplit

from flushcheck.measurement.alt_svc import INSTALL, offered_port
from flushcheck.measurement.observations import Observations
from flushcheck.model import Client, Run, Vantage


def http3_notes(run: Run, seen: Observations) -> tuple[str, ...]:
    """Return one sentence where HTTP/3 is offered and was not tested, or brought no response."""
    if reason := seen.http3_unreachable:
        return (f"offers HTTP/3 by alt-svc; {reason}: browsers fall back to {_other_version(seen)}",)
    host = urlsplit(run.target).hostname or ""
    if Client.HTTP3 in seen.clients or not offered_port(run.observations, host):
        return ()
    if run.proxy:
        return ("offers HTTP/3 by alt-svc, which was not tested: it does not pass through a forward proxy",)
    if run.http3_missing:
        return (f"offers HTTP/3 by alt-svc, which was not tested: {INSTALL}",)
    return ()


def _other_version(seen: Observations) -> str:
    """The version of HTTP that a browser speaks over TCP, for example "HTTP/2"."""
    multiplexed = any(
        observation.http_version == "2" for observation in seen if observation.probe.vantage is Vantage.PATH
    )
    return "HTTP/2" if multiplexed else "HTTP/1.1"
