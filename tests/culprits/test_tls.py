"""What culprits say of a stream behind TLS: the fixes that work there, and the buffer that shows."""

from __future__ import annotations

import dataclasses

import pytest

from flushcheck.culprits import (
    apache_proxy_fcgi,
    haproxy_http_delay,
    http2_stream_limit,
    nginx_proxy_buffering,
)
from flushcheck.measurement.answer import Answer
from flushcheck.model import Confidence, Observation, Probe, RequestAtApp, Scenario, Transport, Variant
from tests.culprits.seen import FLOWING as FLOWS
from tests.culprits.seen import TICKS, Seen
from tests.measurement.streams import FLOWING, HELD, blocks, kilo, run, saw, xab

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
    assert len(detection.refuted) == 2 * int(not offered)  # nor the removal of a line that asks for 1.0


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


INNER = [
    # name,                                  HTTP of the client, of the app, block,  is a proxy in front named
    ("over HTTP/2",                          "2",                NEW,        16_286, True),
    ("the smallest",                         "2",                NEW,        15_900, True),
    ("smaller",                              "2",                NEW,        15_899, False),
    ("the largest",                          "2",                NEW,        16_384, True),
    ("larger",                               "2",                NEW,        16_385, False),
    ("over HTTP/1.1, no full records",       "1.1",              NEW,        16_286, True),
    ("without TLS",                          "",                 NEW,        16_286, False),
    ("the app is called over HTTP/1.0",      "2",                OLD,        16_286, False),
    ("the app did not report",               "2",                None,       16_286, False),
    ("no size",                              "2",                NEW,        None,   False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "http_version", "app", "block", "named"), INNER, ids=[row[0] for row in INNER]
)
def test_a_tls_buffer_that_is_not_the_readers_names_the_proxy_in_front(name, http_version, app, block, named):
    large = saw(kilo(CHUNKED), blocks(block) if block else FLOWING, request=app)
    tls = ("TLSv1.3", http_version) if http_version else ("", "1.1")
    seen = over(*tls, saw(CHUNKED, HELD, request=app), saw(xab(CHUNKED), request=app), large)
    detection = nginx_proxy_buffering.detect(run(*seen), CHUNKED)
    assert detection is not None
    assert ("proxy_pass https://" in detection.evidence[-1].sentence) is named
    if named:
        assert detection.evidence[-1].sentence == (
            f"chunked: blocks of {block} bytes are the TLS buffer of nginx for an HTTP/1.1 client, and this "
            "connection does not make them: a proxy in front calls this nginx with https (proxy_pass https://). "
            "The fix belongs to the nginx behind it"
        )


def test_full_records_of_its_own_connection_name_no_proxy_in_front():
    large = saw(kilo(CHUNKED), blocks(16_286), request=NEW)
    arrivals = tuple(dataclasses.replace(arrival, record_bytes=(16_401,)) for arrival in large.arrivals)
    large = dataclasses.replace(large, arrivals=arrivals)
    seen = over("TLSv1.3", "1.1", saw(CHUNKED, HELD, request=NEW), saw(xab(CHUNKED), request=NEW), large)
    detection = nginx_proxy_buffering.detect(run(*seen), CHUNKED)
    assert detection is not None
    assert not any("proxy_pass https://" in fact.sentence for fact in detection.evidence)


FAST = Seen(flow=FLOWS, http_version="2")
TICKING = Seen(flow=TICKS, period_s=0.2, lag_s=0.2, frees={})
ENDS = [
    # name,                               what the ticking client saw,                                      where TLS ends
    ("no TLS",                            TICKING,                                                          ""),
    ("over HTTP/1.1 alone",               dataclasses.replace(TICKING, tls_version="TLSv1.3", browser=FAST), "HAProxy ends TLS itself, and its version is 2.8 or later"),
    ("HTTP/2 is not known",               dataclasses.replace(TICKING, tls_version="TLSv1.3"),
     "either HAProxy ends TLS itself and its version is 2.8 or later, or a hop in front of it ends TLS and calls it over plain HTTP/1.1"),
    ("over HTTP/2",                       dataclasses.replace(TICKING, tls_version="TLSv1.3", http_version="2"),
     "a hop in front of HAProxy ends TLS and calls it over HTTP/1.1"),
    ("over HTTP/1.1 behind an nginx",     dataclasses.replace(TICKING, tls_version="TLSv1.3", stripped=True, frees={Variant.XAB: Answer.NO}),
     "a hop in front of HAProxy ends TLS and calls it over HTTP/1.1"),
    ("over HTTP/1.1 and over HTTP/2",     dataclasses.replace(TICKING, tls_version="TLSv1.3", browser=dataclasses.replace(FAST, flow=TICKS)),
     "a hop in front of HAProxy ends TLS and calls it over HTTP/1.1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "where"), ENDS, ids=[row[0] for row in ENDS])
def test_ticks_over_tls_tell_where_tls_ends(name, seen, where):
    for frees in ({}, {Variant.HTTP10: Answer.YES}):
        detection = haproxy_http_delay.detect(
            dataclasses.replace(seen, frees={**seen.frees, **frees}).observations(), CHUNKED
        )
        assert detection is not None
        last = detection.evidence[-1].sentence
        assert (last == f"chunked: {where}") if where else ("TLS" not in last)


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
