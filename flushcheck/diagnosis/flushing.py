"""What an origin that can vary its flushing shows of the app's own buffers, whatever stands in front of it.

The baseline of such an origin flushes in the strongest way it knows. The probes of `plan.FLUSHES` flush less,
and ask for X-Accel-Buffering: no, so that no nginx holds them. Where the strongest flush arrives (by itself,
or with that header), what a weaker one leaves behind lies in a buffer of the app. Where it does not arrive,
the server hides what the app holds, and nothing is said.

The path is not to blame for a script that does not flush: these are notes, and change no verdict.
"""

from __future__ import annotations

from flushcheck.culprits import php_output_buffering, php_zlib
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import STREAMED
from flushcheck.model import Flow, Probe, Transport, Variant


def flushing_notes(seen: Observations) -> tuple[str, ...]:
    """What the app's code has to do for its pieces to leave it, a sentence for each Transport that tells."""
    return tuple(filter(None, (_note(seen, transport) for transport in STREAMED)))


def _note(seen: Observations, transport: Transport) -> str:
    if seen.flow(transport) is not Flow.FLOWING and seen.frees(transport, Variant.XAB) is not Answer.YES:
        return ""
    request = seen.request_at_app(transport)
    app = "PHP" if request is not None and request.server.startswith("PHP") else "the app"
    if held := _held(seen, transport, Variant.OB_FLUSH):
        return (
            f"{transport}: even with ob_flush() and flush() after each piece {app} holds {held}: its buffers "
            "lie one inside the other. Close them all before the first output: "
            f"{php_output_buffering.CLOSE_FIX.change} ({php_output_buffering.CULPRIT.id})"
        )
    if held := _held(seen, transport, Variant.FLUSH):
        return (
            f"{transport}: with flush() alone after each piece {app} holds {held}. Write "
            f"{php_output_buffering.SCRIPT_FIX.change} after each piece, or in php.ini "
            f"{php_output_buffering.INI_FIX.change} ({php_output_buffering.CULPRIT.id})"
        )
    if held := _held(seen, transport, Variant.NO_FLUSH):
        compressed = seen.get(_probe(transport, Variant.NO_FLUSH))
        by_zlib = app == "PHP" and compressed is not None and compressed.header("content-encoding")
        culprit = f" ({php_zlib.CULPRIT.id})" if by_zlib else ""
        return f"{transport}: without a flush {app} holds {held}; flush after each piece{culprit}"
    return ""


def _probe(transport: Transport, variant: Variant) -> Probe:
    return Probe(transport, variant=variant)


def _held(seen: Observations, transport: Transport, variant: Variant) -> str:
    """For how long a buffer held this stream; "" if none did. One that waited for its turn is only late."""
    timing = seen.timing(_probe(transport, variant))
    if timing is None or timing.flow not in (Flow.HELD, Flow.BLOCKS) or timing.queued_s:
        return ""
    return f"the stream for up to {timing.held_s:.2f} s"
