"""Something below HTTP that holds or cuts connections."""

from __future__ import annotations

import statistics

from flushcheck.culprits.evidence import hold_evidence
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS, STREAMED
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Outcome,
    Owner,
    Probe,
    Source,
    Symptom,
    Transport,
)

CULPRIT = Culprit(
    id="tcp-middlebox",
    title="something below HTTP holds the bytes: a TCP relay, a VPN, an antivirus program",
    why=(
        "The connection is held, not the response: a program that relays TCP collects or inspects bytes "
        "before it sends them on. No HTTP header has an effect on it."
    ),
    symptoms="WebSocket is held in the same way as the other transports, although no HTTP proxy buffers it.",
    detection="WebSocket is held, or cut, in the same way as the HTTP transports.",
    fixes=(
        Fix(
            where="the network between app and reader",
            change="switch off the inspection, or the relay, for this host and port",
            by=Owner.NETWORK,
            note=(
                "look for antivirus programs, VPNs and load balancers in TCP mode; test from another network"
            ),
        ),
    ),
    references=(),
    shown_by=frozenset({Source.PATH, Source.NETWORK}),
    shows=(Symptom(Flow.HELD), Symptom(Flow.TICKS, tick_s=0.4), Symptom(Flow.CUT)),
    measured_on=("a TCP relay of the laboratory",),
)

# Flows that a box below HTTP makes; a late beginning is the app server's.
HELD = frozenset({Flow.HELD, Flow.BLOCKS, Flow.TICKS})

# How far the ends of streams may be apart that one deadline ended.
SAME_AGE_S = 0.4


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """WebSocket is held, or cut, just as HTTP is."""
    flow, websocket = seen.flow(transport), seen.flow(Transport.WEBSOCKET)
    if seen.control(transport) in HELD_FLOWS or seen.request_at_app(Transport.POLLING) is None:
        return None
    http = [seen.flow(other) for other in STREAMED]
    if flow in HELD and websocket in HELD and any(other in HELD for other in http):
        both = Evidence(
            "websocket: held as well, and no HTTP proxy holds a WebSocket",
            (Probe(Transport.WEBSOCKET).id,),
        )
        return Detection(CULPRIT, Confidence.LIKELY, (hold_evidence(seen, transport), both))
    return _cuts(seen, transport)


def _cuts(seen: Observations, transport: Transport) -> Detection | None:
    """Every stream ends at the same age, WebSocket included."""
    streams = [seen.get(Probe(other)) for other in (*STREAMED, Transport.WEBSOCKET)]
    cut = [
        observation
        for observation in streams
        if observation is not None and observation.outcome is Outcome.CUT and observation.pieces
    ]
    if len(cut) < len(streams) or transport is Transport.POLLING:
        return None
    if any("close" in observation.header("connection").lower() for observation in cut):
        return None  # a worker that was killed: see gunicorn_timeout
    ages_s = [observation.ended_s for observation in cut]
    if max(ages_s) - min(ages_s) > SAME_AGE_S:
        return None
    same_age = Evidence(
        f"{transport}: cut at {statistics.median(ages_s):.1f} s, as every other stream, WebSocket included",
        tuple(observation.probe.id for observation in cut),
    )
    return Detection(CULPRIT, Confidence.POSSIBLE, (same_age,))
