"""What a Report says about the way to the service: the proxy, the redirect, the certificate."""

from __future__ import annotations

from flushcheck.model import Run

NOT_VERIFIED = (
    "the certificate was not verified (-k): another program may have responded in place of the service"
)


def connection_notes(run: Run) -> tuple[str, ...]:
    """Return the facts of this run's connections that a reader has to know, one sentence each."""
    notes = []
    if not run.verified:
        notes.append(NOT_VERIFIED)
    if run.redirected_from:
        notes.append(f"{run.redirected_from} redirects here: {run.target} was tested")
    if run.proxy:
        notes.append(f"tested through the proxy {run.proxy}")
    return tuple(notes)
