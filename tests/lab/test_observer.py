"""The lab's observer: bytes cut anywhere decode to the same records, and each shape has its name."""

import gzip

import pytest

from tests.lab.asks import SIZES, Ask
from tests.lab.decoders import Chunks, Frames, Plain, Records, unpacker
from tests.lab.seen import Delivery, Seen

CHUNKED = b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"
FRAMES = b"\x81\x02hi\x81\x7e\x00\x80" + b"x" * 128 + b"\x88\x02\x03\xe8"


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("body", "data", "content", "done"),
    [
        (Chunks, CHUNKED, b"hello world", "last-chunk"),
        (Frames, FRAMES, b"hi\n" + b"x" * 128 + b"\n", "close frame"),
        (Plain, b"as it is", b"as it is", ""),
    ],
)
def test_a_body_reads_the_same_however_it_is_cut(body, data, content, done, step):
    reader = body()
    found = b"".join(reader.feed(data[at : at + step]) for at in range(0, len(data), step))
    assert (found, reader.done) == (content, done)


def test_gzip_is_unpacked_as_it_comes():
    packed = gzip.compress(b"text " * 100)
    unpack = unpacker("gzip")
    assert b"".join(unpack(packed[at : at + 5]) for at in range(0, len(packed), 5)) == b"text " * 100


def test_records_are_found_between_heads_and_padding():
    seen = Seen(Ask("events"))
    records = Records(seen, events=True, messages=False)
    for part in (b": pad\n\nid: 0\nevent: delta\nda", b'ta: {"seq":0,"at_s":0.5,"delta":"x"}\n', b"\n"):
        records.feed(part, 1.0)
    assert seen.pieces == [(1.0, 0, 0.5)]


def arrived(deliver, *, size="kilo", count=40, interval_s=0.05):
    """A stream whose pieces are sent unevenly, and come in the deliveries that `deliver` makes of (moment, bytes)."""
    seen = Seen(Ask("chunked", size))
    sent = [
        (index * interval_s + 0.011 * (index * 7 % 3), 300 + index * index * 37 % 1100)
        for index in range(count)
    ]
    for at_s, group in deliver(sent):
        seen.pieces += [(at_s, sent.index(piece), piece[0]) for piece in group]
        bytes_in_it = sum(size_bytes for _, size_bytes in group)
        seen.deliveries.append(Delivery(at_s, bytes_in_it, bytes_in_it, len(group), group[-1][1]))
    seen.end = {"count": count}
    return seen


def at_once(sent):
    return [(at_s + 0.01, [(at_s, size)]) for at_s, size in sent]


def at_the_end(sent):
    return [(sent[-1][0] + 0.01, sent)]


def every(period_s):
    def deliver(sent):
        groups: dict[int, list[tuple[float, int]]] = {}
        for at_s, size in sent:
            groups.setdefault(int(at_s / period_s) + 1, []).append((at_s, size))
        return [(tick * period_s, group) for tick, group in groups.items()]

    return deliver


def beyond(size_bytes):
    def deliver(sent):
        groups, group = [], []
        for piece in sent:
            group.append(piece)
            if sum(size for _, size in group) >= size_bytes:
                groups.append((piece[0] + 0.01, group))
                group = []
        return [*groups, (sent[-1][0] + 0.02, group)] if group else groups

    return deliver


def one_late(sent):
    moments = [at_s for at_s, _ in sent[1:]] + [sent[-1][0]]
    return [(moment, [piece]) for moment, piece in zip(moments, sent, strict=True)]


def late(sent):
    first = [piece for piece in sent if piece[0] < 1.2]
    return [(1.2, first), *at_once(sent[len(first) :])]


def slowly(sent):
    return [(at_s * 3, [(at_s, size)]) for at_s, size in sent]


SHAPES = [
    # name                          deliveries      shape
    ("at once",                     at_once,        "flowing"),
    ("all at the end",              at_the_end,     "held"),
    ("every 200 ms",                every(0.2),     "ticks"),
    ("at the write beyond 4096",    beyond(4096),   "blocks"),
    ("with the next one",           one_late,       "one-late"),
    ("after 1.2 s",                 late,           "late"),
    ("at a third of the pace",      slowly,         "throttled"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "deliver", "shape"), SHAPES)
def test_shape(name, deliver, shape):
    assert arrived(deliver).shape == shape


def test_a_stream_without_its_end_was_cut():
    seen = arrived(at_once)
    seen.end = None
    assert seen.shape == "cut"


def test_what_comes_before_it_is_sent_was_replayed():
    seen = arrived(at_the_end)
    seen.pieces = [(0.01, number, sent_s) for _, number, sent_s in seen.pieces]
    assert seen.shape == "replayed"


def test_sizes_are_uneven():
    assert all(jitter_s > 0 and spread > 0 for _, _, jitter_s, _, spread in SIZES.values())
