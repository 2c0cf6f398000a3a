"""What the observer asks: one request each, in three sizes of pieces."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

# The three sizes of facts.md, section 1: pieces, seconds between two, seconds of jitter, bytes of text in each, and the
# range of these bytes. In an even stream a timer makes deliveries of equal size, and a buffer makes deliveries at equal
# distance: uneven streams tell the two apart.
SIZES = {
    "token": (20, 0.1, 0.05, 16, 28),
    "kilo": (40, 0.05, 0.03, 1000, 1400),
    "big": (24, 0.08, 0.04, 16000, 16000),
    # Enough for seven blocks of a TLS buffer, which holds 16 kB.
    "long": (100, 0.025, 0.015, 1000, 1400),
}

BROWSER = "gzip, deflate, br, zstd"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    route: str  # chunked, events, polling, ws
    size: str = "token"
    encodings: str = BROWSER
    hints: tuple[str, ...] = ()  # of xab, cache, nosniff: the response headers the service is asked to send
    http: str = "1.1"
    pad_bytes: int = 0
    nonce: str = ""  # two asks with one nonce are one address; "" for an address of its own
    origin: str = ""  # path and query of an origin (docs/protocol.md); "": the service's own paths

    @property
    def name(self) -> str:
        parts = [self.route, self.size, *self.hints]
        parts += ["identity"] if self.encodings == "identity" else []
        parts += ["http10"] if self.http == "1.0" else []
        return "-".join(parts)

    @property
    def path(self) -> str:
        count, interval_s, jitter_s, size_bytes, spread_bytes = SIZES[self.size]
        asked = f"count={count}&interval={interval_s:g}&jitter={jitter_s:g}&size={size_bytes}&spread={spread_bytes}"
        if self.origin:
            asked += "".join(f"&{name}=1" for name in self.hints)
            mark = "&" if "?" in self.origin else "?"
            return f"{self.origin}{mark}fc={self.route}&{asked}&nonce={self.nonce or secrets.token_hex(4)}"
        asked += "&format=delta&end=done"
        switches = "".join(f"&{name}={int(name in self.hints)}" for name in ("xab", "cache", "nosniff"))
        pad = f"&pad={self.pad_bytes}" if self.pad_bytes else ""
        return f"/stream/{self.route}?{asked}{switches}{pad}&nonce={self.nonce or secrets.token_hex(4)}"


STREAMS_TOGETHER = 12  # Apache serves six of one connection at once, the others more than twelve


def together() -> tuple[Ask, ...]:
    """What a page with many streams asks over one h2 connection."""
    return (Ask("chunked"),) * STREAMS_TOGETHER


def first_look() -> tuple[Ask, ...]:
    """The least that says how each stream of a case arrives."""
    return (
        Ask("chunked"),
        Ask("events"),
        Ask("chunked", "kilo"),
        Ask("events", "kilo"),
        Ask("chunked", "big"),
        Ask("events", "big"),
        Ask("ws"),
        Ask("polling"),
    )


def battery(*, tls: bool = False) -> Iterator[tuple[Ask, ...]]:
    """All that the lab asks of a case, in rounds of requests that run side by side."""
    yield (
        Ask("chunked"),
        Ask("events"),
        Ask("chunked", "kilo"),
        Ask("events", "kilo"),
        Ask("ws"),
        Ask("polling"),
    )
    yield (
        Ask("chunked", "big"),
        Ask("events", "big"),
        Ask("chunked", hints=("xab",)),
        Ask("events", hints=("xab",)),
        Ask("chunked", encodings="identity"),
        Ask("events", encodings="identity"),
    )
    yield (
        Ask("chunked", http="1.0"),
        Ask("chunked", hints=("cache",)),
        Ask("chunked", "kilo", encodings="identity"),
        Ask("chunked", "kilo", hints=("xab",)),
        *([Ask("chunked", "long")] if tls else []),
    )


def multiplexed_battery() -> Iterator[tuple[Ask, ...]]:
    """What the lab asks of a case over h2 or h3, likewise: HTTP/1.0 is not there, and fewer hints."""
    first, second, third = battery(tls=True)
    yield first
    yield (*second, *(ask for ask in third if ask.http == "1.1" and "cache" not in ask.hints))
