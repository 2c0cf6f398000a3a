"""What culprits say of a stream behind TLS: the fixes that work there, and the buffer that shows."""

from __future__ import annotations

import dataclasses

import pytest

from flushcheck.culprits import apache_proxy_fcgi, http2_stream_limit, nginx_proxy_buffering
from flushcheck.model import Confidence, Observation, Probe, RequestAtApp, Scenario, Transport
from tests.culprits.seen import Seen
from tests.measurement.streams import HELD, blocks, kilo, run, saw, xab

CHUNKED = Transport.CHUNKED
OLD, NEW = RequestAtApp(protocol="HTTP/1.0"), RequestAtApp(protocol="HTTP/1.1")


def over(tls_version: str, http_version: str, *observations: Observation) -> list[Observation]:
    return [
        dataclasses.replace(observation, tls_version=tls_version, http_version=http_version)
        for observation in observations
    ]


HTTP11 = [
    # name,                                   TLS,        client's HTTP, the app's,  is the fix offered
    ("plain, the app is called over 1.0",     "",         "1.1",         OLD,        True),
    ("plain, the app is called over 1.1",     "",         "1.1",         NEW,        False),
    ("HTTP/1.1 over TLS",                     "TLSv1.3",  "1.1",         OLD,        False),
    ("HTTP/2, the app is called over 1.0",    "TLSv1.3",  "2",           OLD,        True),
    ("HTTP/2, the app is called over 1.1",    "TLSv1.3",  "2",           NEW,        False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "tls_version", "http_version", "request_at_app", "offered"),
    HTTP11,
    ids=[row[0] for row in HTTP11],
)
def test_http_1_1_upstream_is_offered_only_where_it_can_help(
    name, tls_version, http_version, request_at_app, offered
):
    held, freed = saw(CHUNKED, HELD, request=request_at_app), saw(xab(CHUNKED), request=request_at_app)
    detection = nginx_proxy_buffering.detect(run(*over(tls_version, http_version, held, freed)), CHUNKED)
    assert detection is not None
    assert detection.confidence is Confidence.CERTAIN
    assert (nginx_proxy_buffering.HTTP11_FIX not in detection.refuted) is offered
    assert len(detection.refuted) == int(not offered)


def test_equal_records_are_evidence_of_the_buffer():
    large = saw(kilo(CHUNKED), blocks(16_384))
    arrivals = tuple(dataclasses.replace(arrival, record_bytes=(16_401,)) for arrival in large.arrivals)
    seen = [saw(CHUNKED, HELD), saw(xab(CHUNKED)), dataclasses.replace(large, arrivals=arrivals)]
    detection = nginx_proxy_buffering.detect(run(*over("TLSv1.3", "1.1", *seen)), CHUNKED)
    assert detection is not None
    assert detection.evidence[-1].sentence == (
        "chunked: the TLS records of longer streams hold 16384 bytes each: a buffer of ssl_buffer_size is "
        "filled before nginx encrypts it"
    )
    assert detection.evidence[-1].probes == (Probe(CHUNKED, Scenario.KILO).id,)
    without = nginx_proxy_buffering.detect(run(*over("", "1.1", *seen)), CHUNKED)
    assert without is not None
    assert len(without.evidence) == len(detection.evidence) - 1


WAITS = [
    # name,                               of each stream at once, how long it waited;  beside it over HTTP/1.1,       the note
    ("none waited",                       Seen(http_version="2", together=(0, 0)),                                     ""),
    ("not on a shared connection",        Seen(together=(0, 1.8)),                                                     ""),
    ("HTTP/1.1 was not tried",            Seen(http_version="2", together=(0, 0, 1.8, 1.9)),
     "chunked: of 4 streams at once on one HTTP/2 connection 2 were served, the others waited up to 1.9 s (see http2-stream-limit)"),
    ("none waited over HTTP/1.1",         Seen(http_version="2", together=(0, 1.8), http1=Seen(together=(0, 0))),
     "chunked: of 2 streams at once on one HTTP/2 connection 1 were served, the others waited up to 1.8 s; 2 at once over HTTP/1.1 were all served (see http2-stream-limit)"),
    ("as many waited over HTTP/1.1",      Seen(http_version="2", together=(0, 1.8), http1=Seen(together=(0, 1.8))),    ""),
    ("nothing was asked for at once",     Seen(http_version="2"),                                                      ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "note"), WAITS, ids=[row[0] for row in WAITS])
def test_how_many_streams_one_connection_carries(name, seen, note):
    assert http2_stream_limit.waiting_note(seen.observations(), CHUNKED) == note


FCGI = RequestAtApp(protocol="HTTP/1.1", gateway="CGI/1.1")
RECORDS = [
    # name,                               sizes of the TLS records,      is Apache named
    ("mod_ssl's buffer",                  (8_209, 8_209, 715),           True),
    ("nginx's buffer",                    (16_401, 16_401, 715),         False),
    ("a record for each piece",           (1_100, 1_900, 715),           False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "sizes", "named"), RECORDS, ids=[row[0] for row in RECORDS])
def test_behind_tls_apache_is_known_by_the_buffer_of_mod_ssl(name, sizes, named):
    arrived = {"x-accel-buffering": "no"}
    large = saw(kilo(CHUNKED), HELD, request=FCGI)
    reads = tuple(
        dataclasses.replace(large.arrivals[0], at_s=float(at), record_bytes=(size,))
        for at, size in enumerate(sizes)
    )
    large = dataclasses.replace(large, arrivals=reads)
    seen = [saw(CHUNKED, HELD, request=FCGI), saw(xab(CHUNKED), HELD, headers=arrived, request=FCGI), large]
    detection = apache_proxy_fcgi.detect(run(*over("TLSv1.3", "1.1", *seen)), CHUNKED)
    assert (detection is not None) is named
    if detection is not None:
        assert detection.confidence is Confidence.LIKELY
        assert detection.evidence[-1].sentence == (
            "chunked: the TLS records of longer streams hold 8192 bytes each, the buffer of Apache's mod_ssl"
        )
