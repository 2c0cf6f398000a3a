"""A layer of the app itself, seen between two mounts of one origin: inside of all layers, and outside.

Both mounts have the server and the path in common. So what flows at the outermost mount and not at the
innermost one is the fault of what lies between the two. Which layer it is, taps say.
"""

from __future__ import annotations

from dataclasses import replace

from flushcheck.culprits.evidence import hold_evidence
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Outcome,
    Owner,
    Source,
    Symptom,
    Transport,
    Vantage,
)

CULPRIT = Culprit(
    id="app-layer",
    title="a layer of the app itself holds, cuts or refuses the stream",
    why=(
        "A middleware or an after_request function stands between the view and the app's server. It joins, "
        "compresses or delays the response before any server or proxy gets it."
    ),
    symptoms=(
        "An origin mounted inside of all layers is held, and the same origin mounted outside of them flows, "
        "behind the same server and the same proxies."
    ),
    detection=(
        "Two mounts of one origin are compared with `flushcheck diagnose INNER --outer OUTER`: the fault "
        "shows at the innermost one, and the same stream flows at the outermost one."
    ),
    fixes=(
        Fix(
            where="the app, the layer that holds the stream",
            change="pass on each chunk when it comes; leave streamed responses alone",
            by=Owner.APP,
            note="`flushcheck tap URL` names the layer: see docs/taps.md",
        ),
    ),
    references=("https://peps.python.org/pep-3333/#middleware-handling-of-block-boundaries",),
    shown_by=frozenset({Source.PATH, Source.APP}),
    shows=(Symptom(Flow.HELD),),
    measured_on=("gunicorn 27.0.1",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Wrong at the innermost mount, and flowing at the outermost one."""
    inner = seen.baseline(transport)
    outer = replace(inner, vantage=Vantage.OUTER)
    near, far = seen.timing(outer), seen.timing(inner)
    observation, outermost = seen.get(inner), seen.get(outer)
    if near is None or far is None or observation is None or outermost is None:
        return None
    # A stream that waited for its turn was not held by what it passed.
    if near.flow is not Flow.FLOWING or outermost.outcome is not Outcome.COMPLETE or far.queued_s:
        return None
    flows = Evidence(f"{transport}: at the outermost mount of the app the same stream flows", (outer.id,))
    if far.flow in HELD_FLOWS:
        return Detection(CULPRIT, Confidence.CERTAIN, (hold_evidence(seen, transport), flows))
    # Without a status no app has responded.
    if far.flow not in (Flow.CUT, Flow.FAILED) or not observation.status:
        return None
    reason = observation.detail or observation.outcome
    ended = Evidence(f"{transport}: at the innermost mount it is {far.flow}: {reason}", (inner.id,))
    return Detection(CULPRIT, Confidence.CERTAIN, (ended, flows))
