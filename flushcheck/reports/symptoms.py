"""What a stream looks like behind a culprit: in a sentence, and as a picture drawn like those of a report.

The picture is made of the typed Symptom alone, with the pieces of a stream of an example.
"""

from __future__ import annotations

from collections.abc import Sequence

from flushcheck.model import Flow, Symptom
from flushcheck.reports.html import drawing

# A stream of two seconds. Its blocks hold this many pieces, since a picture has no bytes.
SENT_S = tuple(round(n * 0.1, 1) for n in range(21))
IN_A_BLOCK = 5
PICTURED_TICK_S = 0.35  # a tick of 200 ms between pieces of 100 ms would be a picture of lateness
LATE_S = 0.9
THROTTLED_SHARE = 1.8
CUT_S = 1.05


def symptom_sentence(symptom: Symptom) -> str:
    """How the stream arrives, without a full stop."""
    match symptom.flow:
        case Flow.BLOCKS if symptom.block_bytes:
            return f"in blocks of {symptom.block_bytes:,} bytes"
        case Flow.BLOCKS:
            return "in blocks of one size"
        case Flow.TICKS:
            return f"in ticks of {symptom.tick_s * 1000:.0f} ms"
        case Flow.HELD if symptom.compressed:
            return "the header of the response at once, then nothing until the end"
        case Flow.HELD:
            return "all at the end"
        case Flow.LATE if symptom.with_next:
            return "each piece with the next one"
        case Flow.LATE:
            return "nothing for a while, then piece by piece"
        case Flow.THROTTLED:
            return "at a constant rate, with a growing delay"
        case Flow.CUT:
            return "the connection ends before the stream does"
        case Flow.FAILED:
            return "the stream does not open"
        case Flow.REPLAYED:
            return "an older stream at once, from a store"
    return "piece by piece"


def symptom_picture(symptom: Symptom) -> str:
    """The picture as SVG, named by its sentence."""
    name = f"Picture: {symptom_sentence(symptom)}"
    match symptom.flow:
        case Flow.BLOCKS:
            received = _released(SENT_S, IN_A_BLOCK)
        case Flow.TICKS:
            received = _ticks(SENT_S, PICTURED_TICK_S)
        case Flow.HELD:
            head_s = (0.0,) if symptom.compressed else ()
            return drawing(SENT_S, _released(SENT_S, len(SENT_S)), name=name, empty_s=head_s)
        case Flow.LATE if symptom.with_next:
            received = (*SENT_S[1:], SENT_S[-1])
        case Flow.LATE:
            received = tuple(max(at_s, LATE_S) for at_s in SENT_S)
        case Flow.THROTTLED:
            received = tuple(at_s * THROTTLED_SHARE for at_s in SENT_S)
        case Flow.CUT:
            came = [at_s for at_s in SENT_S if at_s < CUT_S]
            return drawing(came, came, name=name, lost_s=SENT_S[len(came) :])
        case Flow.FAILED:
            return drawing((), (), name=name, lost_s=SENT_S)
        case Flow.REPLAYED:
            received = (0.05,) * len(SENT_S)
        case _:
            received = SENT_S
    return drawing(SENT_S, received, name=name)


def _released(sent_s: Sequence[float], count: int) -> tuple[float, ...]:
    """When pieces arrive that wait until so many are there; the last ones wait for the end."""
    last = len(sent_s) - 1
    return tuple(sent_s[min(n - n % count + count - 1, last)] for n in range(len(sent_s)))


def _ticks(sent_s: Sequence[float], tick_s: float) -> tuple[float, ...]:
    """When pieces arrive that wait for a timer, which the first of them starts."""
    due_s = 0.0
    received: list[float] = []
    for at_s in sent_s:
        if not received or at_s > due_s:
            due_s = at_s + tick_s
        received.append(min(due_s, sent_s[-1]))
    return tuple(received)
