"""Which client speaks what: ALPN, WebSockets as streams or on a connection of their own, tunnels through proxies."""

from __future__ import annotations

import queue

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, TextMessage

from flushcheck.model import Client, Outcome, Probe, Scenario, Transport, Variant
from flushcheck.prober import ConnectionOptions, observe_all
from flushcheck.prober.proxy_server import parse_proxy
from flushcheck.prober.target import Protocol
from tests.prober import peers
from tests.prober.http2_peers import Http2Peer, Http2Request, https, serve, settings
from tests.prober.peers import end, piece, scripted_server
from tests.prober.proxies import Proxy

pytestmark = pytest.mark.usefixtures("trusted", "patient")

CHUNKED, EVENTS, SOCKET = (
    Probe(transport) for transport in (Transport.CHUNKED, Transport.EVENTS, Transport.WEBSOCKET)
)
SIX = [Probe(Transport.CHUNKED, variant=Variant.TOGETHER, run=run) for run in range(6)]


def websocket(peer: Http2Peer, request: Http2Request, status: int = 200) -> None:
    """Open a WebSocket on a stream, send two records, and close."""
    frames = Connection(ConnectionType.SERVER)
    peer.head(request, status, ())
    for line in (piece(0), end(1)):
        peer.data(request, frames.send(TextMessage(data=line.decode().strip())))
    peer.data(request, frames.send(CloseConnection(1000)))
    peer.wait_for_close()


def test_a_websocket_is_a_stream_where_the_settings_offer_it(speaks_http2):
    requests: list[Http2Request] = []
    received: queue.Queue[dict[int, bytes]] = queue.Queue()

    def script(peer: Http2Peer) -> None:
        requests.append(peer.request())
        websocket(peer, requests[0])
        received.put(peer.received)

    offered = settings(enable_connect_protocol=1)
    with scripted_server(speaks_http2(script, offered), read_first=False) as url:
        (seen,) = observe_all([SOCKET], https(url), timeout_s=5)
    assert (seen.outcome, seen.detail, seen.alpn) == (Outcome.COMPLETE, "", "h2")
    headers = requests[0].headers
    assert (headers[":method"], headers[":protocol"], headers["sec-websocket-version"]) == (
        "CONNECT",
        "websocket",
        "13",
    )
    assert "sec-websocket-key" not in headers
    (frames,) = received.get(timeout=5).values()
    assert frames[:2] == b"\x88\x82", "a masked close frame with a code"


def test_a_websocket_that_is_refused_on_a_stream_says_how(speaks_http2):
    def script(peer: Http2Peer) -> None:
        request = peer.request()
        peer.head(request, 400)
        peer.data(request, b'{"error": "no key"}', ends=True)
        peer.wait_for_close()

    with scripted_server(speaks_http2(script, settings(enable_connect_protocol=1)), read_first=False) as url:
        (seen,) = observe_all([SOCKET], https(url), timeout_s=5)
    assert (seen.outcome, seen.detail) == (Outcome.REFUSED, "status 400: no key")


def test_a_websocket_takes_a_second_connection_over_http1_where_they_do_not(server_context):
    chosen: list[str | None] = []

    def script(client: peers.Client) -> None:
        with server_context("h2", "http/1.1").wrap_socket(client.sock, server_side=True) as sock:
            chosen.append(sock.selected_alpn_protocol())
            if chosen[-1] == "h2":
                peer = Http2Peer(sock, {})
                peer.begin()
                peer.wait_for_close()
            elif (inner := peers.Client(sock)).read_request():
                inner.respond(400, b'{"error": "no"}')

    with scripted_server(script, read_first=False) as url:
        (seen,) = observe_all([SOCKET], https(url), timeout_s=5)
    assert chosen == ["h2", "http/1.1"]
    assert (seen.outcome, seen.detail, seen.alpn) == (Outcome.REFUSED, "status 400: no", "http/1.1")


CHOICES = [
    # client        what the server offers   what is spoken
    (Client.BROWSER, ("h2", "http/1.1"),     ("h2", "2")),
    (Client.BROWSER, ("http/1.1",),          ("http/1.1", "1.1")),
    (Client.BROWSER, (),                     ("", "1.1")),
    (Client.HTTP1,   ("h2", "http/1.1"),     ("http/1.1", "1.1")),
    (Client.HTTP1,   (),                     ("", "1.1")),
]  # fmt: skip


@pytest.mark.parametrize(("client", "offered", "spoken"), CHOICES)
def test_a_client_offers_what_it_is_and_follows_the_choice(client, offered, spoken, server_context):
    def script(raw: peers.Client) -> None:
        with server_context(*offered).wrap_socket(raw.sock, server_side=True) as sock:
            if sock.selected_alpn_protocol() == "h2":
                peer = Http2Peer(sock, {})
                peer.begin()
                serve(peer)
            elif (inner := peers.Client(sock)).read_request():
                inner.send(peers.TO_CLOSE + piece(0) + end(1))
                sock.unwrap()

    probes = [
        Probe(Transport.CHUNKED, scenario, client=client) for scenario in (Scenario.TOKEN, Scenario.KILO)
    ]
    with scripted_server(script, read_first=False) as url:
        seen = observe_all(probes, https(url), timeout_s=5)
    assert [(item.outcome, item.detail) for item in seen] == [(Outcome.COMPLETE, "")] * 2
    assert {(item.alpn, item.http_version) for item in seen} == {spoken}
    assert all(item.settings == () for item in seen)


def test_a_client_of_http_1_0_never_offers_http_2(speaks_tls):
    def script(client: peers.Client) -> None:
        assert client.request.splitlines()[0].endswith(b"HTTP/1.0")
        client.send(peers.TO_CLOSE + piece(0) + end(1))

    with scripted_server(speaks_tls(script, "h2", "http/1.1"), read_first=False) as url:
        (seen,) = observe_all([Probe(Transport.CHUNKED, variant=Variant.HTTP10)], https(url), timeout_s=5)
    assert (seen.outcome, seen.alpn) == (Outcome.COMPLETE, "http/1.1")


def test_a_caller_who_chose_http_1_1_offers_nothing_else(speaks_tls):
    def script(client: peers.Client) -> None:
        client.send(peers.TO_CLOSE + piece(0) + end(1))

    options = ConnectionOptions(protocol=Protocol.HTTP1)
    with scripted_server(speaks_tls(script, "h2", "http/1.1"), read_first=False) as url:
        (seen,) = observe_all([CHUNKED], https(url), timeout_s=5, options=options)
    assert (seen.outcome, seen.alpn) == (Outcome.COMPLETE, "http/1.1")


def test_a_certificate_that_is_not_trusted_is_told_to_all_that_would_share(speaks_http2, monkeypatch):
    monkeypatch.setattr("flushcheck.prober.connections.connect", _refuse)
    seen = observe_all(SIX, "https://127.0.0.1:1", timeout_s=5)
    assert {(item.outcome, item.detail) for item in seen} == {(Outcome.UNREACHABLE, "refused")}


def _refuse(*_, **__):
    from flushcheck.prober.timed_socket import Unreachable

    raise Unreachable("refused")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_makes_one_tunnel_for_all_streams(scheme, speaks_http2, server_context):
    proxy = Proxy()

    def over_tls(client: peers.Client) -> None:
        with server_context().wrap_socket(client.sock, server_side=True) as sock:
            proxy.http(peers.Client(sock))

    with (
        scripted_server(speaks_http2(serve), read_first=False) as url,
        scripted_server(over_tls if scheme == "https" else proxy.http, read_first=False) as at,
    ):
        options = ConnectionOptions(proxy=parse_proxy(at.replace("http:", f"{scheme}:")))
        seen = observe_all([CHUNKED, EVENTS], https(url), timeout_s=5, options=options)
    assert [(item.outcome, item.detail, item.alpn) for item in seen] == [(Outcome.COMPLETE, "", "h2")] * 2
    assert proxy.requests == [f"CONNECT {url.removeprefix('http://')} HTTP/1.1"]
