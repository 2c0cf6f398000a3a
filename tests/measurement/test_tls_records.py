"""Equal TLS records name the buffer that a server fills before it encrypts."""

from __future__ import annotations

import dataclasses

import pytest

from flushcheck.measurement import plan
from flushcheck.measurement.tls_records import buffer_bytes
from flushcheck.model import Arrival, Observation, Outcome, Probe, ReceivedPiece, Scenario, Transport
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.source import source
from flushcheck.streaming.transports import encoder
from tests.measurement.streams import saw

NGINX = [16_401, 16_401, 16_401, 9_020]
ROWS = [
    # name,                                        TLS,        records of each read,                    buffer
    ("nginx over TLS 1.3",                         "TLSv1.3",  [[size] for size in NGINX],              16_384),
    ("nginx over TLS 1.2",                         "TLSv1.2",  [[16_408], [16_408], [16_408], [500]],   16_384),
    ("nginx with 4k",                              "TLSv1.3",  [[4_113, 4_113], [4_113, 90]],           4_096),
    ("nginx with 1k",                              "TLSv1.3",  [[1_041], [1_041], [1_041]],             1_024),
    ("mod_ssl",                                    "TLSv1.3",  [[8_209], [8_209], [8_209]],             8_192),
    ("the overhead of the other version",          "TLSv1.3",  [[16_408], [16_408], [16_408]],          None),
    ("as many one by one as together",             "TLSv1.3",  [[16_401], [16_401, 16_401]],            16_384),
    ("most together: held elsewhere",              "TLSv1.3",  [[16_401], *[[16_401, 16_401]] * 2],     None),
    ("a little less than half one by one",         "TLSv1.3",  [*[[16_401]] * 10, *[[16_401, 16_401]] * 11], None),
    ("all at once: held elsewhere",                "TLSv1.3",  [[16_401, 26, 16_401, 26, 9_020]],       None),
    ("two are enough",                             "TLSv1.3",  [[16_401], [16_401], [900]],             16_384),
    ("one is too few",                             "TLSv1.3",  [[16_401], [900], [900]],                None),
    ("a record for each piece",                    "TLSv1.3",  [[1_100], [1_900], [2_300], [1_041]],    None),
    ("alike, and no known buffer",                 "TLSv1.3",  [[2_065], [2_065], [2_065]],             None),
    ("larger ones beside them",                    "TLSv1.3",  [[4_113], [4_113], [4_113], [6_000]],    None),
    ("a version that is not known",                "TLSv1.1",  [[16_401]] * 3,                          None),
    ("no TLS",                                     "",         [[], []],                                None),
    ("no records seen",                            "TLSv1.3",  [[], []],                                None),
]  # fmt: skip


def encrypted(tls_version: str, records: list[list[int]]) -> Observation:
    arrivals = tuple(
        Arrival(float(number), 1, 1, record_bytes=tuple(sizes)) for number, sizes in enumerate(records)
    )
    return dataclasses.replace(saw(Transport.CHUNKED), tls_version=tls_version, arrivals=arrivals)


LARGEST_PIECE = [
    # name,                                            Piece, records of each read,             buffer
    ("a Piece fills the buffer, what waited another",  1_024, [[1_041, 1_041], [1_041, 1_041]], 1_024),
    ("more records than a Piece fills",                1_023, [[1_041, 1_041], [1_041, 1_041]], None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "size_bytes", "records", "expected"), LARGEST_PIECE, ids=[row[0] for row in LARGEST_PIECE]
)
def test_a_piece_may_fill_more_than_one_record(name, size_bytes, records, expected):
    seen = encrypted("TLSv1.3", records)
    first, *others = seen.arrivals
    first = dataclasses.replace(first, pieces=(ReceivedPiece(0, 0.0, 40), ReceivedPiece(1, 0.0, size_bytes)))
    assert buffer_bytes(dataclasses.replace(seen, arrivals=(first, *others))) == expected


def test_reads_that_come_together_are_one_delivery():
    near, far = (
        tuple(Arrival(at * apart_s, 1, 1, record_bytes=(16_401,)) for at in range(2))
        for apart_s in (0.012, 0.013)
    )
    seen = encrypted("TLSv1.3", [])
    assert buffer_bytes(dataclasses.replace(seen, arrivals=near)) is None
    assert buffer_bytes(dataclasses.replace(seen, arrivals=far)) == 16_384


# The streams of the plan, through a hold of so many bytes (0: none) and then a TLS buffer that is never flushed.


def through(probe: Probe, hold_bytes: int, buffer: int, overhead: int) -> Observation:
    asked = plan.params(probe)
    encode = encoder(probe.transport, asked.framing, asked.end)
    held, plain, text_bytes = 400, 0, 0  # the response's header is in the buffer already
    waiting: list[ReceivedPiece] = []
    arrivals = []
    pieces = list(source(asked, own_text="", limits=Limits()).pieces())
    for piece in pieces:
        size = len(encode.piece(piece))
        held += size + len(f"{size:x}\r\n\r\n")
        text_bytes += size
        waiting.append(ReceivedPiece(piece.seq, piece.at_s, len(piece.text.encode())))
        last = piece is pieces[-1]
        passed = held if last or not hold_bytes else held - held % hold_bytes
        held, plain = held - passed, plain + passed
        records = [buffer + overhead] * (plain // buffer) + [plain % buffer + overhead] * (
            last and plain % buffer > 0
        )
        plain %= buffer
        if records:
            arrivals.append(Arrival(piece.at_s, text_bytes, text_bytes, tuple(waiting), (), tuple(records)))
            waiting, text_bytes = [], 0
    tls_version = {17: "TLSv1.3", 24: "TLSv1.2"}[overhead]
    return Observation(probe, Outcome.COMPLETE, arrivals=tuple(arrivals), tls_version=tls_version)


HOLDS = [
    # name,                                            hold,    TLS buffer, is it named
    ("nginx over HTTP/1.1",                            0,       16_384,     True),
    ("nginx over HTTP/1.1, 4k",                        0,       4_096,      True),
    ("nginx over HTTP/1.1, 1k",                        0,       1_024,      True),
    ("mod_ssl",                                        0,       8_192,      True),
    ("nginx over HTTP/1.0: its block fills the rest",  4_096,   16_384,     True),
    ("nginx over HTTP/1.0, 4k",                        4_096,   4_096,      True),
    ("nginx over HTTP/1.0, 1k: the block holds",       4_096,   1_024,      False),
    ("a block of two buffers holds",                   32_768,  16_384,     False),
    ("a compressor's 32 kB, 4k",                       32_768,  4_096,      False),
    ("all of it is held",                              100_000, 16_384,     False),
    ("all of it is held, mod_ssl",                     100_000, 8_192,      False),
    ("all of it is held, 4k",                          100_000, 4_096,      False),
    ("all of it is held, 1k",                          100_000, 1_024,      False),
]  # fmt: skip


@pytest.mark.parametrize("overhead", [17, 24])
@pytest.mark.parametrize("transport", [Transport.CHUNKED, Transport.EVENTS])
@pytest.mark.parametrize(("name", "hold_bytes", "buffer", "named"), HOLDS, ids=[row[0] for row in HOLDS])
def test_only_the_buffer_that_holds_is_named(name, hold_bytes, buffer, named, transport, overhead):
    seen = through(Probe(transport, Scenario.KILO), hold_bytes, buffer, overhead)
    assert buffer_bytes(seen) == (buffer if named else None)


@pytest.mark.parametrize(("name", "tls_version", "records", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_the_buffer_of_a_stream(name, tls_version, records, expected):
    assert buffer_bytes(encrypted(tls_version, records)) == expected
