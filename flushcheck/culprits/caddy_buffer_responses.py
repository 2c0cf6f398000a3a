"""Caddy `buffer_responses`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flushcheck.configs.findings import Action, Finding, Level, Server
from flushcheck.configs.tree import Block, edit
from flushcheck.culprits import lint_common, x_accel
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import STREAMED
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Owner,
    Probe,
    Symptom,
    Transport,
)

CULPRIT = Culprit(
    id="caddy-buffer-responses",
    title="Caddy buffer_responses reads the whole response first",
    why=(
        "With buffer_responses (response_buffers in later versions) reverse_proxy reads the response to its "
        "end, or until its buffer is full, before it sends the first byte on."
    ),
    symptoms=(
        "Held to the end, still chunked; the response to a WebSocket handshake has status 200. "
        "X-Accel-Buffering reaches the reader and changes nothing."
    ),
    detection=(
        "The stream is held to its end at any size, uncompressed, and the response to a WebSocket handshake "
        "has status 200, as if it were a page."
    ),
    fixes=(
        Fix(
            where="Caddy, the reverse_proxy block",
            change="# remove buffer_responses (response_buffers)",
            by=Owner.SERVER,
            removes=("buffer_responses", "response_buffers"),
            server=Server.CADDY,
            cost="a slow reader keeps the connection to the app busy",
        ),
    ),
    references=("https://caddyserver.com/docs/caddyfile/directives/reverse_proxy",),
    shows=(Symptom(Flow.HELD),),
    measured_on=("Caddy 2.6.2", "Caddy 2.11.7"),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Held to the end at any size, and a WebSocket handshake that got the response of a page."""
    if transport is Transport.WEBSOCKET:
        held = (detection for streamed in STREAMED if (detection := detect(seen, streamed)))
        return next((replace(detection, evidence=detection.evidence[-1:]) for detection in held), None)
    handshake = seen.get(Probe(Transport.WEBSOCKET))
    if (
        not x_accel.passed_through(seen, transport)
        or seen.has_content_length(transport)
        or seen.compressed(transport)
        or seen.size_bytes(transport) is not None
        or handshake is None
        or not seen.handshake_stored()
    ):
        return None
    facts = (
        *x_accel.passed_through_evidence(seen, transport),
        Evidence("websocket: the response to the handshake has status 200", (handshake.probe.id,)),
    )
    # Caddy 2.11 leaves the app's Server as it is, and adds itself to Via.
    names = (*(seen.header(transport, name) for name in ("server", "via")), handshake.header("server"))
    named = any("caddy" in name.lower() for name in names)
    return Detection(CULPRIT, Confidence.LIKELY if named else Confidence.POSSIBLE, facts)


SERVERS = (Server.CADDY,)


def lint(block: Block) -> Iterator[Finding]:
    """Off by default: only a line is guilty."""
    for name in ("buffer_responses", "response_buffers"):
        for line in block.scope.own(name):
            yield block.finding(
                CULPRIT,
                Level.ERROR,
                f"{line.text}: Caddy reads the whole response before it sends any; WebSocket does not open",
                at=line,
                value=lint_common.filled_in(line),
                edits=(edit(Action.REPLACE, line),) if line.block is None else (),
                override=NO_OVERRIDE,
            )
