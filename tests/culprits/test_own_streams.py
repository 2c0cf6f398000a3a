"""The detectors on streams of the user's own app: see rows_own.py; and each sentence of their evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.culprits import (
    app_response,
    buffering_hop,
    byte_buffer,
    compressor,
    django_gzip_middleware,
    gzip_members,
    lighttpd_stream_response_body,
    nginx_hint_taken,
    nginx_proxy_buffering,
    response_cache,
    x_accel,
)
from flushcheck.diagnosis.inference import judge
from flushcheck.measurement.observations import Observations
from flushcheck.model import Client, Confidence, Transport, Variant
from tests.culprits.rows_own import (
    AT_PORT,
    FREED,
    HINTED,
    HTTP1_HELD,
    LENGTH,
    RANGES,
    TABLES,
    VIEWS,
    WITH_NAME,
    XAB_NO,
    blocks,
    headed,
    held,
    server,
)
from tests.measurement.own import DIRECT, GZIP, OWN, SINGLY, observed, own_run

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


def test_the_evidence_of_a_buffer():
    assert sentences(byte_buffer, blocks(4096)) == [
        "events: 320 events in 8 deliveries of 4096 bytes each, from 0.00 to 3.50 s",
        "events: nginx, Apache's mod_proxy_fcgi, PHP and a program that writes to a pipe collect so much",
    ]
    assert sentences(byte_buffer, blocks(2000, server("x")))[1:] == ["events: the response has Server: x"]


def test_the_evidence_of_a_held_app():
    assert sentences(app_response, blocks(2000), replace(blocks(2000), probe=DIRECT)) == [
        "events: 160 events in 8 deliveries of 2000 bytes each, from 0.00 to 3.50 s",
        "events: at the app's own port too: 160 events in 8 deliveries of 2000 bytes each, from 0.00 to 3.50 s",
    ]


def test_the_evidence_of_a_cache():
    assert sentences(response_cache, observed([(0.0, 40)], headers=(("age", "7"),)), AT_PORT) == [
        "events: 40 records arrived before they were sent: the response is old",
        "events: the response has Age: 7",
    ]


def test_the_evidence_of_a_stored_file():
    assert sentences(lighttpd_stream_response_body, held(LENGTH, RANGES), AT_PORT)[1:] == [
        "events: the response has Content-Length: 1600, so something had all of it before it sent the header",
        "events: the response has Accept-Ranges, which the app's own port does not send",
        "events: at the app's own port the same stream flows",
    ]


def test_the_evidence_of_a_header_that_is_removed():
    facts = sentences(nginx_hint_taken, blocks(4096, server("nginx")), HINTED)
    assert facts[1] == (
        "events: the app sends X-Accel-Buffering: no, and it does not arrive; of all proxies tested, only nginx "
        "removes it"
    )
    assert facts[-1] == x_accel.SEPARATE.sentence


NAMED = [
    # name,              header of the response,          the fix offered beside the general ones
    ("nginx",            server("nginx/1.22.1"),          "proxy_buffering off;"),
    ("Caddy",            ("via", "1.1 Caddy"),            "remove buffer_responses, or response_buffers"),
    ("Apache",           server("Apache"),                "flushpackets=on"),
    ("Varnish",          ("via", "1.1 x (Varnish/7.1)"),  "set beresp.do_stream = true;"),
    ("none of these",    server("gunicorn"),              None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "header", "change"), NAMED, ids=[row[0] for row in NAMED])
def test_a_hop_has_the_fix_of_the_product_that_names_itself(name, header, change):
    detection = buffering_hop.detect(Observations((held(header), AT_PORT)), Transport.EVENTS)
    assert detection is not None
    left = [fix.change for fix in buffering_hop.CULPRIT.fixes if fix not in detection.refuted]
    general = ["switch off response buffering for the stream's address", "X-Accel-Buffering: no"]
    assert left == [general[0], *([change] if change else []), general[1]]


def test_a_header_that_the_app_sends_already_is_no_fix():
    seen = Observations((held(), observed(SINGLY, DIRECT, headers=(XAB_NO,))))
    detection = buffering_hop.detect(seen, Transport.EVENTS)
    assert detection is not None
    assert x_accel.APP_FIX in detection.refuted
    assert [fact.sentence for fact in detection.evidence][1] == (
        "events: the app sends X-Accel-Buffering: no already, and that frees nothing"
    )


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
