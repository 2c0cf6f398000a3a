"""Whether a flushcheck service is at the address at all.

A site without one (404, a login, a single-page app that responds 200 to every path) shows nothing about
streams: no culprit may be named for it. The service is there if anything that it alone writes arrived on the
path: a piece, the end of a stream, or its record of a request.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from flushcheck.diagnosis.connection_notes import connection_notes
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.obstacles import MAX_SHOWN, obstacle
from flushcheck.measurement.plan import ROUTES
from flushcheck.model import Observation, Report, Run, Transport, Vantage, Verdict

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
    suffix = ROUTES[responses[0].probe.transport]
    sentence, step = _response(target, suffix, responses[0], proxied=proxied)
    return f"no flushcheck service at {target}: {sentence}. {step}"


def absence_at_url(url: str, observation: Observation, *, proxied: bool) -> str:
    """Say what is at an address where one request found nothing of flushcheck, and what to do.

    Args:
        url: that was requested, with its path and query.
        observation: of that request.
        proxied: whether a forward proxy was sent it.
    """
    if not observation.status:
        return f"no flushcheck service at {url}: {observation.detail}"
    parts = urlsplit(url)
    path = parts.path or "/"
    root = f"{parts.scheme}://{parts.netloc}{parts.path}".removesuffix(path)
    sentence, step = _response(root, _kept_path(url, path, observation), observation, proxied=proxied)
    return f"no flushcheck service at {url}: {sentence}. {step}"


def _kept_path(url: str, path: str, observation: Observation) -> str:
    """What a redirect to the same thing ends with: the path; for the root of another host nothing does.

    A redirect that keeps the path leads to the same thing, and one to /login does not. The root of another
    host may be anything, unless it is the same host with or without www.
    """
    location = observation.header("location")
    try:
        hosts = [urlsplit(at).hostname or "" for at in (url, urljoin(url, location))]
    except ValueError:
        return path
    same = hosts[0].removeprefix("www.") == hosts[1].removeprefix("www.")
    return path if same or path != "/" else url


def report_at_url(run: Run) -> Report:
    """The Report on an address that one request was made to: nothing of flushcheck, and no stream."""
    return Report(
        target=run.target,
        verdict=Verdict.UNKNOWN,
        headline=absence_at_url(run.target, run.observations[0], proxied=bool(run.proxy)),
        transports=(),
        culprits=(),
        notes=connection_notes(run),
        tool=run.tool,
    )


def _response(root: str, suffix: str, observation: Observation, *, proxied: bool) -> tuple[str, str]:
    """What responded, and what to do."""
    status = observation.status
    server, kind = observation.header("server"), observation.header("content-type")
    by = f", server {server[:MAX_SHOWN]}" if server else ""
    location = observation.header("location")
    if found := obstacle(
        root + suffix if suffix.startswith("/") else suffix, status, location, suffix, proxied=proxied
    ):
        return found.sentence + by, found.step
    return f"it responded {status}{f' {kind[:MAX_SHOWN]}' if kind else ''}{by}", NEXT_STEP + and_if(
        root, status
    )


def and_if(target: str, status: int) -> str:
    """What else to do about a status that says little, behind a next step; "" if nothing is known."""
    return IF_400.get(target.partition(":")[0], "") if status == 400 else ""
