"""Each detector, with a row on either side of everything that it asks of a run.

The first row of a culprit is what convicts it; each further row changes one thing of that.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.culprits import (
    DETECTORS,
    FALLBACK_DETECTORS,
    caddy_encode,
    flask_compress,
    gateway_websocket,
    gunicorn_sync_worker,
    haproxy_http_delay,
    http_hop,
    lighttpd_stream_response_body,
    nginx_gzip,
    nginx_proxy_buffering,
    response_cache,
    varnish_do_stream,
    websocket_upgrade,
)
from flushcheck.model import RequestAtApp, Transport
from tests.culprits import rows, rows_nginx
from tests.culprits.rows import KEY, STORED, VARNISH
from tests.culprits.seen import (
    APP,
    CHUNKED,
    CLEAN,
    CLOSE,
    FAILED,
    FASTCGI,
    FLOWING,
    GZIP,
    HELD,
    HOP,
    IDENTITY,
    LATE,
    LENGTH,
    NGINX,
    NO,
    REPLAYED,
    TICKS,
    WEBSOCKET,
    XAB,
    YES,
    Seen,
    Stated,
)

TABLES = [*rows_nginx.TABLES, *rows.TABLES]

ROWS = [
    pytest.param(detector, on, replace(guilty, **changes), confidence, id=f"{detector.CULPRIT.id}: {name}")
    for detector, on, guilty, own_rows in TABLES
    for name, changes, confidence in own_rows
]


@pytest.mark.parametrize(("detector", "on", "seen", "confidence"), ROWS)
def test_what_a_detector_makes_of_a_run(detector, on, seen, confidence):
    detection = detector.detect(seen.observations(), on)
    assert (detection.confidence if detection else None) is confidence
    if detection is not None:
        assert detection.culprit is detector.CULPRIT
        assert detection.evidence


def test_every_detector_has_a_table():
    # Silent streams have a table of their own: tests/measurement/test_idle_timeouts.py.
    tabled = {detector.CULPRIT.id for detector, *_ in TABLES} | {"idle-timeout"}
    detectors = {detector.CULPRIT.id for detector in (*DETECTORS, *FALLBACK_DETECTORS)}
    missing = sorted(detectors - tabled)
    assert not missing, (
        f"add a table for {missing} to tests/culprits/rows.py: the guilty run, and a row per condition"
    )
    assert tabled == detectors


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize(
    "detector", [*DETECTORS, *FALLBACK_DETECTORS], ids=lambda detector: detector.CULPRIT.id
)
def test_a_run_without_probes_shows_nothing(detector, transport):
    assert detector.detect(Stated({}, {}), transport) is None


COMPRESSOR_HEADERS = [
    # first read: bytes, bytes of text    is it the compressor's header alone?
    ((10, 0),                             True),
    ((2, 0),                              True),
    ((11, 0),                             False),
    ((10, 1),                             False),
    ((0, 0),                              False),
]  # fmt: skip

CADDY = Seen(headers={**GZIP, "server": "Caddy"}, frees={XAB: NO, IDENTITY: YES})
SENTENCES = [
    # detector             on        run                                                                  in its evidence
    (http_hop,             CHUNKED,  HOP,                                                                 "chunked: that header reached the reader"),
    (http_hop,             CHUNKED,  replace(HOP, headers=LENGTH),                                        "a Content-Length that the service did not send"),
    (http_hop,             CHUNKED,  replace(HOP, headers={"via": "1.1 box"}),                            "the response has Via: 1.1 box"),
    (http_hop,             CHUNKED,  replace(HOP, frees={XAB: NO, IDENTITY: YES}, headers=GZIP),          "with a client that accepts no compression the stream flows"),
    (http_hop,             CHUNKED,  replace(HOP, stripped=True, headers=LENGTH),                         "the hop that added it is further out"),
    (http_hop,             CHUNKED,  replace(HOP, control=None, direct=FLOWING),                          "at the app's own port the same stream flows"),
    (nginx_proxy_buffering, CHUNKED, NGINX,                                                               "the app was called over HTTP/1.0"),
    (nginx_gzip,           CHUNKED,  replace(NGINX, headers=GZIP, other=HELD, other_frees={IDENTITY: YES}), "events: with a client that accepts no compression"),
    (caddy_encode,         CHUNKED,  CADDY,                                                               "the response has Server: Caddy"),
    (varnish_do_stream,    CHUNKED,  replace(HOP, headers={**VARNISH, "via": "1.1 v"}),                   "the response has Via: 1.1 v"),
    (response_cache,       CHUNKED,  replace(HOP, flow=REPLAYED, headers={"age": "7"}),                   "the response has Age: 7"),
    (gunicorn_sync_worker, CHUNKED,  replace(HOP, flow=LATE, queued_s=2.0, headers=CLOSE),                "Connection: close, as from gunicorn's sync worker"),
    (gateway_websocket,    WEBSOCKET, Seen(**CLEAN, websocket=FAILED, handshake=FASTCGI),                 "called through a gateway (CGI/1.1)"),
    (gateway_websocket,    WEBSOCKET, Seen(**CLEAN, websocket=FAILED, handshake=APP, status=501),         "called through gunicorn/27.0.1"),
    (gateway_websocket,    WEBSOCKET, Seen(**CLEAN, websocket=FAILED, handshake=RequestAtApp(), status=501), "called through its server"),
    (websocket_upgrade,    WEBSOCKET, Seen(**CLEAN, websocket=FAILED, handshake=KEY),                     "no Upgrade: websocket, Connection: nothing instead of upgrade"),
    (websocket_upgrade,    WEBSOCKET, Seen(**CLEAN, websocket=FAILED, handshake=replace(KEY, connection="close")), "Connection: close instead"),
    (haproxy_http_delay,   CHUNKED,  replace(HOP, flow=TICKS, period_s=0.2, lag_s=0.21, frees={}),        "in ticks of 200 ms, held for up to 210 ms"),
    (flask_compress,       CHUNKED,  replace(HOP, control=HELD, control_headers=GZIP, frees={IDENTITY: YES}), "with a client that accepts no compression the stream flows"),
    (lighttpd_stream_response_body, CHUNKED, replace(HOP, headers=STORED, request=replace(APP, forwarded=("x-host",))), "the app received X-Host"),
]  # fmt: skip


@pytest.mark.parametrize(("detector", "on", "seen", "sentence"), SENTENCES)
def test_the_evidence_names_the_fact(detector, on, seen, sentence):
    detection = detector.detect(seen.observations(), on)
    assert sentence in " ".join(fact.sentence for fact in detection.evidence)


ABSENT = [
    # detector             run                                                    not in its evidence
    (http_hop,             HOP,                                                   "Content-Length"),
    (http_hop,             replace(HOP, frees={XAB: NO, IDENTITY: NO}),           "compression"),
    (gunicorn_sync_worker, replace(HOP, flow=LATE, queued_s=2.0),                 "Connection: close"),
    (nginx_proxy_buffering, replace(NGINX, request=APP),                          "was called over"),
]  # fmt: skip


@pytest.mark.parametrize(("detector", "seen", "words"), ABSENT)
def test_the_evidence_names_no_fact_that_was_not_seen(detector, seen, words):
    detection = detector.detect(seen.observations(), CHUNKED)
    assert words not in " ".join(fact.sentence for fact in detection.evidence)


@pytest.mark.parametrize(("first_read", "header_alone"), COMPRESSOR_HEADERS)
def test_a_compressors_header_alone_is_evidence(first_read, header_alone):
    detection = caddy_encode.detect(replace(CADDY, first_read=first_read).observations(), CHUNKED)
    assert detection is not None
    sentences = " ".join(fact.sentence for fact in detection.evidence)
    assert ("only the compressor's header" in sentences) is header_alone


def test_a_long_header_is_cut_in_the_evidence():
    detection = http_hop.detect(replace(HOP, headers={"via": "x" * 101}).observations(), CHUNKED)
    assert detection is not None
    assert f"Via: {'x' * 100}" == detection.evidence[3].sentence.removeprefix("chunked: the response has ")
