"""Pretended holds: which bytes go on, and when, as a table for each rule; and which values are allowed."""

from __future__ import annotations

import math
import random
import re
import zlib

import pytest

from flushcheck.model import Flow, Symptom, Transport, UsageError
from flushcheck.streaming import pretend
from flushcheck.streaming.pretend import (
    MAX_HELD_BYTES,
    PATTERN,
    Pretend,
    PretendKind,
    check_transport,
    hold,
    parse_pretend,
)

BLOCKS, TICKS, CUT = PretendKind.BLOCKS, PretendKind.TICKS, PretendKind.CUT

VALUES = [
    # name, value of the parameter, what it is; None: refused
    ("the end", "end", Pretend(PretendKind.END)),
    ("gzip", "gzip", Pretend(PretendKind.GZIP)),
    ("blocks", "blocks-4096", Pretend(BLOCKS, block_bytes=4096)),
    ("the smallest block", "blocks-512", Pretend(BLOCKS, block_bytes=512)),
    ("below the smallest block", "blocks-511", None),
    ("the largest block", "blocks-65536", Pretend(BLOCKS, block_bytes=65_536)),
    ("above the largest block", "blocks-65537", None),
    ("the shortest tick", "ticks-20", Pretend(TICKS, tick_ms=20)),
    ("below the shortest tick", "ticks-19", None),
    ("the longest tick", "ticks-5000", Pretend(TICKS, tick_ms=5000)),
    ("above the longest tick", "ticks-5001", None),
    ("the earliest cut", "cut-0.1", Pretend(CUT, cut_s=0.1)),
    ("before the earliest cut", "cut-0.09", None),
    ("the latest cut", "cut-600", Pretend(CUT, cut_s=600.0)),
    ("after the latest cut", "cut-600.1", None),
    ("a cut with a fraction", "cut-2.25", Pretend(CUT, cut_s=2.25)),
    ("no number", "blocks-", None),
    ("no number and no dash", "ticks", None),
    ("a number too many", "end-5", None),
    ("another word", "rate-5", None),
    ("nothing", "", None),
    ("capitals", "END", None),
    ("digits of another script", "blocks-٤٠٩٦", None),
    ("a sign", "cut--2", None),
    ("an exponent", "cut-1e2", None),
    ("two lines", "end\n", None),
]


@pytest.mark.parametrize(("name", "raw", "expected"), VALUES, ids=[row[0] for row in VALUES])
def test_a_value_is_read_or_refused(name, raw, expected):
    assert parse_pretend(raw) == expected


@pytest.mark.parametrize("raw", [raw for _, raw, expected in VALUES if expected])
def test_a_value_is_written_as_it_was_read(raw):
    assert str(parse_pretend(raw)) == raw
    assert re.fullmatch(PATTERN, raw)


def passed(rule: str, frames: list[tuple[float, bytes]], *, ends_s: float) -> list[tuple[float, bytes]]:
    """What goes on of these frames, and when: released by itself as soon as it is due, the rest at the end."""
    parsed = parse_pretend(rule)
    assert parsed
    held, out = hold(parsed), []
    for at_s, data in [*frames, (ends_s, b"")]:
        while held.due_s <= at_s:
            out.append((held.due_s, held.release(held.due_s)))
        assert held.release(at_s) == b""
        out.append((at_s, held.take(data, at_s) if data else held.finish()))
    assert held.due_s == math.inf
    return [(at_s, data) for at_s, data in out if data]


def frames(*sizes: int, every_s: float = 0.1) -> list[tuple[float, bytes]]:
    """Frames of these sizes, each of a letter of its own."""
    return [(round(n * every_s, 6), bytes([97 + n % 26]) * size) for n, size in enumerate(sizes)]


HELD = [
    # name, rule, sizes of frames every 0.1 s, when the stream ends, moments and sizes of what goes on
    ("a block that is one byte short", "blocks-512", (511,), 1.0, [(1.0, 511)]),
    ("a block that is just full", "blocks-512", (511, 1), 1.0, [(0.1, 512)]),
    ("a block and a byte", "blocks-512", (512, 1), 1.0, [(0.0, 512), (1.0, 1)]),
    ("two blocks at once", "blocks-512", (1100,), 1.0, [(0.0, 1024), (1.0, 76)]),
    ("no frame is a block of its own", "blocks-512", (300, 300, 300), 1.0, [(0.1, 512), (1.0, 388)]),
    ("all at the end", "end", (10, 20, 30), 5.0, [(5.0, 60)]),
    ("a buffer that is one byte short", "end", (MAX_HELD_BYTES - 1,), 5.0, [(5.0, MAX_HELD_BYTES - 1)]),
    ("a buffer that is full", "end", (MAX_HELD_BYTES - 1, 1, 7), 5.0, [(0.1, MAX_HELD_BYTES), (5.0, 7)]),
    ("a timer from the first byte", "ticks-250", (1, 2, 4, 8, 16), 0.5, [(0.25, 7), (0.5, 24)]),
    ("a timer that ends with a frame", "ticks-200", (1, 2, 4, 8), 0.35, [(0.2, 3), (0.35, 12)]),
    ("a timer that starts again", "ticks-150", (1, 2, 4, 8), 9.0, [(0.15, 3), (0.35, 12)]),
    ("a timer whose buffer is full", "ticks-5000", (9, MAX_HELD_BYTES), 1.0, [(0.1, MAX_HELD_BYTES + 9)]),
    ("a stream that is only cut", "cut-2", (3, 4), 1.0, [(0.0, 3), (0.1, 4)]),
    ("nothing at all", "ticks-20", (), 1.0, []),
]


@pytest.mark.parametrize(("name", "rule", "sizes", "ends_s", "expected"), HELD, ids=[row[0] for row in HELD])
def test_bytes_go_on_by_the_rule_and_none_is_lost(name, rule, sizes, ends_s, expected):
    sent = frames(*sizes)
    out = passed(rule, sent, ends_s=ends_s)
    assert [(pytest.approx(at_s), len(data)) for at_s, data in out] == expected
    assert b"".join(data for _, data in out) == b"".join(data for _, data in sent)


def test_a_compressor_without_a_flush_sends_its_header_and_then_nothing_before_the_end():
    text = [(n * 0.1, f"Water in a pipe, {n * n}. ".encode()) for n in range(60)]
    (first_s, head), (last_s, rest) = passed("gzip", text, ends_s=6.0)
    assert (first_s, last_s) == (0.0, 6.0)
    assert (head[:3], len(head)) == (b"\x1f\x8b\x08", 10)
    assert zlib.decompress(head + rest, wbits=31) == b"".join(data for _, data in text)


def test_a_compressor_whose_own_buffer_is_full_goes_on():
    draw = random.Random(7)
    noise = [(n * 0.1, draw.randbytes(4096)) for n in range(8)]
    out = passed("gzip", noise, ends_s=6.0)
    assert 2 < len(out) < len(noise)
    assert zlib.decompress(b"".join(data for _, data in out), wbits=31) == b"".join(d for _, d in noise)


OFFERED = [
    # rule, transport, in the error; "": offered
    ("end", Transport.CHUNKED, ""),
    ("gzip", Transport.EVENTS, ""),
    ("blocks-4096", Transport.EVENTS, ""),
    ("ticks-200", Transport.WEBSOCKET, ""),
    ("cut-2", Transport.WEBSOCKET, ""),
    (
        "gzip",
        Transport.WEBSOCKET,
        "pass its messages on as they are; expected ticks-N or cut-N, for example /ws?",
    ),
    ("blocks-4096", Transport.WEBSOCKET, "pretend=blocks-4096 for websocket"),
    ("end", Transport.WEBSOCKET, "pretend=end for websocket"),
    ("ticks-200", Transport.POLLING, "expected chunked, events or websocket"),
    ("end", Transport.POLLING, "expected chunked or events, for example /stream/chunked?pretend=end"),
]


@pytest.mark.parametrize(("rule", "transport", "error"), OFFERED)
def test_a_transport_gets_what_proxies_do_to_it(rule, transport, error):
    parsed = parse_pretend(rule)
    assert parsed
    if not error:
        check_transport(parsed, transport, "/ws")
        return
    with pytest.raises(UsageError, match=re.escape(error)):
        check_transport(parsed, transport, "/ws")


def test_every_kind_is_offered_somewhere_and_polling_never():
    assert set(pretend.TRANSPORTS) == set(PretendKind)
    assert all(pretend.TRANSPORTS.values())
    assert all(Transport.POLLING not in offered for offered in pretend.TRANSPORTS.values())


LIKE = [
    # symptom, what shows its picture; "": nothing
    (Symptom(Flow.BLOCKS, block_bytes=4096), "blocks-4096"),
    (Symptom(Flow.BLOCKS, block_bytes=18_000), "blocks-18000"),
    (Symptom(Flow.BLOCKS, block_bytes=100_000), ""),
    (Symptom(Flow.BLOCKS), ""),
    (Symptom(Flow.TICKS, tick_s=0.2), "ticks-200"),
    (Symptom(Flow.TICKS, tick_s=0.001), ""),
    (Symptom(Flow.HELD), "end"),
    (Symptom(Flow.HELD, compressed=True), "gzip"),
    (Symptom(Flow.CUT), "cut-2"),
    (Symptom(Flow.LATE), ""),
    (Symptom(Flow.FAILED), ""),
]


@pytest.mark.parametrize(("symptom", "expected"), LIKE)
def test_a_symptom_is_pretended_where_a_rule_has_its_picture(symptom, expected):
    assert str(pretend.pretend_like(symptom) or "") == expected


def test_the_page_offers_values_that_exist_each_for_its_transports():
    offers = {value: pretend.pretend_transports(value) for value, _ in pretend.CLASSICS}
    assert offers["blocks-4096"] == (Transport.CHUNKED, Transport.EVENTS)
    assert offers["cut-2"] == (Transport.CHUNKED, Transport.EVENTS, Transport.WEBSOCKET)
    assert all(offers.values())
    parsed = [parse_pretend(value) for value in offers]
    assert {each.kind for each in parsed if each is not None} == set(PretendKind)
    assert pretend.pretend_transports("other") == ()
