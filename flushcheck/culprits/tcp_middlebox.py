"""Something below HTTP that keeps or cuts connections."""

from __future__ import annotations

import statistics

from flushcheck.culprits.evidence import hold_evidence
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS, STREAMED
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Flow, Outcome, Probe, Transport

CULPRIT = Culprit(
    id="tcp-middlebox",
    title="something below HTTP keeps the bytes: a TCP relay, a VPN, an antivirus",
    why=(
        "What is held is not the response but the connection: a box that relays TCP collects bytes, or "
        "looks into them, before it passes them on. No header of HTTP reaches it."
    ),
    symptoms=(
        "WebSocket is held in the same way as the other transports, although no HTTP proxy buffers it."
    ),
    fixes=(
        Fix(
            where="the network between app and reader",
            change="switch off the inspection, or the relay, for this host and port",
            caution="look for antivirus, VPN, load balancers in TCP mode; try from another network",
        ),
    ),
    references=(),
)

# Flows that a box below HTTP makes; a late beginning is the app server's.
HELD = frozenset({Flow.HELD, Flow.BLOCKS, Flow.TICKS})

# How far the ends of streams may be apart that one deadline ended.
SAME_AGE_S = 0.4


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """WebSocket is held, or cut, just as HTTP is."""
    ours, websocket = seen.flow(transport), seen.flow(Transport.WEBSOCKET)
    if seen.control(transport) in HELD_FLOWS or seen.request_at_app(Transport.POLLING) is None:
        return None
    http = [seen.flow(other) for other in STREAMED]
    if ours in HELD and websocket in HELD and any(flow in HELD for flow in http):
        facts = [
            hold_evidence(seen, transport),
            Evidence("websocket: held as well, which no HTTP proxy does", (Probe(Transport.WEBSOCKET).id,)),
        ]
        return Detection(CULPRIT, Confidence.LIKELY, tuple(facts))
    return _cuts(seen, transport)


def _cuts(seen: Observations, transport: Transport) -> Detection | None:
    """Every stream ends at the same age, WebSocket included."""
    streams = [seen.get(Probe(other)) for other in (*STREAMED, Transport.WEBSOCKET)]
    cut = [one for one in streams if one is not None and one.outcome is Outcome.CUT and one.pieces]
    if len(cut) < len(streams) or transport is Transport.POLLING:
        return None
    if any("close" in one.header("connection").lower() for one in cut):
        return None  # a worker that was killed: see gunicorn_timeout
    ages = [one.ended_s for one in cut]
    if max(ages) - min(ages) > SAME_AGE_S:
        return None
    said = Evidence(
        f"{transport}: cut at {statistics.median(ages):.1f} s, as every other stream, WebSocket included",
        tuple(one.probe.id for one in cut),
    )
    return Detection(CULPRIT, Confidence.POSSIBLE, (said,))
