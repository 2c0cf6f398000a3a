"""What an origin replied, and the records in it, read as strictly as docs/protocol.md has them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from flushcheck.model import Transport

MAX_SHOWN = 120  # characters of what came, in a sentence


@dataclass(frozen=True, slots=True)
class Reply:
    """One response, or why there was none. Header names are in lower case."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    trouble: str = ""  # why it did not come, or not to its end
    took_s: float = 0.0  # from the request to its end

    def header(self, name: str) -> str:
        """The value of a header; "" if it did not come."""
        return ", ".join(value for key, value in self.headers if key == name)

    @property
    def short(self) -> str:
        """What came, for a sentence. The text may be hostile."""
        if self.trouble:
            return self.trouble
        return f"status {self.status}, {self.body[:MAX_SHOWN].decode(errors='replace')!a}"


def records(reply: Reply, transport: Transport) -> list[dict[str, object]]:
    """The records of a stream, its end included.

    Raises:
        ValueError: it is not made of records as this transport has them.
    """
    text = reply.body.decode()
    if transport is Transport.CHUNKED:
        lines = text.split("\n")
        if lines[-1]:
            raise ValueError("the last line has no LF")
        parts = [line for line in lines if line.strip()]
    else:
        parts = []
        for event in text.removesuffix("\n\n").split("\n\n"):
            if not event.strip(" :"):
                continue  # padding
            found = re.fullmatch(r"(?:id: ([0-9]+)\n)?event: (delta|done)\ndata: (.*)", event)
            if not found or (found[2] == "delta") != (found[1] is not None):
                raise ValueError(f"not an event of the protocol: {event[:60]!a}")
            parts.append(found[3])
    try:
        whole = [json.loads(part) for part in parts]
    except RecursionError:
        raise ValueError("a record is nested too deep") from None
    if not all(isinstance(record, dict) for record in whole):
        raise ValueError("a record is not an object")
    return whole


def pieces(reply: Reply, transport: Transport, count: int) -> list[dict[str, object]]:
    """The pieces of a whole stream.

    Raises:
        ValueError: they are not the pieces 0 to `count` - 1, followed by the end.
    """
    if reply.status != 200 or reply.trouble:
        raise ValueError(reply.short)
    whole = records(reply, transport)
    if [record.get("seq") for record in whole[:-1]] != list(range(count)) or "end" not in whole[-1]:
        raise ValueError(f"{len(whole)} records, not the pieces 0 to {count - 1} and an end")
    for record in whole[:-1]:
        if not isinstance(record.get("at_s"), int | float) or not isinstance(record.get("delta"), str):
            raise ValueError(f"a piece without at_s and delta: {str(record)[:60]!a}")
    return whole


def json_object(reply: Reply) -> dict[str, object]:
    """The JSON object of a reply; an empty one if it is none."""
    try:
        data = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
