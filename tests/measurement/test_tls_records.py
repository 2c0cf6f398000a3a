"""Equal TLS records name the buffer that a server fills before it encrypts."""

from __future__ import annotations

import dataclasses

import pytest

from flushcheck.measurement.tls_records import buffer_bytes
from flushcheck.model import Arrival, Observation, Transport
from tests.measurement.streams import saw

NGINX = [16_401, 16_401, 16_401, 9_020]
ROWS = [
    # name,                                        TLS,        records of each read,                    buffer
    ("nginx over TLS 1.3",                         "TLSv1.3",  [[size] for size in NGINX],              16_384),
    ("nginx over TLS 1.2",                         "TLSv1.2",  [[16_408], [16_408], [16_408], [500]],   16_384),
    ("nginx with 4k",                              "TLSv1.3",  [[4_113, 4_113], [4_113, 90]],           4_096),
    ("nginx with 1k",                              "TLSv1.3",  [[1_041, 1_041, 1_041]],                 1_024),
    ("mod_ssl",                                    "TLSv1.3",  [[8_209], [8_209], [8_209]],             8_192),
    ("the overhead of the other version",          "TLSv1.3",  [[16_408], [16_408], [16_408]],          None),
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


@pytest.mark.parametrize(("name", "tls_version", "records", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_the_buffer_of_a_stream(name, tls_version, records, expected):
    assert buffer_bytes(encrypted(tls_version, records)) == expected
