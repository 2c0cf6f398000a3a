"""HTTP/2 on peers that keep its rules: one connection for a page, each frame with its moment, WebSocket streams."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import time
from pathlib import Path

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, TextMessage

from flushcheck.measurement import plan
from flushcheck.measurement.timing import measure
from flushcheck.model import Client, Flow, Outcome, Probe, Scenario, Transport, Variant
from flushcheck.prober import observe_all
from tests.prober import peers
from tests.prober.http2_peers import GOAWAY, Http2Peer, Http2Request, frame, settings
from tests.prober.peers import end, event, pace, piece, scripted_server

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.usefixtures("trusted")

CHUNKED, EVENTS, POLLING, SOCKET = (
    Probe(transport)
    for transport in (Transport.CHUNKED, Transport.EVENTS, Transport.POLLING, Transport.WEBSOCKET)
)
SIX = [Probe(Transport.CHUNKED, variant=Variant.TOGETHER, run=run) for run in range(6)]


def https(url: str) -> str:
    return url.replace("http:", "https:")


def serve(peer: Http2Peer) -> None:
    """Respond to every request at once, with a stream of two pieces or with a poll."""
    polls = 0
    while True:
        request = peer.request()
        path = request.headers[":path"]
        if "polling" in path:
            last = polls == 10
            peer.head(request, 400 if last else 200, (("content-type", "application/json"),))
            peer.data(request, poll(polls, last=last), ends=True)
            polls += 1
        elif "events" in path:
            peer.respond(request, event(piece(0)), event(piece(1)), event(end(2), "end"))
        else:
            peer.respond(request, piece(0), piece(1), end(2))


def poll(seq: int, *, last: bool) -> bytes:
    """The body of one poll, or the error that ends them."""
    piece_body = {"message": f"word{seq}", "cnt": seq, "count": plan.POLLS}
    end_body = {"error": f"cnt={seq}", "count": plan.POLLS, "request_at_app": peers.ORIGIN}
    return json.dumps(end_body if last else piece_body).encode()


ALONE = [CHUNKED, EVENTS, *(Probe(Transport.CHUNKED, variant=variant) for variant in list(Variant)[1:6])]


@pytest.mark.parametrize(
    ("probes", "count"),
    [(SIX, 1), (ALONE[:6], 1), (ALONE, 2), ([*ALONE[:6], *SIX], 2)],
    ids=["asked for at once", "six", "one more", "six beside those at once"],
)
def test_browser_probes_share_a_connection_by_six(speaks_http2, probes, count):
    connections: list[Http2Peer] = []

    def script(peer: Http2Peer) -> None:
        connections.append(peer)
        serve(peer)

    offered = settings(max_concurrent_streams=128, initial_window_size=65_536, max_header_list_size=9_000)
    with scripted_server(speaks_http2(script, offered), read_first=False) as url:
        seen = observe_all(probes, https(url), timeout_s=5)
    assert [(item.outcome, item.detail) for item in seen] == [(Outcome.COMPLETE, "")] * len(probes)
    assert len(connections) == count
    assert {item.settings for item in seen} == {((3, 128), (4, 65_536), (6, 9_000))}
    assert {(item.alpn, item.tls_version, item.http_version) for item in seen} == {("h2", "TLSv1.3", "2")}
    assert all(item.connect_s > 0 for item in seen)


def test_a_request_is_made_as_a_browser_makes_it(speaks_http2):
    requests: list[Http2Request] = []
    offers: list[dict[int, int]] = []

    def script(peer: Http2Peer) -> None:
        requests.append(peer.request())
        offers.append({int(code): value for code, value in peer.machine.remote_settings.items()})
        peer.respond(requests[0], piece(0), end(1))

    with scripted_server(speaks_http2(script), read_first=False) as url:
        observe_all([CHUNKED], https(url), timeout_s=5)
    headers = requests[0].headers
    assert list(headers)[:4] == [":method", ":authority", ":scheme", ":path"]
    assert (headers[":method"], headers[":scheme"]) == ("GET", "https")
    assert headers[":authority"] == url.removeprefix("http://")
    assert headers["accept-encoding"] == "gzip, deflate, br, zstd"
    assert not {"connection", "host"} & set(headers)
    assert {1: 65_536, 2: 0, 4: 6_291_456, 6: 262_144}.items() <= offers[0].items()


def test_each_frame_has_the_moment_and_the_size_with_which_it_came(speaks_http2):
    def script(peer: Http2Peer) -> None:
        request = peer.request()
        peer.head(request)
        for seq, at_s in pace(20, 0.05):
            peer.data(request, piece(seq, at_s))
        peer.data(request, end(20), ends=True)

    with scripted_server(speaks_http2(script), read_first=False) as url:
        (seen,) = observe_all([CHUNKED], https(url), timeout_s=5)
    assert (seen.outcome, measure(seen).flow) == (Outcome.COMPLETE, Flow.FLOWING)
    frames = [size for arrival in seen.arrivals for size in arrival.frame_bytes]
    assert sum(frames) == sum(arrival.size_bytes for arrival in seen.arrivals)
    records = [size for arrival in seen.arrivals for size in arrival.record_bytes]
    # A frame has 9 bytes of its own, a record of TLS 1.3 has 17.
    assert records[:19] == [size + 9 + 17 for size in frames[:19]]


def test_a_large_body_never_waits_for_the_clients_window(speaks_http2):
    size = 3_000_000

    def script(peer: Http2Peer) -> None:
        request = peer.request()
        peer.head(request)
        # Three windows of the smallest size that a client may have, in one go.
        for _ in range(0, size, 16_000):
            assert peer.machine.local_flow_control_window(request.stream) >= 16_000
            peer.data(request, b"\n" * 16_000)
        peer.data(request, piece(0) + end(1), ends=True)

    with scripted_server(speaks_http2(script), read_first=False) as url:
        (seen,) = observe_all([CHUNKED], https(url), timeout_s=10)
    assert seen.outcome is Outcome.COMPLETE
    assert max(size for arrival in seen.arrivals for size in arrival.frame_bytes) == 16_000


def test_polls_are_streams_of_one_connection(speaks_http2):
    with scripted_server(speaks_http2(serve), read_first=False) as url:
        (seen,) = observe_all([POLLING], https(url), timeout_s=5)
    assert (seen.outcome, seen.detail, len(seen.pieces)) == (Outcome.COMPLETE, "", 10)
    assert all(len(arrival.frame_bytes) == 1 for arrival in seen.arrivals)


def test_a_stream_beyond_the_limit_waits_for_a_place(speaks_http2):
    def script(peer: Http2Peer) -> None:
        for _ in range(2):
            request = peer.request()
            time.sleep(0.1)
            assert not peer.waiting
            peer.respond(request, piece(0), end(1))

    with scripted_server(speaks_http2(script, settings(max_concurrent_streams=1)), read_first=False) as url:
        seen = observe_all(SIX[:2], https(url), timeout_s=5)
    assert [item.outcome for item in seen] == [Outcome.COMPLETE] * 2


def test_a_stream_that_gets_no_place_is_told(speaks_http2):
    def script(peer: Http2Peer) -> None:
        peer.head(peer.request())
        peer.wait_for_close()

    with scripted_server(speaks_http2(script, settings(max_concurrent_streams=1)), read_first=False) as url:
        seen = observe_all(SIX[:2], https(url), timeout_s=0.6)
    assert {item.outcome for item in seen} == {Outcome.TIMEOUT}
    details = [item.detail for item in seen]
    assert sum("stream not opened: MAX_CONCURRENT_STREAMS=1" in detail for detail in details) == 1, details


def test_one_stream_that_breaks_leaves_the_others_alone(speaks_http2):
    def script(peer: Http2Peer) -> None:
        first, second = peer.request(), peer.request()
        peer.head(first)
        peer.data(first, piece(0))
        peer.machine.reset_stream(first.stream, 2)
        peer.flush()
        peer.respond(second, piece(0), end(1))
        peer.wait_for_close()

    with scripted_server(speaks_http2(script), read_first=False) as url:
        seen = observe_all(SIX[:2], https(url), timeout_s=5)
    assert sorted(item.outcome for item in seen) == [Outcome.COMPLETE, Outcome.CUT]
    assert "the server reset the stream: INTERNAL_ERROR" in "".join(item.detail for item in seen)


def test_what_is_under_way_goes_on_after_a_graceful_goaway(speaks_http2):
    connections: list[Http2Peer] = []

    def script(peer: Http2Peer) -> None:
        connections.append(peer)
        request = peer.request()
        peer.head(request)
        peer.data(request, piece(0))
        if len(connections) == 1:
            peer.raw(frame(GOAWAY, 0, 0, request.stream.to_bytes(4, "big") + bytes(4)))
        peer.data(request, piece(1) + end(2), ends=True)
        peer.wait_for_close()

    with scripted_server(speaks_http2(script), read_first=False) as url:
        seen = observe_all(SIX[:2], https(url), timeout_s=5)
    # The second request is sent again over a connection of its own, as a browser does.
    assert [(item.outcome, item.detail) for item in seen] == [(Outcome.COMPLETE, "")] * 2
    assert len(connections) == 2


def test_a_refused_stream_is_asked_for_once_more(speaks_http2):
    def script(peer: Http2Peer) -> None:
        peer.machine.reset_stream(peer.request().stream, 7)
        peer.flush()
        peer.respond(peer.request(), piece(0), end(1))

    with scripted_server(speaks_http2(script), read_first=False) as url:
        (seen,) = observe_all([CHUNKED], https(url), timeout_s=5)
    assert (seen.outcome, seen.detail) == (Outcome.COMPLETE, "")


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


def test_http_3_is_told_to_be_missing():
    (seen,) = observe_all([Probe(Transport.CHUNKED, client=Client.HTTP3)], "https://127.0.0.1:1", timeout_s=1)
    assert (seen.outcome, seen.detail) == (Outcome.UNREACHABLE, "this flushcheck does not speak HTTP/3")


def test_a_certificate_that_is_not_trusted_is_told_to_all_that_would_share(speaks_http2, monkeypatch):
    monkeypatch.setattr("flushcheck.prober.connections.connect", _refuse)
    seen = observe_all(SIX, "https://127.0.0.1:1", timeout_s=5)
    assert {(item.outcome, item.detail) for item in seen} == {(Outcome.UNREACHABLE, "refused")}


def _refuse(*_, **__):
    from flushcheck.prober.timed_socket import Unreachable

    raise Unreachable("refused")


GEVENT = """
from gevent import monkey
monkey.patch_all()
import sys
from flushcheck.model import Probe, Transport
from flushcheck.prober import observe_all
seen = observe_all([Probe(Transport.CHUNKED, run=run) for run in range(4)], sys.argv[1], timeout_s=10)
print([item.outcome.value for item in seen], {item.alpn for item in seen}, max(item.ended_s for item in seen) < 2)
"""


def test_it_works_under_gevent_as_the_service_runs_it(speaks_http2):
    def script(peer: Http2Peer) -> None:
        requests = [peer.request() for _ in range(4)]
        for request in requests:
            peer.head(request)
        for seq, at_s in pace(10, 0.05):
            for request in requests:
                peer.data(request, piece(seq, at_s))
        for request in requests:
            peer.data(request, end(10), ends=True)
        peer.wait_for_close()

    with scripted_server(speaks_http2(script), read_first=False) as url:
        command = [sys.executable, "-c", GEVENT, https(url)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.stdout == f"{['complete'] * 4} {{'h2'}} True\n"
