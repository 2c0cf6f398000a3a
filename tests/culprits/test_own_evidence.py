"""What each detector says of a stream of the user's own app: every sentence, with the probes that it rests on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.culprits import (
    buffering_hop,
    compressor,
    django_gzip_middleware,
    gunicorn_sync_worker,
    gzip_members,
    haproxy_http_delay,
    joined_response,
    nginx_fastcgi_buffering,
    nginx_proxy_buffering,
    varnish_do_stream,
    varnish_gzip,
)
from flushcheck.culprits.evidence import LABELS, variant_evidence
from flushcheck.measurement.observations import Observations
from flushcheck.model import Client, Evidence, Transport, Variant
from tests.culprits.rows_own import (
    AT_PORT,
    BR,
    FREED,
    HTTP2,
    LENGTH,
    QUEUED,
    TLS,
    WITH_NAME,
    blocks,
    headed,
    held,
    server,
)
from tests.measurement.own import GZIP, HTTP1, HTTP10, IDENTITY, ONCE, OWN, SINGLY, TICKS, evenly, observed

BASELINE = (OWN.id,)
ONCE_HERE = Evidence("events: 40 events, all at once after 8.2 s", BASELINE)
HELD = Evidence("events: 40 events, all at once after 8.2 s, up to 8.2 s later than elsewhere", BASELINE)
FREE = Evidence(
    "events: with a client that accepts no compression the stream flows: 40 events in 40 deliveries, from 0.00 to 3.90 s",
    (OWN.id, IDENTITY.id),
)
ALONE = Evidence(
    "events: a client that offers one encoding: br gets it br, held; zstd gets it uncompressed, flowing"
)
KNOWN_LENGTH = Evidence(
    "events: the response has Content-Length: 1600, so something had all of it before it sent the header"
)
HEAD_ONLY = Evidence("events: the first read was only the compressor's header, then nothing")
AT_APP = Evidence("events: at the app's own port the same stream flows")
VARNISH_ID = Evidence("events: the response has X-Varnish: 2")


def by(name: str) -> Evidence:
    return Evidence(f"events: the response has Server: {name}")


def only(variant: Variant, groups, *headers):
    return observed(groups, replace(OWN, variant=variant), headers=headers)


EVIDENCE = [
    (compressor, (held(GZIP, server("gunicorn")), FREED), [HELD, FREE, by("gunicorn")]),
    (compressor,
     (held(GZIP), FREED, only(Variant.BR, ONCE, BR), only(Variant.ZSTD, SINGLY), only(Variant.DEFLATE, evenly(3, 0.1))),
     [HELD, FREE, ALONE]),
    (django_gzip_middleware, (headed(55, GZIP, **WITH_NAME), FREED),
     [HELD, FREE, HEAD_ONLY,
      Evidence("events: the header of gzip is 55 bytes long and has a file name, as Django writes it", BASELINE)]),
    (gzip_members, (observed([(0.1, 1)], headers=(GZIP, server("uvicorn")), unread_bytes=30),),
     [Evidence("events: of 40 bytes 30 follow the end of the first gzip member, and browsers, curl and httpx do not read them", BASELINE),
      by("uvicorn")]),
    (joined_response, (held(LENGTH, server("waitress")),), [ONCE_HERE, KNOWN_LENGTH, by("waitress")]),
    (buffering_hop, (held(LENGTH, server("x")), AT_PORT), [HELD, KNOWN_LENGTH, by("x"), AT_APP]),
    (nginx_proxy_buffering, (blocks(4096, server("nginx")), replace(blocks(4096), probe=IDENTITY)),
     [Evidence("events: 320 events in 8 deliveries of 4096 bytes each, from 0.00 to 3.50 s", BASELINE),
      Evidence("events: the blocks have the size of one of nginx's buffers"), by("nginx")]),
    (nginx_fastcgi_buffering, (blocks(4064, server("nginx")),),
     [Evidence("events: 320 events in 8 deliveries of 4064 bytes each, from 0.00 to 3.50 s", BASELINE),
      Evidence("events: the blocks are a buffer of 4096 bytes less 8 for each FastCGI record"), by("nginx")]),
    (varnish_gzip, (headed(10, GZIP, ("x-varnish", "2"), ("via", "1.1 v")), AT_PORT),
     [HELD, VARNISH_ID, HEAD_ONLY, Evidence("events: the response has Via: 1.1 v"), AT_APP]),
    (varnish_do_stream, (held(LENGTH, ("x-varnish", "2")), AT_PORT), [HELD, KNOWN_LENGTH, VARNISH_ID, AT_APP]),
    (gunicorn_sync_worker, (observed(SINGLY, headers=(server("gunicorn"),), headers_s=0.1), QUEUED),
     [Evidence("events: requested together with others, events-own-together-1 began 3.9 s after the first of them, and then flowed",
               ("events-own-together-1",))]),
    (haproxy_http_delay, (observed(TICKS), observed(evenly(60, 0.1), HTTP10)),
     [Evidence("events: 54 events in 12 deliveries, one every 200 ms, from 0.00 to 2.20 s, up to 0.1 s later than elsewhere", BASELINE),
      Evidence("events: with an HTTP/1.0 client the stream flows: 60 events in 60 deliveries, from 0.00 to 5.90 s", (OWN.id, HTTP10.id))]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("detector", "seen", "expected"), [pytest.param(*row, id=row[0].CULPRIT.id) for row in EVIDENCE]
)
def test_the_evidence_is_every_fact_with_its_probes(detector, seen, expected):
    detection = detector.detect(Observations(seen), Transport.EVENTS)
    assert list(detection.evidence) == expected


def test_what_nginx_holds_over_http_1_1_alone_says_so():
    seen = Observations((observed(SINGLY, **HTTP2), held(server("nginx"), probe=HTTP1, **TLS)))
    detection = nginx_proxy_buffering.detect(seen.of_client(Client.HTTP1), Transport.EVENTS)
    assert detection is not None
    assert list(detection.evidence) == [
        HELD,
        Evidence("events: over HTTP/2 it flows; over HTTP/1.1 with TLS nginx fills a buffer first"),
        by("nginx"),
    ]


EFFECTS = [
    (SINGLY, "the stream flows: 40 events in 40 deliveries, from 0.00 to 3.90 s"),
    (ONCE, "the stream is still held: 40 events, all at once after 8.2 s"),
    (evenly(3, 0.1), "the result is unclear: 3 events in 3 deliveries, from 0.00 to 0.20 s"),
]


@pytest.mark.parametrize(("groups", "effect"), EFFECTS)
def test_what_one_difference_did_is_said_whatever_it_did(groups, effect):
    seen = Observations((held(GZIP), observed(groups, IDENTITY), AT_PORT))
    fact = variant_evidence(seen, Transport.EVENTS, Variant.IDENTITY)
    assert fact.sentence.startswith(f"events: with a client that accepts no compression {effect}")


def test_every_difference_has_words():
    assert set(LABELS) == set(Variant) - {Variant.BASELINE, Variant.TOGETHER}
