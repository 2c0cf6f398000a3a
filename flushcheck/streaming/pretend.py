"""What a stream looks like behind a hold, without a proxy that makes it: the parameter `pretend`.

The service encodes a stream as always. A Hold then decides which of these bytes go on, and when, by the rule
of a program that holds: a buffer that is full, a compressor without a flush, a timer. It sees bytes and
moments alone, so each rule is tested as a table of (moment, bytes).

What must stay true: all bytes go on in order and none is added or lost, except that `gzip` compresses them
and `cut` stops them; a Hold keeps a bounded number of them, whatever the stream is. A stream that is
pretended says so (`model.PRETEND_HEADER`), and no diagnosis names a culprit for it.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from flushcheck.model import Flow, Symptom, Transport, UsageError
from flushcheck.model.wording import any_of

# What `end` and `ticks` keep at most: then it goes on, as a buffer does that is full. It is also the memory
# that one pretended stream can take.
MAX_HELD_BYTES = 128 * 1024

MIN_BLOCK_BYTES, MAX_BLOCK_BYTES = 512, 64 * 1024
MIN_TICK_MS, MAX_TICK_MS = 20, 5000
MIN_CUT_S, MAX_CUT_S = 0.1, 600.0

# A window of 8 KiB and half of the usual tables: 96 KiB for each stream, a third of what nginx takes. All
# 8,192 symbols of a block are still held, which is the whole of a short stream.
WINDOW_BITS, MEMORY_LEVEL = 13, 7
GZIP = 16  # added to the window: a gzip header and trailer. Source: zlib.h, deflateInit2

SHORT_CUT_S = 2.0  # what shows a cut to a person who waits for it

PATTERN = r"end|gzip|blocks-[0-9]{1,6}|ticks-[0-9]{1,6}|cut-[0-9]{1,4}(?:\.[0-9]{1,3})?"
EXPECTED = (
    f"end, gzip, blocks-N ({MIN_BLOCK_BYTES} to {MAX_BLOCK_BYTES} bytes), ticks-N ({MIN_TICK_MS} to "
    f"{MAX_TICK_MS} milliseconds) or cut-N (after {MIN_CUT_S:g} to {MAX_CUT_S:g} seconds)"
)
EXAMPLE = "blocks-4096"


class PretendKind(StrEnum):
    """The rule by which a stream is held."""

    BLOCKS = "blocks"  # a buffer goes on when it is full: nginx, PHP, Apache's gateways
    END = "end"  # nothing before the stream is over
    GZIP = "gzip"  # a compressor that is never flushed
    TICKS = "ticks"  # a timer that the first byte starts: HAProxy's 200 ms
    CUT = "cut"  # the connection ends in the middle of the stream


# A poll is a whole response, and a WebSocket is passed on as bytes that are neither collected nor compressed.
TRANSPORTS: Mapping[PretendKind, tuple[Transport, ...]] = {
    PretendKind.BLOCKS: (Transport.CHUNKED, Transport.EVENTS),
    PretendKind.END: (Transport.CHUNKED, Transport.EVENTS),
    PretendKind.GZIP: (Transport.CHUNKED, Transport.EVENTS),
    PretendKind.TICKS: (Transport.CHUNKED, Transport.EVENTS, Transport.WEBSOCKET),
    PretendKind.CUT: (Transport.CHUNKED, Transport.EVENTS, Transport.WEBSOCKET),
}


# What the page offers, with its label.
CLASSICS = (
    ("blocks-4096", "blocks of 4,096 bytes, as nginx"),
    ("blocks-16384", "blocks of 16,384 bytes, as nginx over TLS"),
    ("end", "everything at the end"),
    ("gzip", "gzip without a flush"),
    ("ticks-200", "ticks of 200 ms, as HAProxy"),
    ("cut-2", "cut after 2 s"),
)


@dataclass(frozen=True, slots=True)
class Pretend:
    """One rule with its number. As text: a value of the parameter `pretend`."""

    kind: PretendKind
    block_bytes: int = 0
    tick_ms: int = 0
    cut_s: float = 0.0

    def __str__(self) -> str:
        number = self.block_bytes or self.tick_ms or self.cut_s
        return f"{self.kind}-{number:g}" if number else str(self.kind)


def parse_pretend(raw: str) -> Pretend | None:
    """The Pretend in a value of the parameter; None if it is none, or its number is out of bounds."""
    if not re.fullmatch(PATTERN, raw):
        return None
    kind, _, number = raw.partition("-")
    match PretendKind(kind):
        case PretendKind.BLOCKS if MIN_BLOCK_BYTES <= int(number) <= MAX_BLOCK_BYTES:
            return Pretend(PretendKind.BLOCKS, block_bytes=int(number))
        case PretendKind.TICKS if MIN_TICK_MS <= int(number) <= MAX_TICK_MS:
            return Pretend(PretendKind.TICKS, tick_ms=int(number))
        case PretendKind.CUT if MIN_CUT_S <= float(number) <= MAX_CUT_S:
            return Pretend(PretendKind.CUT, cut_s=float(number))
        case PretendKind.END | PretendKind.GZIP as whole:
            return Pretend(whole)
    return None


def pretend_transports(value: str) -> tuple[Transport, ...]:
    """The transports that a value of the parameter is offered for; () if it is none."""
    pretend = parse_pretend(value)
    return TRANSPORTS[pretend.kind] if pretend else ()


def check_transport(pretend: Pretend, transport: Transport, path: str) -> None:
    """Refuse what no proxy does to this Transport.

    Args:
        pretend: what is requested.
        transport: of the stream.
        path: where the stream is, for the example.

    Raises:
        UsageError: it is not offered.
    """
    if transport in TRANSPORTS[pretend.kind]:
        return
    if transport is Transport.POLLING:
        raise UsageError(
            f"pretend={pretend} for polling: each poll is a whole response, which nothing holds; expected "
            f"{any_of(TRANSPORTS[pretend.kind])}, for example /stream/chunked?pretend={pretend}"
        )
    offered = [f"{kind}-N" for kind, transports in TRANSPORTS.items() if transport in transports]
    raise UsageError(
        f"pretend={pretend} for {transport}: proxies pass its messages on as they are; expected "
        f"{any_of(offered)}, for example {path}?pretend=ticks-200"
    )


def pretend_like(symptom: Symptom) -> Pretend | None:
    """What shows the picture of this symptom; None where nothing offered does."""
    match symptom.flow:
        case Flow.BLOCKS if symptom.block_bytes:
            return parse_pretend(f"{PretendKind.BLOCKS}-{symptom.block_bytes}")
        case Flow.TICKS:
            return parse_pretend(f"{PretendKind.TICKS}-{round(symptom.tick_s * 1000)}")
        case Flow.HELD:
            return Pretend(PretendKind.GZIP if symptom.compressed else PretendKind.END)
        case Flow.CUT:
            return Pretend(PretendKind.CUT, cut_s=SHORT_CUT_S)
    return None


class Hold(Protocol):
    """What keeps bytes back. The caller owns the clock: monotonic, in seconds."""

    due_s: float  # when `release` has something, if nothing else comes; infinite: never

    def take(self, data: bytes, now_s: float) -> bytes:
        """Take the next bytes; return those that go on now."""

    def release(self, now_s: float) -> bytes:
        """The bytes whose moment has come by itself."""

    def finish(self) -> bytes:
        """The stream is over: the bytes that are left."""


class BlockHold:
    """Whole blocks alone go on. The rest goes on at the end."""

    due_s = math.inf

    def __init__(self, block_bytes: int) -> None:
        self._block_bytes = block_bytes
        self._held = b""

    def take(self, data: bytes, now_s: float) -> bytes:
        held = self._held + data
        full = len(held) - len(held) % self._block_bytes
        self._held = held[full:]
        return held[:full]

    def release(self, now_s: float) -> bytes:
        return b""

    def finish(self) -> bytes:
        held, self._held = self._held, b""
        return held


class TimedHold:
    """What has come goes on together, so long after the first byte of it. An infinite time: at the end."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._held = bytearray()
        self.due_s = math.inf

    def take(self, data: bytes, now_s: float) -> bytes:
        if data and not self._held:
            self.due_s = now_s + self._wait_s
        self._held += data
        return self.finish() if len(self._held) >= MAX_HELD_BYTES else b""

    def release(self, now_s: float) -> bytes:
        return self.finish() if now_s >= self.due_s else b""

    def finish(self) -> bytes:
        held = bytes(self._held)
        self._held.clear()
        self.due_s = math.inf
        return held


class GzipHold:
    """A compressor that gives out what it has only when its own buffer is full, and at the end."""

    due_s = math.inf

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(wbits=GZIP + WINDOW_BITS, memLevel=MEMORY_LEVEL)

    def take(self, data: bytes, now_s: float) -> bytes:
        return self._compressor.compress(data)

    def release(self, now_s: float) -> bytes:
        return b""

    def finish(self) -> bytes:
        return self._compressor.flush()


class NoHold:
    """Everything goes on at once: a stream that is only cut."""

    due_s = math.inf

    def take(self, data: bytes, now_s: float) -> bytes:
        return data

    def release(self, now_s: float) -> bytes:
        return b""

    def finish(self) -> bytes:
        return b""


def hold(pretend: Pretend) -> Hold:
    """A new Hold for one stream."""
    match pretend.kind:
        case PretendKind.BLOCKS:
            return BlockHold(pretend.block_bytes)
        case PretendKind.END:
            return TimedHold(math.inf)
        case PretendKind.TICKS:
            return TimedHold(pretend.tick_ms / 1000)
        case PretendKind.GZIP:
            return GzipHold()
        case PretendKind.CUT:
            return NoHold()
