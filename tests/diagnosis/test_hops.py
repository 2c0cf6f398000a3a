"""Who stands on the path: each statement rests on what was seen, and nothing is said of a path without signs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path as File

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


PATHS = [
    # name, Observations, beginnings of what is said
    ("nobody", [saw(), CONTROL], []),
    ("nothing at all", [], []),
    ("asked over 1.0", [saw(app(protocol="HTTP/1.0", connection="close"))], ["next to the app: a proxy that speaks HTTP/1.0"]),
    ("an old client", [saw(app(protocol="HTTP/1.0"), variant=Variant.HTTP10)], []),
    ("an old client, asked anew", [saw(variant=Variant.HTTP10)], ["next to the app: a proxy that speaks HTTP/1.1"]),
    ("a gateway", [saw(app(gateway="CGI/1.1", server="nginx/1.22.1"), (("server", "nginx"),))], ["next to the app: a web server"]),
    ("forwarded", [saw(app(forwarded=("x-forwarded-for",), forwarded_hops=1))], ["a proxy that adds forwarding"]),
    ("forwarded twice", [saw(app(forwarded=("x-forwarded-for",), forwarded_hops=2))], ["2 proxies"]),
    ("lighttpd", [saw(app(forwarded=("x-host",)))], ["a proxy that adds", "lighttpd"]),
    ("no encodings left", [saw(app(accept_encoding=""))], ["a hop that removes Accept-Encoding"]),
    ("one encoding left", [saw(app(accept_encoding="gzip"))], ["a hop that rewrites Accept-Encoding"]),
    ("encodings from nowhere", [saw(variant=Variant.IDENTITY)], ["a hop that adds Accept-Encoding"]),
    ("the hint is gone", [saw(variant=Variant.XAB)], ["an nginx that removes X-Accel-Buffering"]),
    ("the hint is there", [saw(headers=(*SERVER, ("x-accel-buffering", "no")), variant=Variant.XAB)], ["no nginx"]),
    ("names", [saw(app(via="1.1 varnish"), (("server", "nginx"), ("via", "1.1 varnish, 2 edge"), ("x-varnish", "3"), ("age", "0")))],
     ["a hop with Via: varnish", "a hop with Via: edge", "in this order", "a server that calls itself nginx", "Varnish", "a cache"]),
    ("the app's own Via", [saw(headers=(("via", "1.1 app"),)), saw(headers=(("via", "1.1 app"),), vantage=Vantage.LOOPBACK)], []),
    ("a server, of whom nobody knows", [saw(None, (("server", "x"),))], ["a server that calls itself x, which may be the app's own"]),
    ("compressed on the way", [saw(headers=(("content-encoding", "gzip"),)), CONTROL], ["a hop that compresses"]),
    ("compressed, nobody knows by whom", [saw(headers=(("content-encoding", "gzip"),))], []),
    ("compressed by the app", [saw(headers=(("content-encoding", "gzip"),)),
                               saw(headers=(("content-encoding", "gzip"),), vantage=Vantage.LOOPBACK)], []),
    ("stored", [saw(headers=(("content-length", "7"),)), CONTROL], ["a hop that stores"]),
    ("no Upgrade", [saw(app(websocket_key=True), transport=Transport.WEBSOCKET, outcome=Outcome.REFUSED)], ["a hop that removes Upgrade"]),
    ("played back: what was asked is another's", [saw(app(protocol="HTTP/1.0"), came_s=-0.8), saw(variant=Variant.XAB)], ["a cache that serves"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "begins"), PATHS, ids=[row[0] for row in PATHS])
def test_what_is_known_of_a_path(name, seen, begins):
    found = [hop.what for hop in hops(Observations(seen))]
    assert len(found) == len(begins), found
    for what, begin in zip(found, begins, strict=True):
        assert what.startswith(begin)


def test_whether_the_nginx_obeys_is_said_where_it_was_seen():
    for freed, words in (
        (frozenset({Variant.XAB}), "and obeys it"),
        (frozenset[Variant](), "X-Accel-Buffering"),
    ):
        report = judge(Path(4096, freed, takes_hint=True).run())
        assert any(hop.what.endswith(words) and "nginx" in hop.what for hop in report.hops)


def test_every_statement_has_its_evidence_in_every_output():
    report = judge(Path(4096, frozenset({Variant.XAB}), takes_hint=True).run())
    assert report.hops
    listed = document(report)["hops"]
    text = " ".join(terminal(report, width=100, color=False).split())
    for hop, told in zip(report.hops, listed, strict=True):
        assert told == {"what": hop.what, "evidence": hop.evidence.sentence}
        assert hop.evidence.probes
        assert hop.what in text
        assert hop.evidence.sentence in text


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
