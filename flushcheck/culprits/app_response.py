"""The app itself: its server, or a middleware around the app, keeps the response."""

from __future__ import annotations

from flushcheck.culprits.evidence import hold_evidence
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Transport

CULPRIT = Culprit(
    id="app-response",
    title="the app, or a middleware or server around it, keeps its own response",
    why=(
        "Before any proxy sees it, the response is joined or compressed inside the app's process: a "
        "middleware that reads the whole body, a compressor that does not flush, a server that buffers."
    ),
    symptoms="Held on the service's own loopback too, and for whoever asks the app at its own port.",
    fixes=(
        Fix(
            where="the app's WSGI stack",
            change="pass the response's iterable through; leave text/event-stream and streams uncompressed",
            caution="what the middleware did for other responses stays as it was",
        ),
    ),
    references=("https://peps.python.org/pep-3333/#middleware-handling-of-block-boundaries",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The control, over loopback or at the app's own port, is kept too."""
    flow, control = seen.control(transport), seen.control_probe(transport)
    if not seen.is_held(transport) or control is None or flow is None or flow not in HELD_FLOWS:
        return None
    observation = seen.get(control)
    if observation is not None and observation.header("content-encoding"):
        return None  # a compressor's doing: see flask_compress
    timing = seen.timing(control)
    waited_s = timing.lag_s.max if timing else 0.0
    said = Evidence(
        f"{transport}: {seen.control_place(transport)} the same stream is {flow}, "
        f"kept for up to {waited_s:.2f} s",
        (control.id,),
    )
    return Detection(CULPRIT, Confidence.CERTAIN, (hold_evidence(seen, transport), said))
