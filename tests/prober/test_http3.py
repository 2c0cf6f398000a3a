"""HTTP/3 as a peer that keeps the rules speaks it: what is offered, shared, trusted and noted."""

from __future__ import annotations

import socket
import threading

import pytest
from aioquic.h3.connection import ErrorCode, H3Connection

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Client, Observation, Outcome, Probe, Scenario, Transport, UsageError, Variant
from flushcheck.model.codec import from_json, to_json
from flushcheck.prober import ConnectionOptions, observe_all
from flushcheck.prober.address import parse
from flushcheck.prober.http3_sharing import http3_available
from flushcheck.prober.http3_tls import configuration
from flushcheck.prober.target import ConnectTo, Family, Protocol, Target, TlsOptions
from flushcheck.prober.timed_socket import Unreachable
from flushcheck.prober.watch_request import watch_request
from flushcheck.prober.watching import watch
from tests.prober.certificates import encrypted, hashed, self_signed, signed
from tests.prober.http2_peers import serve
from tests.prober.http3_peers import (
    CONTROL,
    Http3Peer,
    goaway,
    http3_server,
    udp_server,
)
from tests.prober.peers import PATIENCE_S, end, piece

CHUNKED, EVENTS, POLLING = (
    Probe(transport, client=Client.HTTP3)
    for transport in (Transport.CHUNKED, Transport.EVENTS, Transport.POLLING)
)
SIX = [Probe(Transport.CHUNKED, variant=Variant.TOGETHER, run=run, client=Client.HTTP3) for run in range(6)]

pytestmark = pytest.mark.usefixtures("trusted", "patient")


def outcomes(seen):
    return [(item.outcome, item.detail) for item in seen]


def test_the_streams_of_a_page_share_one_connection(certificate):
    ports = set()

    def script(peer: Http3Peer) -> None:
        ports.add(peer.address)
        serve(peer)

    with http3_server(certificate, script) as url:
        seen = observe_all([CHUNKED, EVENTS, POLLING], url, timeout_s=5)
    assert outcomes(seen) == [(Outcome.COMPLETE, "")] * 3
    assert {(item.alpn, item.http_version, item.tls_version) for item in seen} == {("h3", "3", "TLSv1.3")}
    assert len({item.connect_s for item in seen}) == len(ports) == 1
    assert (8, 1) in seen[0].settings
    assert [len(item.pieces) for item in seen] == [2, 2, 10]


class Boundless(H3Connection):
    """A server that writes the largest numbers of QUIC, as HAProxy does for "no limit"."""

    def _get_local_settings(self) -> dict[int, int]:
        return {6: 2**62 - 1, 2**62 - 2: 1}


def test_settings_of_any_size_can_be_saved(certificate, monkeypatch):
    monkeypatch.setattr("tests.prober.http3_peers.H3Connection", Boundless)
    with http3_server(certificate, serve) as url:
        (seen,) = observe_all([CHUNKED], url, timeout_s=5)
    assert seen.settings == ((6, 999_999_999_999), (999_999_999_999, 1))
    assert from_json(Observation, to_json(seen)) == seen


def test_each_piece_has_the_moment_of_its_datagram(certificate):
    def script(peer: Http3Peer) -> None:
        request = peer.request()
        peer.head(request)
        for seq in range(4):
            peer.data(request, piece(seq))
            peer.read(seconds=0.1 - 0.001)
            peer.read(seconds=0.05)
        peer.data(request, end(4), ends=True)

    with http3_server(certificate, script) as url:
        (seen,) = observe_all([CHUNKED], url, timeout_s=5)
    assert outcomes([seen]) == [(Outcome.COMPLETE, "")]
    moments = [item.at_s for item in seen.pieces]
    assert len(seen.arrivals) >= 4
    assert moments == sorted(moments)
    assert len(set(moments)) == 4


def test_a_request_has_the_callers_headers_and_none_of_the_connection(certificate):
    asked = {}

    def script(peer: Http3Peer) -> None:
        request = peer.request()
        asked.update(request.headers)
        peer.respond(request, piece(0), end(1))

    options = ConnectionOptions(headers=(("X-Own", "1"),), user_agent="mine")
    with http3_server(certificate, script) as url:
        (seen,) = observe_all([CHUNKED], url, timeout_s=5, options=options)
    assert seen.outcome is Outcome.COMPLETE
    assert (asked["x-own"], asked["user-agent"], asked[":scheme"]) == ("1", "mine", "https")
    assert asked[":authority"] == url.removeprefix("https://")
    assert not {"connection", "host"} & set(asked)


def test_more_than_one_datagram_of_a_piece_arrives_whole(certificate):
    text = "x" * 30_000

    def script(peer: Http3Peer) -> None:
        peer.respond(peer.request(), piece(0, text=text), piece(1, text=text), end(2))

    with http3_server(certificate, script) as url:
        (seen,) = observe_all([Probe(Transport.CHUNKED, Scenario.BIG, client=Client.HTTP3)], url, timeout_s=5)
    assert outcomes([seen]) == [(Outcome.COMPLETE, "")]
    assert [item.size_bytes for item in seen.pieces] == [30_000, 30_000]


def test_a_graceful_goaway_ends_no_response_and_new_requests_get_a_new_connection(certificate):
    addresses = []

    def script(peer: Http3Peer) -> None:
        addresses.append(peer.address)
        first = peer.request()
        peer.head(first)
        peer.data(first, piece(0))
        if len(addresses) == 1:
            peer.raw(CONTROL, goaway(first.stream + 4))
            peer.read(seconds=0.3)
        peer.data(first, piece(1) + end(2), ends=True)

    probes = [CHUNKED, EVENTS]
    with http3_server(certificate, script) as url:
        seen = observe_all(probes[:1], url, timeout_s=5)
    assert outcomes(seen) == [(Outcome.COMPLETE, "")]


def test_a_rejected_request_is_sent_once_more(certificate):
    rejected = threading.Event()

    def script(peer: Http3Peer) -> None:
        request = peer.request()
        if not rejected.is_set():
            rejected.set()
            peer.reset(request, ErrorCode.H3_REQUEST_REJECTED)
            request = peer.request()
        peer.respond(request, piece(0), end(1))

    with http3_server(certificate, script) as url:
        seen = observe_all([CHUNKED], url, timeout_s=5)
    assert rejected.is_set()
    assert outcomes(seen) == [(Outcome.COMPLETE, "")]


def test_polls_go_on_over_a_new_connection_after_goaway(certificate):
    addresses = []

    def script(peer: Http3Peer) -> None:
        addresses.append(peer.address)
        if len(addresses) == 1:
            request = peer.request()
            peer.raw(CONTROL, goaway(request.stream))
            peer.wait_for_close()
        serve(peer)

    with http3_server(certificate, script) as url:
        seen = observe_all([POLLING], url, timeout_s=5)
    assert outcomes(seen) == [(Outcome.COMPLETE, "")]
    assert len(addresses) == 2


TRUST = [
    # name                  options                          outcome               words
    ("another authority",   {"ca": "other"},                 Outcome.UNREACHABLE,  "is not trusted: "),
    ("any certificate",     {"ca": "other", "verify": False}, Outcome.COMPLETE,    ""),
    ("the named authority", {"ca": "own"},                   Outcome.COMPLETE,     ""),
    ("a folder",            {"ca": "own folder"},            Outcome.COMPLETE,     ""),
    ("another folder",      {"ca": "other folder"},          Outcome.UNREACHABLE,  "is not trusted: "),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "outcome", "words"), TRUST, ids=[row[0] for row in TRUST])
def test_a_certificate_is_checked_as_over_tcp(name, given, outcome, words, certificate, tmp_path):
    other = self_signed(tmp_path)
    whose, _, folder = given["ca"].partition(" ")
    trusted = {"own": certificate, "other": other}[whose]
    ca = str(hashed(trusted, tmp_path) if folder else trusted.cert)
    options = ConnectionOptions(tls=TlsOptions(ca=ca, verify=given.get("verify", True)))
    with http3_server(certificate, serve) as url:
        (seen,) = observe_all([CHUNKED], url, timeout_s=5, options=options)
    assert (seen.outcome, words in seen.detail) == (outcome, True), seen.detail


def test_a_certificate_for_another_host_is_not_trusted(tmp_path, tmp_path_factory):
    authority = self_signed(tmp_path)
    other = signed(authority, tmp_path_factory.mktemp("leaf"), "DNS:other.test")
    options = ConnectionOptions(tls=TlsOptions(ca=str(authority.cert)))
    with http3_server(other, serve) as url:
        (seen,) = observe_all([CHUNKED], url, timeout_s=5, options=options)
    assert seen.outcome is Outcome.UNREACHABLE
    assert "is not trusted: hostname '127.0.0.1' doesn't match " in seen.detail


def test_the_systems_authorities_do_not_trust_a_stranger(certificate, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with http3_server(certificate, serve) as url:
        (seen,) = observe_all([CHUNKED], url, timeout_s=5)
    assert (seen.outcome, "is not trusted: " in seen.detail) == (Outcome.UNREACHABLE, True), seen.detail


WAYS = [
    # name            address                        options
    ("resolve",       "https://site.test:{port}",    {"connect_to": (ConnectTo("site.test", 0, "127.0.0.1", 0),)}),
    ("connect to",    "https://site.test",           {"connect_to": (ConnectTo("site.test", 443, "127.0.0.1", -1),)}),
    ("IPv4",          "https://localhost:{port}",    {"family": Family.IPV4}),
    ("both families", "https://localhost:{port}",    {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "address", "given"), WAYS, ids=[row[0] for row in WAYS])
def test_the_ways_to_a_host_are_those_of_tcp(name, address, given, certificate):
    with http3_server(certificate, serve) as url:
        port = int(url.rpartition(":")[2])
        ways = tuple(
            ConnectTo(way.host, way.port, way.to_host, port if way.to_port < 0 else way.to_port)
            for way in given.get("connect_to", ())
        )
        options = ConnectionOptions(**{**given, "connect_to": ways}, tls=TlsOptions(verify=False))
        (seen,) = observe_all([CHUNKED], address.format(port=port), timeout_s=6, options=options)
    assert (seen.outcome, seen.detail, seen.http_version) == (Outcome.COMPLETE, "", "3")


def test_a_client_certificate_is_shown(certificate, tmp_path):
    shown = []

    def script(peer: Http3Peer) -> None:
        shown.append(peer.quic.tls._peer_certificate)
        serve(peer)

    own = self_signed(tmp_path, "DNS:client")
    options = ConnectionOptions(tls=TlsOptions(cert_file=str(own.cert), key_file=str(own.key)))

    with asking_for_certificates(), http3_server(certificate, script) as url:
        (seen,) = observe_all([CHUNKED], url, timeout_s=5, options=options)
    assert outcomes([seen]) == [(Outcome.COMPLETE, "")]
    assert [item and item.subject.rfc4514_string() for item in shown] == ["CN=test,O=Test Authority"]


def asking_for_certificates():
    """Have every server of aioquic ask its clients for a certificate."""
    from aioquic.tls import Context

    patch = pytest.MonkeyPatch()
    made = Context.__init__

    def init(self, *args, **more):
        made(self, *args, **more)
        self._request_client_certificate = not self._is_client

    patch.setattr(Context, "__init__", init)
    return patch.context()


def test_a_client_certificate_without_a_key_is_told(tmp_path):
    own = self_signed(tmp_path, "DNS:client")
    target = Target(parse("https://127.0.0.1:1"), ConnectionOptions(tls=TlsOptions(cert_file=str(own.cert))))
    with pytest.raises(Unreachable, match="the client's certificate cannot be used over HTTP/3"):
        configuration(target)


def test_an_encrypted_key_is_opened_with_its_passphrase(tmp_path):
    own = encrypted(self_signed(tmp_path, "DNS:client"), tmp_path, "wonderland")

    def made(passphrase: str):
        tls = TlsOptions(cert_file=str(own.cert), key_file=str(own.key), passphrase=passphrase)
        return configuration(Target(parse("https://127.0.0.1:1"), ConnectionOptions(tls=tls)))

    assert made("wonderland").private_key is not None
    with pytest.raises(Unreachable) as raised:
        made("secret-x")
    assert "secret-x" not in str(raised.value)


def test_a_silent_port_is_given_up_early(monkeypatch):
    monkeypatch.setattr("flushcheck.prober.http3_connecting.MAX_SILENCE_S", 0.5)
    with udp_server(lambda *_: None) as url:
        (seen,) = observe_all([CHUNKED], url, timeout_s=2 * PATIENCE_S)
        port = url.rpartition(":")[2]
    assert (seen.outcome, seen.detail) == (
        Outcome.UNREACHABLE,
        f"no response over UDP port {port} within 0.5 s",
    )
    assert seen.ended_s < PATIENCE_S  # sooner than the time allowed


def test_a_closed_port_is_told():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    (seen,) = observe_all([CHUNKED], f"https://127.0.0.1:{port}", timeout_s=5)
    assert seen.detail == f"nothing listens on UDP port {port} (connection refused)"


def test_a_name_without_an_address_is_told():
    (seen,) = observe_all([CHUNKED], "https://nowhere.invalid", timeout_s=5)
    assert seen.outcome is Outcome.UNREACHABLE
    assert "nowhere.invalid" in seen.detail


def test_six_streams_at_once_share_a_connection(certificate):
    with http3_server(certificate, serve) as url:
        seen = observe_all(SIX, url, timeout_s=5)
    assert outcomes(seen) == [(Outcome.COMPLETE, "")] * 6
    assert len({item.connect_s for item in seen}) == 1


def test_a_websocket_is_opened_over_tcp():
    (seen,) = observe_all(
        [Probe(Transport.WEBSOCKET, client=Client.HTTP3)], "https://127.0.0.1:1", timeout_s=2
    )
    assert seen.detail == "nothing listens on 127.0.0.1:1 (connection refused)"


@pytest.mark.parametrize(
    "given",
    [{"unix_socket": "/x"}, {"proxy": "http://p.test:1"}],
    ids=["unix socket", "proxy"],
)
def test_no_way_for_udp_is_refused(given):
    from flushcheck.prober.proxy_server import parse_proxy

    if "proxy" in given:
        given = {"proxy": parse_proxy(given["proxy"])}
    with pytest.raises(UsageError, match="HTTP/3 through a forward proxy or a unix socket: not possible"):
        ConnectionOptions(protocol=Protocol.HTTP3, **given)


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("flushcheck.prober.http3_sharing.http3_available", lambda: False)
    (seen,) = observe_all([CHUNKED], "https://127.0.0.1:1", timeout_s=2)
    assert seen.detail == "HTTP/3 needs a library that is not installed: pip install 'flushcheck[http3]'"


def test_the_library_is_here():
    assert http3_available()


def test_a_stream_of_ones_own_is_watched_over_http3(certificate):
    with http3_server(certificate, serve) as url:
        options = ConnectionOptions(protocol=Protocol.HTTP3, tls=TlsOptions(ca=str(certificate.cert)))
        request = watch_request(f"{url}/chat/events", options=options)
        run = watch(request, timeout_s=5, repeat=True)
    first, *repeats = run.observations
    assert (first.http_version, first.outcome, first.records) == ("3", Outcome.COMPLETE, 2)
    # The port answers UDP alone: the repeat over HTTP/1.1 gets nothing, which is no fault of this stream.
    assert {seen.http_version for seen in repeats} == {"3", ""}
    assert [client for client, _ in judge(run).clients] == [Client.HTTP1, Client.HTTP3]


def test_a_stream_of_ones_own_without_tls_cannot_be_watched_over_http3():
    options = ConnectionOptions(protocol=Protocol.HTTP3)
    with pytest.raises(UsageError, match=r"^HTTP/3 at http://127\.0\.0\.1:9"):
        watch(watch_request("http://127.0.0.1:9/chat", options=options))
