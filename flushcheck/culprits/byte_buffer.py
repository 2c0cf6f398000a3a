"""Some buffer of a known size, in the app or in a proxy: described by its size, not named."""

from __future__ import annotations

from flushcheck.culprits import own_stream
from flushcheck.culprits.evidence import hold_evidence
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import HELD_FLOWS
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    FaultPlace,
    Fix,
    Flow,
    Owner,
    Source,
    Symptom,
    Transport,
)

CULPRIT = Culprit(
    id="byte-buffer",
    title="a buffer of a fixed size, in the app or in a proxy, is filled before any of it is sent",
    why=(
        "A program collects so many bytes before it writes them: a proxy, the app's own server, or a process "
        "whose standard output the app reads through a pipe. A stream shorter than the buffer arrives at its "
        "end."
    ),
    symptoms=(
        "Blocks of the same number of bytes that end in the middle of a record, or whole records whenever a "
        "power of two is full; with pauses between them, for every client."
    ),
    detection="The stream arrives so, compressed or not, and no second address says where the buffer is.",
    fixes=(
        Fix(
            where="the app, where it writes the stream",
            change="flush after each record",
            by=Owner.APP,
            fault=FaultPlace.APP,
            note=(
                "Python: print(…, flush=True); PHP: ob_flush(); flush(); a child process: stdbuf -oL, or "
                "python -u; waitress: send_bytes=1"
            ),
        ),
        Fix(
            where="the proxy in front of the app",
            change="switch off response buffering for the stream's address",
            by=Owner.SERVER,
            fault=FaultPlace.PATH,
        ),
    ),
    shown_by=frozenset({Source.PATH, Source.APP}),
    generic=True,
    shows=(Symptom(Flow.BLOCKS, block_bytes=4096),),
)

# Who makes blocks of this size, as measured on Debian 12; the rest of the evidence decides.
SIZES = {
    4096: "nginx, Apache's mod_proxy_fcgi, PHP and a program that writes to a pipe collect so much",
    8184: "PHP collects so much without any flush",
    8192: "Python and PHP collect so much by default",
    16_384: "nginx collects so much for an HTTP/1.1 client over TLS",
    65_536: "Apache's mod_fcgid collects so much",
}


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The user's own stream arrives in blocks, and no second address shows where they are made."""
    timing, size = seen.held_timing(transport), seen.hold_bytes(transport)
    control = seen.control(transport)
    if timing is None or timing.flow is not Flow.BLOCKS or size is None or control is Flow.FLOWING:
        return None
    if control in HELD_FLOWS or not own_stream.without_compressor(seen, transport):
        return None
    # nginx and PHP have blocks of their own: they are named beside it.
    is_named = own_stream.serves(seen, transport, own_stream.NGINX) or own_stream.is_php(seen, transport)
    known = (Evidence(f"{transport}: {SIZES[size]}"),) if size in SIZES else ()
    facts = (hold_evidence(seen, transport), *known, *own_stream.server_evidence(seen, transport))
    return Detection(CULPRIT, Confidence.POSSIBLE if is_named else Confidence.LIKELY, facts)
