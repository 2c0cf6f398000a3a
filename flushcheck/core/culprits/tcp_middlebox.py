"""Something below HTTP that keeps or cuts connections."""

from __future__ import annotations

from flushcheck.core.model import (
    Confidence,
    Culprit,
    Evidence,
    Fix,
    Flow,
    Probe,
    Suspicion,
    Transport,
)
from flushcheck.core.observations import Observations
from flushcheck.core.plan import KEPT, STREAMED

CULPRIT = Culprit(
    id="tcp-middlebox",
    title="something below HTTP keeps the bytes: a TCP relay, a VPN, an antivirus",
    why=(
        "What is held is not the response but the connection: a box that relays TCP collects bytes, or "
        "looks into them, before it passes them on. No header of HTTP reaches it."
    ),
    shows=("WebSocket is held in the same way as the other transports, although no HTTP proxy buffers it."),
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


def suspect(seen: Observations, transport: Transport) -> Suspicion | None:
    """WebSocket is held, or cut, just as HTTP is."""
    ours, websocket = seen.flow(transport), seen.flow(Transport.WEBSOCKET)
    if seen.control(transport) in KEPT or seen.origin(Transport.POLLING) is None:
        return None
    http = [seen.flow(other) for other in STREAMED]
    if ours in HELD and websocket in HELD and any(flow in HELD for flow in http):
        facts = [
            seen.say_hold(transport),
            Evidence("websocket: held as well, which no HTTP proxy does", (Probe(Transport.WEBSOCKET).id,)),
        ]
        return Suspicion(CULPRIT, Confidence.LIKELY, tuple(facts))
    return None
