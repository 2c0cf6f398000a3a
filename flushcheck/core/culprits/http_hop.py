"""Some HTTP hop that is not nginx: described by what it does, not named."""

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
    Variant,
)
from flushcheck.core.observations import Observations

CULPRIT = Culprit(
    id="http-hop",
    title="an HTTP hop that is not nginx keeps the response",
    why=(
        "Something between the app and the reader collects the response before it passes it on: a proxy, "
        "a CDN, a gateway of the hosting, an antivirus. It leaves X-Accel-Buffering in the response, "
        "which every nginx takes out."
    ),
    shows=(
        "Held, with X-Accel-Buffering: no sent by the app, arriving at the reader, and changing nothing, "
        "while the app's own loopback flows."
    ),
    fixes=(
        Fix(
            where="the proxy, CDN or gateway in front of the app",
            change="switch off response buffering, and compression, for the stream's address",
            caution="its name decides the words: look at the headers Via and Server in the evidence",
        ),
    ),
    references=(),
)


def suspect(seen: Observations, transport: Transport) -> Suspicion | None:
    """The hint arrived where nginx would have taken it, and the app itself is cleared."""
    if (
        not seen.kept(transport)
        or seen.frees(transport, Variant.XAB) is not False
        or seen.hint_taken(transport) is not False
        or seen.control(transport) not in (Flow.FLOWING, None)
    ):
        return None
    evidence = [
        seen.say_hold(transport),
        seen.say_variant(transport, Variant.XAB),
        Evidence(f"{transport}: that header arrived: no nginx stands on this path, or it passes it on"),
    ]
    baseline = seen.get(Probe(transport))
    if baseline is not None:
        evidence += [
            Evidence(f"{transport}: the answer says {name}: {baseline.header(name)[:100]}")
            for name in ("via", "server")
            if baseline.header(name)
        ]
    if seen.frees(transport, Variant.IDENTITY):
        evidence.append(seen.say_variant(transport, Variant.IDENTITY))
    if seen.control(transport) is None:
        evidence.append(Evidence(f"{transport}: there was no control run, so the app itself is not cleared"))
        return Suspicion(CULPRIT, Confidence.POSSIBLE, tuple(evidence))
    evidence.append(Evidence(f"{transport}: on the service's own loopback the same stream flows"))
    return Suspicion(CULPRIT, Confidence.LIKELY, tuple(evidence))
