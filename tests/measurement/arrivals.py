"""What reads would look like on paths of different kinds: data for the tests of timing and inference."""

from __future__ import annotations

import random

Reads = list[tuple[float, int, list[tuple[int, float]]]]  # (at_s, bytes, [(seq, sent_s)])

RECORD = 1040  # mean bytes of one record of the kilo scenario


def record_bytes(seq: int, mean: int = RECORD) -> int:
    """The size of one record: they differ, as the plan's do, from 0.3 to 1.7 of the mean."""
    return round(mean * (0.3 + 1.4 * random.Random(seq).random()))


def sent(count: int, interval_s: float, jitter_s: float = 0.0) -> list[float]:
    """Send offsets as the service makes them."""
    draw = random.Random(7)
    return [k * interval_s + draw.random() * jitter_s for k in range(count)]


def at_moments(offsets: list[float], at_s: list[float], sizes: list[int] | None = None) -> Reads:
    """Each Piece at its moment; those at the same moment in one read, of the next of these sizes."""
    groups = {moment_s: [(k, offsets[k]) for k, at in enumerate(at_s) if at == moment_s] for moment_s in at_s}
    own = iter(sizes or [sum(record_bytes(seq) for seq, _ in pieces) for pieces in groups.values()])
    return [(moment_s, next(own), pieces) for moment_s, pieces in groups.items()]


def one_by_one(offsets: list[float], delays: list[float] | None = None, record: int = RECORD) -> Reads:
    """Each Piece in a read of its own, never overtaking the one before (TCP keeps the order)."""
    came, arrivals = 0.0, []
    for seq, offset in enumerate(offsets):
        came = max(came, offset + (delays[seq] if delays else 0.005))
        arrivals.append((came, record_bytes(seq, record), [(seq, offset)]))
    return arrivals


def in_blocks(offsets: list[float], block: int, record: int = RECORD, header: int = 130) -> Reads:
    """What a buffer of `block` bytes lets through, the response's header being in the first one."""
    arrivals: Reads = []
    waiting: list[tuple[int, float]] = []
    filled, size = header, 0
    for seq, offset in enumerate(offsets):
        left = record_bytes(seq, record)
        while filled + left >= block:
            part = block - filled
            left -= part
            done = waiting if left or part == 0 else [*waiting, (seq, offset)]
            arrivals.append((offset + 0.001, size + part, done))
            waiting, size, filled = [], 0, 0
        if left or not arrivals or (seq, offset) not in arrivals[-1][2]:
            waiting.append((seq, offset))
        size += left
        filled += left
    arrivals.append((offsets[-1] + 0.002, size, waiting))
    return arrivals


def in_ticks(offsets: list[float], period_s: float, record: int = RECORD) -> Reads:
    """What a timer lets through."""
    ticks: dict[int, list[tuple[int, float]]] = {}
    for seq, offset in enumerate(offsets):
        ticks.setdefault(int(offset / period_s) + 1, []).append((seq, offset))
    return [
        (tick * period_s, sum(record_bytes(seq, record) for seq, _ in pieces), pieces)
        for tick, pieces in ticks.items()
    ]


def at_the_end(offsets: list[float], record: int = RECORD) -> Reads:
    """What a hold larger than the stream lets through."""
    pieces = list(enumerate(offsets))
    return [(offsets[-1] + 0.01, sum(record_bytes(seq, record) for seq, _ in pieces), pieces)]


def at_threshold(offsets: list[float], enough: int, record: int = RECORD) -> Reads:
    """What lets whole records go as soon as there are so many bytes."""
    arrivals: Reads = []
    waiting: list[tuple[int, float]] = []
    size = 0
    for seq, offset in enumerate(offsets):
        waiting.append((seq, offset))
        size += record_bytes(seq, record)
        if size >= enough:
            arrivals.append((offset + 0.001, size, waiting))
            waiting, size = [], 0
    return [*arrivals, (offsets[-1] + 0.002, size, waiting)] if waiting else arrivals


def after_first(offsets: list[float], delay_s: float, record: int = RECORD) -> Reads:
    """What a timer lets through that the first byte starts: HAProxy without http-no-delay."""
    arrivals: Reads = []
    waiting: list[tuple[int, float]] = []
    for seq, offset in enumerate(offsets):
        if waiting and offset > waiting[0][1] + delay_s:
            size = sum(record_bytes(one, record) for one, _ in waiting)
            arrivals.append((waiting[0][1] + delay_s, size, waiting))
            waiting = []
        waiting.append((seq, offset))
    size = sum(record_bytes(one, record) for one, _ in waiting)
    return [*arrivals, (offsets[-1] + 0.002, size, waiting)]


def at_rate(offsets: list[float], bytes_per_s: float, record: int = RECORD) -> Reads:
    """What a link of so many bytes a second lets through."""
    free, arrivals = 0.0, []
    for seq, offset in enumerate(offsets):
        free = max(free, offset) + record_bytes(seq, record) / bytes_per_s
        arrivals.append((free, record_bytes(seq, record), [(seq, offset)]))
    return arrivals


def with_the_next(offsets: list[float], record: int = RECORD) -> Reads:
    """What keeps the last Piece until another one comes."""
    moments = [*offsets[1:], offsets[-1]]
    return [
        (at_s + 0.002, record_bytes(seq, record), [(seq, offset)])
        for seq, (offset, at_s) in enumerate(zip(offsets, moments, strict=True))
    ]


def after_silence(offsets: list[float], silence_s: float, record: int = RECORD) -> Reads:
    """What lets nothing through at first, and then everything at once and at its pace."""
    early = [(seq, offset) for seq, offset in enumerate(offsets) if offset < silence_s]
    late = [(seq, offset) for seq, offset in enumerate(offsets) if offset >= silence_s]
    first = (silence_s, sum(record_bytes(seq, record) for seq, _ in early), early)
    return [first, *((offset + 0.002, record_bytes(seq, record), [(seq, offset)]) for seq, offset in late)]
