"""From a body's bytes to deliveries and pieces, the same for every protocol of the observer."""

from __future__ import annotations

from tests.lab.decoders import Records, unpacker
from tests.lab.seen import Delivery, Seen

# Reads this close together are one delivery: a block of 64 KiB is read in several turns.
ONE_DELIVERY_S = 0.012


class Content:
    """Takes the content of one response in parts, and writes down in its `Seen` what that was."""

    def __init__(self, seen: Seen, *, messages: bool = False) -> None:
        self._seen = seen
        self._unpack = unpacker(seen.header("content-encoding"))
        self._records = Records(seen, events=seen.ask.route == "events", messages=messages)

    def feed(self, content: bytes, at_s: float) -> None:
        """Bytes of the body, without their framing, that came at this moment."""
        text = self._unpack(content) if content else b""
        if len(self._seen.body_start) < 400:
            self._seen.body_start += text[:400]
        if content or text:
            before = len(self._seen.pieces)
            self._records.feed(text, at_s)
            self._note(at_s, len(content), len(text), len(self._seen.pieces) - before)

    def _note(self, at_s: float, wire_bytes: int, text_bytes: int, pieces: int) -> None:
        """Add a read to the delivery under way, or begin one."""
        tail_bytes = self._records.last_bytes
        last = self._seen.deliveries[-1] if self._seen.deliveries else None
        if last is not None and at_s - last.at_s <= ONE_DELIVERY_S:
            self._seen.deliveries[-1] = Delivery(
                last.at_s,
                last.wire_bytes + wire_bytes,
                last.text_bytes + text_bytes,
                last.pieces + pieces,
                tail_bytes,
            )
        else:
            self._seen.deliveries.append(Delivery(at_s, wire_bytes, text_bytes, pieces, tail_bytes))
