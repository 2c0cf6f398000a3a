"""Which hops are on the path: each statement has its evidence, and a path without signs has no statement."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path as File
from typing import Any

import pytest

from flushcheck.diagnosis.hops import SHOWN, hops
from flushcheck.diagnosis.inference import judge
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Arrival,
    Observation,
    Outcome,
    Probe,
    ReceivedPiece,
    RequestAtApp,
    Run,
    Transport,
    Vantage,
    Variant,
)
from flushcheck.model.codec import from_json
from flushcheck.reports.json_report import document
from flushcheck.reports.terminal import terminal
from tests.diagnosis.paths import Path

OFFERED = "gzip, deflate, br, zstd"
APP = RequestAtApp(
    protocol="HTTP/1.1", server="gunicorn/27.0.1", connection="keep-alive", accept_encoding=OFFERED
)
SERVER = (("server", "gunicorn"),)


def saw(
    origin: RequestAtApp | None = APP,
    headers: tuple[tuple[str, str], ...] = SERVER,
    *,
    variant: Variant = Variant.BASELINE,
    vantage: Vantage = Vantage.PATH,
    came_s: float = 0.1,
    outcome: Outcome = Outcome.COMPLETE,
    transport: Transport = Transport.CHUNKED,
) -> Observation:
    pieces = tuple(ReceivedPiece(seq, seq * 0.1) for seq in range(8))
    arrivals = tuple(Arrival(max(0.0, came_s + piece.sent_s), 50, 50, (piece,)) for piece in pieces)
    return Observation(
        Probe(transport, variant=variant, vantage=vantage),
        outcome,
        status=200,
        headers=headers,
        arrivals=arrivals,
        request_at_app=origin,
    )


CONTROL = saw(vantage=Vantage.LOOPBACK)


def app(**changes: object) -> RequestAtApp:
    return dataclasses.replace(APP, **changes)  # type: ignore[arg-type]


def held(**others: Any) -> Observation:
    """As `saw`, everything at the end."""
    seen = saw(**others)
    pieces = tuple(piece for arrival in seen.arrivals for piece in arrival.pieces)
    return dataclasses.replace(seen, arrivals=(Arrival(0.8, 400, 400, pieces),))


OWN_HTTP10 = app(protocol="HTTP/1.0")
FOR = ("x-forwarded-for", "x-forwarded-proto")
VIA = (("via", "1.1 varnish, 2 edge"),)
STORED = (("content-length", "7"),)
GZIP = (("content-encoding", "gzip"),)
LOST_UPGRADE: dict[str, Any] = {"transport": Transport.WEBSOCKET, "outcome": Outcome.REFUSED}
PASSENGER = (("x-powered-by", "Phusion Passenger(R) 6"),)
LATE = saw(came_s=-0.2)
FREED, HELD_STILL = saw(variant=Variant.XAB), held(variant=Variant.XAB)

PRODUCTS = [
    ("x-varnish",           "Varnish"),
    ("x-litespeed-cache",   "LiteSpeed's cache"),
    ("x-fastly-request-id", "Fastly"),
    ("x-amz-cf-id",         "Amazon CloudFront"),
    ("cf-ray",              "Cloudflare"),
    ("x-azure-ref",         "Azure Front Door"),
]  # fmt: skip

# name, Observations, statements with their evidence, which begins with the Transport
PATHS: list[tuple[str, list[Observation], dict[str, str]]] = [
    ("no sign", [saw(), CONTROL], {}),
    ("nothing at all", [], {}),
    ("the app does not tell what it saw", [saw(None), CONTROL], {}),
    # next to the app
    ("over HTTP/1.0", [saw(OWN_HTTP10)],
     {"next to the app: a proxy that speaks HTTP/1.0, the default of nginx before 1.29.7": "chunked: the app was called over HTTP/1.0; the client itself used a later version"}),
    ("over HTTP/1.0, and closed", [saw(app(protocol="HTTP/1.0", connection="Close"))],
     {"next to the app: a proxy that speaks HTTP/1.0, the default of nginx before 1.29.7": "chunked: the app was called over HTTP/1.0, with Connection: close; the client itself used a later version"}),
    ("over HTTP/1.1, and closed", [saw(app(connection="close"))], {}),
    ("an HTTP/1.0 client", [saw(OWN_HTTP10, variant=Variant.HTTP10)], {}),
    ("an HTTP/1.0 client, and HTTP/1.1 at the app", [saw(variant=Variant.HTTP10)],
     {"next to the app: a proxy that speaks HTTP/1.1": "chunked: the client used HTTP/1.0, and the app was called over HTTP/1.1"}),
    ("a WebSocket tells nothing of it", [saw(OWN_HTTP10, transport=Transport.WEBSOCKET)], {}),
    ("a gateway", [saw(app(gateway="CGI/1.1", server="nginx/1.22.1"), (("server", "nginx"),))],
     {"next to the app: a web server that calls the app through a gateway": "chunked: the app was called through CGI/1.1, SERVER_SOFTWARE is nginx/1.22.1"}),
    ("a gateway before the origin in PHP", [saw(app(gateway="CGI/1.1", server="PHP/8.2 fpm-fcgi"), ())],
     {"next to the app: a web server that calls the app through a gateway": "chunked: the app was called through CGI/1.1, the app is PHP/8.2 fpm-fcgi"}),
    ("a gateway that does not name itself", [saw(app(gateway="CGI/1.1", server=""), ())],
     {"next to the app: a web server that calls the app through a gateway": "chunked: the app was called through CGI/1.1"}),
    ("forwarded", [saw(app(forwarded=FOR, forwarded_hops=1))],
     {"a proxy that adds forwarding headers": "chunked: the app received x-forwarded-for, x-forwarded-proto"}),
    ("forwarded twice", [saw(app(forwarded=FOR, forwarded_hops=2))],
     {"2 proxies that add X-Forwarded-For, or one that keeps the client's own": "chunked: the app received x-forwarded-for, x-forwarded-proto, with 2 addresses in X-Forwarded-For"}),
    ("lighttpd", [saw(app(forwarded=("x-host",)))],
     {"a proxy that adds forwarding headers": "chunked: the app received x-host",
      "lighttpd's mod_proxy, or another proxy that adds X-Host": "chunked: the app received X-Host"}),
    # Accept-Encoding
    ("no encodings left", [saw(app(accept_encoding=" "))],
     {"a hop that removes Accept-Encoding from requests": "chunked: the client sent Accept-Encoding, the app received none"}),
    ("one encoding left", [saw(app(accept_encoding="gzip"))],
     {"a hop that rewrites Accept-Encoding": "chunked: the client offered several encodings, the app received only gzip"}),
    ("two encodings left", [saw(app(accept_encoding="gzip, br"))], {}),
    ("encodings from nowhere", [saw(variant=Variant.IDENTITY)],
     {"a hop that adds Accept-Encoding to requests": "chunked: the client sent no Accept-Encoding, the app received gzip, deflate, br, zstd"}),
    ("no encodings, as was asked for", [saw(app(accept_encoding=""), variant=Variant.IDENTITY)], {}),
    ("identity, as was asked for", [saw(app(accept_encoding="identity"), variant=Variant.IDENTITY)], {}),
    # X-Accel-Buffering
    ("the header is gone", [FREED],
     {"an nginx that removes X-Accel-Buffering": "chunked: X-Accel-Buffering was sent and did not arrive; of all proxies tested, only nginx removes it"}),
    ("the header is gone, and the stream flows", [held(), FREED],
     {"an nginx that removes X-Accel-Buffering, and obeys it": "chunked: X-Accel-Buffering was sent and did not arrive; of all proxies tested, only nginx removes it; with it the stream flows"}),
    ("the header is gone, and the stream is held", [held(), HELD_STILL],
     {"an nginx that removes X-Accel-Buffering": "chunked: X-Accel-Buffering was sent and did not arrive; of all proxies tested, only nginx removes it; the stream was still held"}),
    ("a hop adds the header", [held(headers=(*SERVER, ("x-accel-buffering", "no"))), saw(headers=(*SERVER, ("x-accel-buffering", "no")), variant=Variant.XAB)],
     {"a hop that adds X-Accel-Buffering to responses": "chunked: X-Accel-Buffering arrived with a response for which the app did not send it"}),
    ("the header is there", [saw(headers=(*SERVER, ("x-accel-buffering", "no")), variant=Variant.XAB)],
     {"no nginx with its default configuration": "chunked: X-Accel-Buffering was sent and arrived; nginx removes it unless configured to pass it"}),
    ("the header is there without being asked for", [saw(headers=(*SERVER, ("x-accel-buffering", "no")))], {}),
    ("no Piece came with it", [dataclasses.replace(FREED, arrivals=())], {}),
    # WebSocket
    ("no Upgrade", [saw(app(websocket_key=True), **LOST_UPGRADE)],
     {"a hop that removes Upgrade from requests": "websocket: the app received Sec-WebSocket-Key without Upgrade: websocket"}),
    ("with Upgrade", [saw(app(websocket_key=True, upgrade="WebSocket"), **LOST_UPGRADE)], {}),
    ("no key", [saw(**LOST_UPGRADE)], {}),
    ("refused, and the app saw nothing", [saw(None, **LOST_UPGRADE)],
     {"a server that calls itself gunicorn, which may be the app's own server": "websocket: in the response header Server"}),
    ("no Upgrade, and opened", [saw(app(websocket_key=True), transport=Transport.WEBSOCKET)], {}),
    ("refused, and no WebSocket", [saw(app(websocket_key=True), outcome=Outcome.REFUSED)], {}),
    # names
    ("Via on both ways", [saw(app(via="1.1 varnish"), VIA)],
     {"a hop with Via: varnish": "chunked: the app received it and the response has it",
      "a hop with Via: edge": "chunked: the response has it",
      "in this order from the app to the reader: varnish, edge": "chunked: each hop adds itself to Via behind those before it (RFC 9110, section 7.6.3)"}),
    ("Via of one hop", [saw(headers=(("via", "1.1 varnish"),))],
     {"a hop with Via: varnish": "chunked: the response has it"}),
    ("Via without a name", [saw(headers=(("via", "1.1, 1.0"),))], {}),
    ("Via without an entry", [saw(app(via=" , "), (("via", ""),))], {}),
    ("the app's own Via", [saw(headers=(("via", "1.1 app"),)), saw(headers=(("via", "1.1 app"),), vantage=Vantage.LOOPBACK)], {}),
    ("another server", [saw(headers=(("server", "nginx"),))],
     {"a server that calls itself nginx": "chunked: in the response header Server"}),
    ("the app's server, in other letters", [saw(headers=(("server", "Gunicorn / 27"),))], {}),
    ("the control's server", [saw(None, (("server", "x"),)), saw(None, (("server", "x"),), vantage=Vantage.LOOPBACK)], {}),
    ("a server, and what the app runs under is not known", [saw(None, (("server", "x"),))],
     {"a server that calls itself x, which may be the app's own server": "chunked: in the response header Server"}),
    ("Passenger", [saw(headers=PASSENGER)],
     {"Phusion Passenger": "chunked: the response has X-Powered-By: Phusion Passenger(R) 6"}),
    ("another powers it", [saw(headers=(("x-powered-by", "PHP"),))], {}),
    *((product, [saw(headers=((name, "3"),))], {product: f"chunked: the response has {name}: 3"}) for name, product in PRODUCTS),
    ("a header that the app itself writes", [saw(headers=(("x-varnish", "3"), ("age", "1"))), saw(headers=(("x-varnish", "3"), ("age", "1")), vantage=Vantage.LOOPBACK)], {}),
    ("a cache", [saw(headers=(("age", "0"),))],
     {"a cache": "chunked: the response has Age: 0 (RFC 9111, section 5.1)"}),
    # the body
    ("compressed on the way", [saw(headers=GZIP), CONTROL],
     {"a hop that compresses": "chunked: the response arrived as gzip, and left the app uncompressed"}),
    ("compressed, without a control", [saw(headers=GZIP)], {}),
    ("compressed by the app", [saw(headers=GZIP), saw(headers=GZIP, vantage=Vantage.LOOPBACK)], {}),
    ("stored", [saw(headers=STORED), CONTROL],
     {"a hop that stores the whole response before it sends it on": "chunked: the response has a Content-Length of 7, which the service does not send"}),
    ("stored, without a control", [saw(headers=STORED)],
     {"a hop that stores the whole response before it sends it on": "chunked: the response has a Content-Length of 7, which the service does not send"}),
    ("stored by the app", [saw(headers=STORED), saw(headers=STORED, vantage=Vantage.LOOPBACK)], {}),
    ("a poll has a length", [saw(headers=STORED, transport=Transport.POLLING)], {}),
    ("another status", [dataclasses.replace(saw(headers=STORED), status=206)], {}),
    ("the control of another Transport", [saw(headers=GZIP), saw(vantage=Vantage.LOOPBACK, transport=Transport.EVENTS)],
     {"a hop that compresses": "chunked: the response arrived as gzip, and left the app uncompressed"}),
    ("a control without headers", [saw(headers=GZIP), saw(headers=(), vantage=Vantage.LOOPBACK)], {}),
    # old responses
    ("old: what the app saw is another request's", [saw(OWN_HTTP10, came_s=-0.8), saw(app(gateway="CGI/1.1"))],
     {"a cache that serves old responses": "chunked: pieces arrived before the service sent them"}),
    ("old: names are true all the same", [saw(headers=(("age", "9"),), came_s=-0.8)],
     {"a cache": "chunked: the response has Age: 9 (RFC 9111, section 5.1)",
      "a cache that serves old responses": "chunked: pieces arrived before the service sent them"}),
    ("old on one Transport: nothing follows from the others",
     [saw(OWN_HTTP10, headers=(("age", "9"),)), saw(came_s=-0.8, transport=Transport.EVENTS)],
     {"a cache that serves old responses": "events: pieces arrived before the service sent them"}),
    ("early, and not old", [LATE, CONTROL], {}),
    # one statement, its first evidence
    ("twice the same", [saw(OWN_HTTP10), saw(OWN_HTTP10, transport=Transport.EVENTS)],
     {"next to the app: a proxy that speaks HTTP/1.0, the default of nginx before 1.29.7": "chunked: the app was called over HTTP/1.0; the client itself used a later version"}),
    ("only the path counts", [saw(OWN_HTTP10, vantage=Vantage.DIRECT)], {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "statements"), PATHS, ids=[row[0] for row in PATHS])
def test_what_is_known_of_a_path(name, seen, statements):
    assert {hop.what: hop.evidence.sentence for hop in hops(Observations(seen))} == statements


def test_whether_the_nginx_obeys_is_said_where_it_was_seen():
    for freed, words in (
        (frozenset({Variant.XAB}), "and obeys it"),
        (frozenset[Variant](), "X-Accel-Buffering"),
    ):
        report = judge(Path(4096, freed, removes_header=True).run())
        assert any(hop.what.endswith(words) and "nginx" in hop.what for hop in report.hops)


def test_every_statement_has_its_evidence_in_every_output():
    report = judge(Path(4096, frozenset({Variant.XAB}), removes_header=True).run())
    assert report.hops
    listed = document(report)["hops"]
    text = " ".join(terminal(report, width=100, color=False).split())
    for hop, told in zip(report.hops, listed, strict=True):
        assert told == {"what": hop.what, "evidence": hop.evidence.sentence}
        assert hop.evidence.probes
        assert hop.what in text
        assert hop.evidence.sentence in text


@pytest.mark.parametrize(("size", "shown"), [(100, "x" * 100), (101, "x" * 100 + "…")])
def test_a_value_is_shown_whole_or_cut_with_a_mark(size, shown):
    (hop,) = hops(Observations([saw(headers=(("server", "x" * size),))]))
    assert hop.what == f"a server that calls itself {shown}"


def test_a_strangers_values_are_cut():
    long = "x" * 5000
    seen = [saw(app(via=long, gateway=long, forwarded=(long,)), (("server", long), ("via", f"1.1 {long}")))]
    for hop in hops(Observations(seen)):
        assert len(hop.what) + len(hop.evidence.sentence) < 4 * SHOWN + 200


RECORDED = File(__file__).parents[1] / "recordings"
REAL = [
    # recording of a real server                 what has to be said of it,                      and what must not
    ("haproxy-good-before-guilty-nginx.json",    "an nginx that removes X-Accel-Buffering, and obeys it", "no nginx"),
    ("squid-reverse.json",                       "a hop with Via: lab (squid/5.7)",      "an nginx"),
    ("apache-fcgid.json",                        "no nginx with its default configuration",       "an nginx"),
    ("apache-cache.json",                        "a cache that serves old responses",           "an nginx"),
    ("passenger-default.json",                   "Phusion Passenger",                             "an nginx"),
    ("gunicorn-gevent.json",                     "",                                              "a server"),
    ("relay-plain.json",                         "",                                              "a server"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "says", "never"), REAL, ids=[row[0] for row in REAL])
def test_what_is_said_of_real_servers_is_true(name, says, never):
    run = from_json(Run, json.loads((RECORDED / name).read_text()))
    found = [hop.what for hop in judge(run).hops]
    assert says in found or not says
    assert not [what for what in found if what.startswith(never)]
