"""A run asks over HTTP/3 where the first response offers it, and costs nothing where it does not."""

from __future__ import annotations

import re
import ssl
import time

import pytest

from flushcheck import judge
from flushcheck.measurement.alt_svc import INSTALL
from flushcheck.model import Client, Outcome, Transport, UsageError, Verdict
from flushcheck.prober import ConnectionOptions, RunProgress, gather
from flushcheck.prober.proxy_server import parse_proxy
from flushcheck.prober.target import Protocol
from tests.prober import http3_peers, peers
from tests.prober.http2_peers import Http2Peer, https, serve
from tests.prober.peers import end, piece, scripted_server

pytestmark = pytest.mark.usefixtures("trusted", "patient")

BROWSER, HTTP1, HTTP3 = Client
BOTH = (Transport.CHUNKED, Transport.POLLING)


BODY = piece(0) + piece(1) + end(2)


def offering(context: ssl.SSLContext, offer: str) -> peers.Script:
    """A peer over HTTP/2 and HTTP/1.1 whose responses have this Alt-Svc."""

    def script(raw: peers.Client) -> None:
        with context.wrap_socket(raw.sock, server_side=True) as sock:
            if sock.selected_alpn_protocol() == "h2":
                peer = Http2Peer(sock, {})
                peer.begin()
                while True:
                    request = peer.request()
                    peer.head(request, 200, (("content-type", "text/plain"), ("alt-svc", offer)))
                    peer.data(request, BODY, ends=True)
            elif (client := peers.Client(sock)).read_request():
                client.send(peers.TO_CLOSE[:-2] + f"Alt-Svc: {offer}\r\n\r\n".encode() + BODY)
                sock.unwrap()

    return script


@pytest.fixture
def site(server_context):
    """Run a site over TCP whose responses have this Alt-Svc; PORT in it is that of UDP."""

    def start(udp_url: str, offer: str = 'h3=":PORT"; ma=60'):
        port = udp_url.rpartition(":")[2]
        script = offering(server_context("h2", "http/1.1"), offer.replace("PORT", port))
        return scripted_server(script, read_first=False)

    return start


def clients(run):
    return {observation.probe.client for observation in run.observations}


def quick(url: str, *, timeout_s: float = 10, **more):
    return gather(https(url), only="chunked", quick=True, timeout_s=timeout_s, **more)


def test_http_3_is_asked_at_the_port_that_the_first_response_names(site, certificate):
    progress: list[RunProgress] = []
    with http3_peers.http3_server(certificate, serve) as udp, site(udp) as url:
        run = quick(url, on_progress=progress.append)
    over_http3 = [item for item in run.observations if item.probe.client is HTTP3]
    assert [(item.outcome, item.detail, item.http_version) for item in over_http3] == [
        (Outcome.COMPLETE, "", "3")
    ] * 2
    assert clients(run) == set(Client)
    report = judge(run)
    assert dict(report.clients)[HTTP3] is Verdict.FLOWING
    assert progress[-1].done == progress[-1].total == len(run.observations)


NO_OFFERS = [
    # name                  Alt-Svc
    ("none",                ""),
    ("another host",        'h3="cdn.test:PORT"'),
    ("clear",               "clear"),
    ("expired",             'h3=":PORT"; ma=0'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "offer"), NO_OFFERS, ids=[row[0] for row in NO_OFFERS])
def test_without_an_offer_nothing_is_asked_over_udp(name, offer, site):
    took: list[object] = []
    progress: list[RunProgress] = []
    with http3_peers.udp_server(lambda *seen: took.append(seen)) as udp, site(udp, offer) as url:
        run = quick(url, on_progress=progress.append)
    assert clients(run) == {BROWSER, HTTP1}
    assert took == []
    assert progress[-1].done == len(run.observations)


def test_a_network_without_udp_costs_as_long_as_a_stream_and_no_verdict(site):
    with http3_peers.udp_server(lambda *_: None) as udp, site(udp) as url:
        began = time.monotonic()
        run = quick(url, timeout_s=90)
        took_s = time.monotonic() - began
    assert took_s < 60, "2 s of silence, and a busy machine"
    report = judge(run)
    assert report.clients == ((BROWSER, Verdict.FLOWING), (HTTP1, Verdict.FLOWING))
    port = udp.rpartition(":")[2]
    (note,) = [note for note in report.notes if "HTTP/3" in note]
    # What was left of the 2 s, or of the time of the probe. On a busy machine the first probe may be one that
    # waited for another's connection.
    reasons = rf"(no response over UDP port {port} within [012]\.\d s|no connection within the time allowed)"
    assert re.fullmatch(rf"offers HTTP/3 by alt-svc; {reasons}: browsers fall back to HTTP/2", note), note


def test_a_caller_may_leave_http_3_out(site, certificate):
    with http3_peers.http3_server(certificate, serve) as udp, site(udp) as url:
        run = quick(url, clients=["browser", "http1"])
    assert clients(run) == {BROWSER, HTTP1}
    assert not run.http3_missing


def test_without_the_library_an_offer_is_noted(site, monkeypatch):
    monkeypatch.setattr("flushcheck.prober.differing.http3_available", lambda: False)
    monkeypatch.setattr("flushcheck.prober.gathering.http3_available", lambda: False)
    with site("https://127.0.0.1:443") as url:
        run = quick(url)
    assert (clients(run), run.http3_missing) == ({BROWSER, HTTP1}, True)
    assert judge(run).notes[-1].endswith(INSTALL)


def test_a_caller_who_wants_http_3_gets_it_without_an_offer(certificate):
    options = ConnectionOptions(protocol=Protocol.HTTP3)
    with http3_peers.http3_server(certificate, serve) as url:
        run = gather(url, only=BOTH, quick=True, timeout_s=10, options=options)
        named = gather(url, only="chunked", quick=True, timeout_s=10, clients="http3")
    for made in (run, named):
        assert clients(made) == {HTTP3}
        assert {item.outcome for item in made.observations} == {Outcome.COMPLETE}


WRONG = [
    # name                  address                 options                                   words
    ("no TLS",              "http://127.0.0.1:1",   {},                                       "HTTP/3 at http://127.0.0.1:1: expected https://, for example https://127.0.0.1:1"),
    ("a proxy",             "https://127.0.0.1:1",  {"proxy": parse_proxy("http://p.test:1")}, "HTTP/3 through a forward proxy or a unix socket: not possible"),
    ("a unix socket",       "https://127.0.0.1:1",  {"unix_socket": "/x"},                    "HTTP/3 through a forward proxy or a unix socket: not possible"),
    ("no library",          "https://127.0.0.1:1",  {"missing": True},                        "HTTP/3 needs a library that is not installed: pip install"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "address", "given", "words"), WRONG, ids=[row[0] for row in WRONG])
def test_http_3_that_cannot_be_asked_for_is_misuse(name, address, given, words, monkeypatch):
    if given.pop("missing", False):
        monkeypatch.setattr("flushcheck.prober.differing.http3_available", lambda: False)
    with pytest.raises(UsageError) as raised:
        gather(address, clients="http3", options=ConnectionOptions(**given))
    assert words in str(raised.value)


def test_one_client_searches_for_idle_timeouts_and_is_the_one_that_asked(certificate):
    options = ConnectionOptions(protocol=Protocol.HTTP3)
    with http3_peers.http3_server(certificate, serve) as url:
        run = gather(url, only="chunked", quick=True, timeout_s=10, idle_s=1, options=options)
    assert clients(run) == {HTTP3}
    assert len(run.observations) == 4
