"""What a Report says about the way to the service: the proxy, the redirect, the certificate."""

from __future__ import annotations

from urllib.parse import urlsplit

from flushcheck.diagnosis.certificates import certificate_report, certificate_sentence
from flushcheck.model import Run

NOT_VERIFIED = (
    "the certificate was not verified (-k): another program may have responded in place of the service"
)
WITHOUT_LOGIN = ", without the headers and logins given for the first address"


def connection_notes(run: Run) -> tuple[str, ...]:
    """Return the facts of this run's connections that a reader has to know, one sentence each."""
    notes = []
    if not run.verified:
        notes.append(NOT_VERIFIED)
    if run.redirected_from:
        left = "" if _origin(run.redirected_from) == _origin(run.target) else WITHOUT_LOGIN
        notes.append(f"{run.redirected_from} redirects here: {run.target} was tested{left}")
    if run.proxy:
        notes.append(f"tested through the proxy {run.proxy}")
    if found := certificate_report(run):
        notes.append(certificate_sentence(found, run.pins))
    return tuple(notes)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
