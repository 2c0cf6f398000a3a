"""Messages of Amazon's event stream encoding, whole and damaged."""

from __future__ import annotations

import struct
import zlib

import pytest

from flushcheck.streaming.transports.records import MAX_PENDING_BYTES, Malformed
from flushcheck.watching.framing.aws_events import AwsFrames
from flushcheck.watching.framing.frame import Frame, Framing
from flushcheck.watching.framing.sniff import sniff


def text_header(name: str, value: bytes, kind: int = 7) -> bytes:
    return bytes([len(name)]) + name.encode() + bytes([kind]) + struct.pack(">H", len(value)) + value


def fixed_header(kind: int, value: bytes) -> bytes:
    return b"\x01x" + bytes([kind]) + value


def message(headers: bytes, payload: bytes, *, size_bytes: int = -1, headers_bytes: int = -1) -> bytes:
    """A message; a length may be given that is wrong."""
    size_bytes = 16 + len(headers) + len(payload) if size_bytes < 0 else size_bytes
    headers_bytes = len(headers) if headers_bytes < 0 else headers_bytes
    prelude = struct.pack(">II", size_bytes, headers_bytes)
    begin = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return begin + struct.pack(">I", zlib.crc32(begin))


EVENT = text_header(":event-type", b"chunk")
GOOD = message(EVENT, b"{}")

NAMES = [
    # headers,                                                     name
    (EVENT,                                                        "chunk"),
    (text_header(":exception-type", b"throttlingException"),       "throttlingException"),
    (text_header(":error-code", b"Internal"),                      "Internal"),
    (text_header(":event-type", b"bytes", kind=6),                 ""),
    (text_header(":event-type", b"") + text_header(":error-code", b"e"), "e"),
    *((fixed_header(kind, bytes(size)) + EVENT, "chunk") for kind, size in ((0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16))),
    (text_header("x", b"abc", kind=6) + EVENT,                     "chunk"),
    (fixed_header(10, b"") + EVENT,                                ""),  # of no known type
    (EVENT + b"\x05ab",                                            "chunk"),  # a header that was cut
    (b"",                                                          ""),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "name"), NAMES)
def test_a_message_is_named_by_its_headers(headers, name):
    assert AwsFrames().feed(message(headers, b"{}")) == [Frame("{}", 2, name)]


def test_a_message_is_given_out_with_its_last_byte():
    frames = AwsFrames()
    given_out = [len(frames.feed(GOOD[at : at + 1])) for at in range(len(GOOD))]
    assert given_out == [0] * (len(GOOD) - 1) + [1]
    assert not frames.mid_frame


def test_a_message_that_was_cut_is_no_record():
    frames = AwsFrames()
    assert frames.feed(GOOD + GOOD[:5]) == [Frame("{}", 2, "chunk")]
    assert frames.mid_frame
    assert frames.finish() == []


DAMAGED = [
    ("a wrong checksum at the end", GOOD[:-1] + bytes([GOOD[-1] ^ 1])),
    ("a wrong checksum of the lengths", GOOD[:11] + bytes([GOOD[11] ^ 1]) + GOOD[12:]),
    ("shorter than its frame", message(b"", b"", size_bytes=15)),
    ("too large", message(b"", b"", size_bytes=MAX_PENDING_BYTES + 1)),
    ("headers longer than the message", message(EVENT, b"", headers_bytes=len(EVENT) + 1)),
    ("text behind a message", GOOD + b"hello, world"),
]


@pytest.mark.parametrize(("name", "data"), DAMAGED, ids=[row[0] for row in DAMAGED])
def test_what_is_damaged_is_malformed(name, data):
    with pytest.raises(Malformed):
        AwsFrames().feed(data)


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (message(b"", b""), 1),  # the smallest one
        (message(b"", b"", size_bytes=MAX_PENDING_BYTES), 0),  # the largest one, which has only begun
    ],
)
def test_the_smallest_and_the_largest_message_are_possible(data, count):
    assert len(AwsFrames().feed(data)) == count


SNIFFED = [
    (GOOD, Framing.AWS),
    (GOOD[:12], Framing.AWS),
    (GOOD[:11], None),
    (b"\0\0\0\x05hello, world", Framing.PLAIN),
    (b"\1" + GOOD[1:], Framing.PLAIN),
]


@pytest.mark.parametrize(("head", "framing"), SNIFFED)
def test_the_checksum_of_the_lengths_shows_the_framing(head, framing):
    assert sniff(head, "") is framing
