"""The app itself: its server, or a middleware around the app, holds the response."""

from __future__ import annotations

from flushcheck.culprits.evidence import hold_evidence
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.own_wording import own_summary
from flushcheck.measurement.plan import HELD_FLOWS
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Owner,
    Source,
    Symptom,
    Transport,
)

CULPRIT = Culprit(
    id="app-response",
    title="the app, or a middleware or server around it, holds its own response",
    why=(
        "The app's own process joins or compresses the response before any proxy receives it: a middleware "
        "reads the whole body, a compressor does not flush, or a server buffers."
    ),
    symptoms="Held on the service's own loopback too, and for a client that connects to the app's own port.",
    detection="The control, over loopback or at the app's own port, is held too, and not compressed.",
    fixes=(
        Fix(
            where="the app's WSGI stack",
            change="pass the response's iterable through; leave text/event-stream and streams uncompressed",
            by=Owner.APP,
            note="exempt the streams only; the middleware can stay as it is for other responses",
        ),
    ),
    references=("https://peps.python.org/pep-3333/#middleware-handling-of-block-boundaries",),
    shown_by=frozenset({Source.PATH, Source.APP}),
    shows=(Symptom(Flow.HELD), Symptom(Flow.BLOCKS, block_bytes=8192)),
    measured_on=("gunicorn 27.0.1",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The control, over loopback or at the app's own port, is held too."""
    flow, control = seen.control(transport), seen.control_probe(transport)
    if not seen.is_held(transport) or control is None or flow not in HELD_FLOWS:
        return None
    observation, timing = seen[control]
    if observation.header("content-encoding"):
        return None  # a compressor does it: see flask_compress
    if timing.late_s > timing.lag_s.max:
        return None  # it began late, and was not held from then on
    if observation.is_own:
        same = Evidence(
            f"{transport}: {seen.control_place(transport)} too: {own_summary(observation, timing)}",
            (control.id,),
        )
        return Detection(CULPRIT, Confidence.CERTAIN, (hold_evidence(seen, transport), same))
    same = Evidence(
        f"{transport}: {seen.control_place(transport)} the same stream is {flow}, "
        f"held for up to {timing.lag_s.max:.2f} s",
        (control.id,),
    )
    return Detection(CULPRIT, Confidence.CERTAIN, (hold_evidence(seen, transport), same))
