"""X-Accel-Buffering as an experiment: what it tells about an nginx on the path, and how that reads."""

from __future__ import annotations

from flushcheck.core.model import Evidence, Fix, Transport, Variant
from flushcheck.core.observations import Observations

APP_FIX = Fix(
    where="the app, on each streamed response",
    change="X-Accel-Buffering: no",
    caution="only responses that carry the header are freed; nginx takes it out, so clients never see it",
)


def obeyed(seen: Observations, transport: Transport) -> bool:
    """Whether an nginx on this path was seen to hold the stream, and to let it go when told to.

    Only nginx both obeys X-Accel-Buffering and removes it from the response.
    """
    return (
        seen.kept(transport)
        and seen.frees(transport, Variant.XAB) is True
        and seen.hint_taken(transport) is True
    )


def in_vain(seen: Observations, transport: Transport) -> bool:
    """Whether an nginx took the hint out of the response and the stream was held all the same."""
    return (
        seen.kept(transport)
        and seen.frees(transport, Variant.XAB) is False
        and seen.hint_taken(transport) is True
    )


def needs_compression(seen: Observations, transport: Transport) -> bool:
    """Whether only a client that offers encodings meets the hold."""
    return bool(seen.compressed(transport)) and seen.frees(transport, Variant.IDENTITY) is True


def evidence(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """The hold, and what the hint did to it."""
    return (
        seen.say_hold(transport),
        seen.say_variant(transport, Variant.XAB),
        Evidence(
            f"{transport}: that header was sent and did not arrive: of all proxies measured only nginx "
            "takes it out"
        ),
    )
