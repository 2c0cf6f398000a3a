"""The detectors on streams of the user's own app: see rows_own.py; and each sentence of their evidence."""

from __future__ import annotations

import pytest

from flushcheck.culprits import compressor, django_gzip_middleware, gzip_members, nginx_proxy_buffering
from flushcheck.diagnosis.inference import judge
from flushcheck.measurement.observations import Observations
from flushcheck.model import Client, Confidence, Transport, Variant
from tests.culprits.rows_own import (
    AT_PORT,
    FREED,
    HTTP1_HELD,
    LENGTH,
    TABLES,
    VIEWS,
    WITH_NAME,
    blocks,
    headed,
    held,
    server,
)
from tests.measurement.own import GZIP, OWN, SINGLY, observed, own_run

ROWS = [
    pytest.param(detector, seen, confidence, id=f"{detector.CULPRIT.id}: {name}")
    for detector, rows in TABLES
    for name, seen, confidence in rows
]


@pytest.mark.parametrize(("detector", "seen", "confidence"), ROWS)
def test_what_a_detector_makes_of_the_users_own_stream(detector, seen, confidence):
    detection = detector.detect(Observations(seen), Transport.EVENTS)
    assert (detection.confidence if detection else None) is confidence
    if detection is not None:
        assert detection.culprit is detector.CULPRIT
        assert detection.evidence


VIEW_ROWS = [
    pytest.param(detector, seen, confidence, id=f"{detector.CULPRIT.id}: {name}")
    for detector, rows in VIEWS
    for name, seen, confidence in rows
]


@pytest.mark.parametrize(("detector", "seen", "confidence"), VIEW_ROWS)
def test_what_a_detector_makes_of_it_for_an_http_1_1_client(detector, seen, confidence):
    view = Observations(seen).of_client(Client.HTTP1)
    detection = detector.detect(view, Transport.EVENTS)
    assert (detection.confidence if detection else None) is confidence


def sentences(detector, *seen):
    detection = detector.detect(Observations(seen), Transport.EVENTS)
    return [fact.sentence for fact in detection.evidence]


def alone(variant, groups, *headers):
    from dataclasses import replace

    return observed(groups, replace(OWN, variant=variant), headers=headers)


def test_the_evidence_of_a_compressor():
    first = headed(10, GZIP, LENGTH, server("gunicorn"), ("via", "1.1 x"), ("x-powered-by", "PHP/8.2"))
    others = [
        alone(Variant.BR, [(8.2, 40)], ("content-encoding", "br")),
        alone(Variant.ZSTD, SINGLY),
    ]
    assert sentences(compressor, first, FREED, AT_PORT, *others) == [
        "events: 40 events, all at once after 8.2 s, up to 8.2 s later than elsewhere",
        "events: with a client that accepts no compression the stream flows: 40 events in 40 deliveries, from 0.00 to 3.90 s",
        "events: the first read was only the compressor's header, then nothing",
        "events: a client that offers one encoding: br gets it br, held; zstd gets it uncompressed, flowing",
        "events: the response has Via: 1.1 x",
        "events: the response has Server: gunicorn",
        "events: the response has X-Powered-By: PHP/8.2",
        "events: at the app's own port the same stream flows",
        "events: the response has Content-Length: 1600, so something had all of it before it sent the header",
    ]


def test_the_evidence_of_django():
    last = sentences(django_gzip_middleware, headed(55, GZIP, **WITH_NAME), FREED)[-1]
    assert last == "events: the header of gzip is 55 bytes long and has a file name, as Django writes it"


def test_the_evidence_of_gzip_members():
    first = observed([(0.1, 1)], headers=(GZIP, server("uvicorn")), unread_bytes=30)
    assert sentences(gzip_members, first) == [
        "events: of 40 bytes 30 follow the end of the first gzip member, and browsers, curl and httpx do not read them",
        "events: the response has Server: uvicorn",
    ]


def test_the_evidence_of_nginx_and_its_size():
    assert sentences(nginx_proxy_buffering, blocks(4096, server("nginx"))) == [
        "events: 320 events in 8 deliveries of 4096 bytes each, from 0.00 to 3.50 s",
        "events: the blocks have the size of one of nginx's buffers",
        "events: the response has Server: nginx",
    ]
    over_tls = sentences(nginx_proxy_buffering, blocks(16_384, server("nginx"), tls_version="TLSv1.3"))
    assert over_tls[1] == "events: over TLS it collects 16384 bytes, nginx's ssl_buffer_size"


def test_what_only_an_http_1_1_client_meets_is_told_of_it():
    report = judge(own_run(*HTTP1_HELD))
    (found,) = report.culprits
    assert (found.id, found.clients, found.confidence) == (
        "nginx-proxy-buffering",
        (Client.HTTP1,),
        Confidence.LIKELY,
    )
    assert "flowing in browsers over HTTP/2" in report.headline
    assert "held for HTTP/1.1 clients" in report.headline


def test_no_culprit_is_named_where_nothing_separates_a_slow_app():
    assert judge(own_run(held(GZIP, server("nginx")))).culprits == ()
