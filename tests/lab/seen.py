"""What the observer saw of one request, and the shape of it.

How a stream is named (`Seen.shape`), over lags = arrival - send offset, smallest subtracted:

- fewer than 3 in 10 pieces overtaken by a later send: `flowing`; `late` if all of them waited before the first came;
- nearly every piece comes when the next one is sent: `one-late`;
- all pieces in one delivery, or all after the last was sent: `held`;
- the first pieces wait together and the rest come at their pace: `late`; lags that only grow: `throttled`;
- deliveries cut at one size, or at the first piece beyond one size: `blocks`; of equal distance: `ticks`;
- arrival before sending: `replayed`; end missing: `cut`; no pattern: `irregular`.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.lab.asks import Ask


@dataclass(frozen=True, slots=True)
class Delivery:
    """Reads that came together."""

    at_s: float
    wire_bytes: int  # body bytes, before decompression
    text_bytes: int  # after
    pieces: int
    tail_bytes: int = 0  # of the last record in it: how far a buffer that keeps records whole may overshoot


@dataclass(slots=True)
class Seen:
    """All that came back."""

    ask: Ask
    problem: str = ""  # what went wrong on the way; "" if nothing
    status: int = 0
    version: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)  # names as they came
    headers_s: float = 0.0
    framing: str = ""  # chunked, length, close
    ended: str = ""  # last-chunk, length, close, cut, patience
    ended_s: float = 0.0
    deliveries: list[Delivery] = field(default_factory=list)
    pieces: list[tuple[float, int, float]] = field(default_factory=list)  # arrival, number, send offset
    end: dict[str, Any] | None = None
    body_start: bytes = b""
    records: list[int] = field(default_factory=list)  # sizes of the TLS records that held data
    alpn: str = ""  # what the server chose; "" without TLS, or if it chose nothing
    together: bool = False  # one of several streams of one connection
    settings: Mapping[int, int] = field(default_factory=dict)  # the server's first, of h2 and h3

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key.lower() == name)

    @property
    def lags(self) -> list[float]:
        delays = [at_s - sent_s for at_s, _, sent_s in self.pieces]
        return [delay - min(delays) for delay in delays]

    @property
    def with_pieces(self) -> list[Delivery]:
        return [one for one in self.deliveries if one.pieces]

    @property
    def block_bytes(self) -> int:
        """The size at which deliveries are cut, in text bytes; 0 if there is none. First and last do not count."""
        inner = self.deliveries[1:-1]
        sizes = [one.text_bytes for one in inner]
        middle, spread = _common(sizes)
        if spread <= 0.05 and spread <= self._spread_of_gaps:
            return round(middle)
        # A buffer that keeps writes whole lets go when one of them fills it: with that one, or before it.
        whole = len(inner) >= 4 and spread < self._spread_of_gaps
        if whole and max(one.text_bytes - one.tail_bytes for one in inner) < min(sizes):
            return min(sizes)
        return 0

    @property
    def period_s(self) -> float:
        """Seconds between deliveries; 0 if they have no distance in common."""
        middle, spread = _common(self._gaps)
        return middle if spread <= 0.2 else 0.0

    @property
    def _gaps(self) -> list[float]:
        starts = [one.at_s for one in self.with_pieces]
        return [after - before for before, after in itertools.pairwise(starts[:-1])]

    @property
    def _spread_of_gaps(self) -> float:
        return _common(self._gaps)[1]

    @property
    def shape(self) -> str:
        """What to call it; see the module's head."""
        if self.ask.route == "polling":
            numbers = [number for _, number, _ in self.pieces]
            return "failed" if not numbers else "flowing" if len(set(numbers)) == len(numbers) else "replayed"
        if not self.pieces:
            return "failed"
        if self.end is None or self.end.get("count") != len(self.pieces):
            return "cut"
        delays = [at_s - sent_s for at_s, _, sent_s in self.pieces]
        if min(delays) < -0.2:
            return "replayed"
        first_delay = delays[0]
        lags = self.lags
        overtaken = sum(
            1
            for (at_s, _, _), (_, _, next_sent_s) in zip(self.pieces[:-1], self.pieces[1:], strict=True)
            if at_s - min(delays) > next_sent_s + 0.02
        ) / (len(self.pieces) - 1)
        sent_span_s = self.pieces[-1][2] - self.pieces[0][2]
        with_next = sum(
            1
            for (at_s, _, _), (_, _, next_sent_s) in zip(self.pieces[:-1], self.pieces[1:], strict=True)
            if abs(at_s - min(delays) - next_sent_s) < 0.01
        ) / (len(self.pieces) - 1)
        if with_next >= 0.6:
            return "one-late"
        if overtaken < 0.3:
            # The wait before the first byte is not in the lags: all pieces have it.
            return "late" if first_delay > 0.8 and self.ask.size == "token" else "flowing"
        if self.pieces[-1][0] - self.pieces[0][0] < 0.2 * sent_span_s and max(lags) > 0.8 * sent_span_s:
            return "held"
        behind_first = [
            lag
            for lag, (at_s, _, _) in zip(lags, self.pieces, strict=True)
            if at_s > self.pieces[0][0] + 0.02
        ]
        if behind_first and max(behind_first) < 0.1 < max(lags) / 3:
            return "late"
        early, late = lags[: len(lags) // 3], lags[-len(lags) // 3 :]
        if statistics.mean(late) > 2 * statistics.mean(early) + 0.1 and max(lags) > 0.5:
            return "throttled"
        if self.block_bytes:
            return "blocks"
        if self.period_s:
            return "ticks"
        return "irregular"

    @property
    def summary(self) -> str:
        """One line for a person."""
        if not self.pieces:
            start = self.body_start[:60].decode(errors="replace").split("\n")[0]
            return f"failed: {self.status or ''} {self.problem or start!r}".strip()
        sizes = [one.text_bytes for one in self.deliveries]
        shown = ",".join(map(str, sizes[:4])) + (",…" if len(sizes) > 4 else "")
        parts = [self.shape]
        parts += [f"N={self.block_bytes}"] if self.shape == "blocks" else []
        parts += [f"T={self.period_s:.3f}"] if self.shape == "ticks" else []
        if self.ask.route != "polling":
            parts.append(f"max {max(self.lags):.2f}s, headers {self.headers_s:.2f}s, {len(sizes)}x[{shown}]")
        if self.ask.route != "ws":
            parts.append(self.framing)
        parts += [self.header("content-encoding")] if self.header("content-encoding") else []
        parts += [f"first wire {self.deliveries[0].wire_bytes}"] if self.header("content-encoding") else []
        if self.shape == "cut":
            parts.append(f"{len(self.pieces)} pieces, {self.ended} at {self.ended_s:.2f}s {self.problem}")
        return " ".join(parts)


def _common(values: list[float] | list[int]) -> tuple[float, float]:
    """The median, and how far from it, as a share, three quarters of the values stay; (0, inf) of too few."""
    if len(values) < 2:
        return 0.0, float("inf")
    middle = statistics.median(values)
    away = sorted(abs(value - middle) for value in values)
    return middle, away[max(0, -(-3 * len(away) // 4) - 1)] / middle if middle else float("inf")
