"""HTTP/2 on peers that keep its rules: one connection for a page, each frame with its moment, limits and windows."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from flushcheck.measurement.timing import measure
from flushcheck.model import Flow, Outcome, Probe, Transport, Variant
from flushcheck.prober import observe_all
from flushcheck.prober.address import parse
from flushcheck.prober.connections import Connections
from flushcheck.prober.target import Target
from flushcheck.prober.timed_socket import Budget, PeerDelay
from tests.prober.http2_peers import GOAWAY, Http2Peer, Http2Request, frame, https, serve, settings
from tests.prober.peers import end, pace, piece, scripted_server

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.usefixtures("trusted", "patient")

CHUNKED, EVENTS, POLLING = (
    Probe(transport) for transport in (Transport.CHUNKED, Transport.EVENTS, Transport.POLLING)
)
SIX = [Probe(Transport.CHUNKED, variant=Variant.TOGETHER, run=run) for run in range(6)]


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
    # The empty frame that ends a response is no arrival.
    assert all(arrival.size_bytes > 0 for item in seen for arrival in item.arrivals)


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
            time.sleep(0.4)
            assert not peer.waiting
            peer.respond(request, piece(0), end(1))

    with scripted_server(speaks_http2(script, settings(max_concurrent_streams=1)), read_first=False) as url:
        seen = observe_all(SIX[:2], https(url), timeout_s=5)
    assert [item.outcome for item in seen] == [Outcome.COMPLETE] * 2
    first, second = sorted(item.queued_s for item in seen)
    assert (first, second >= 0.2) == (0.0, True)  # a busy machine makes the second request later
    # A request that had to wait is late from the moment when it was made.
    assert max(item.headers_s for item in seen) >= second


def test_a_stream_that_gets_no_place_is_told(speaks_http2):
    def script(peer: Http2Peer) -> None:
        peer.head(peer.request())
        peer.wait_for_close()

    with scripted_server(speaks_http2(script, settings(max_concurrent_streams=1)), read_first=False) as url:
        seen = observe_all(SIX[:2], https(url), timeout_s=1.5)
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


def exchange(url: str, body: bytes, within_s: float) -> bytes:
    """Send a body, and return that of the response."""
    deadline = time.monotonic() + within_s
    connections = Connections(Target(parse(https(url))), deadline + 1)
    with closing(connections), closing(connections.client(CHUNKED, Budget(deadline))) as client:
        client.request("POST", "/x", [("Content-Length", str(len(body)))], body)
        assert client.response().status == 200
        return b"".join(read.data for read in client.body())


def test_a_body_is_sent_as_the_peer_opens_its_window(speaks_http2):
    def script(peer: Http2Peer) -> None:
        request = peer.request()
        while len(peer.received.get(request.stream, b"")) < 300_000:
            peer.read()
        peer.respond(request, b"got it")
        peer.wait_for_close()

    with scripted_server(speaks_http2(script, settings(initial_window_size=20_000)), read_first=False) as url:
        assert exchange(url, b"x" * 300_000, 10) == b"got it"


def test_a_window_that_stays_at_0_is_told(speaks_http2):
    with (
        scripted_server(
            speaks_http2(Http2Peer.wait_for_close, settings(initial_window_size=0)), read_first=False
        ) as url,
        pytest.raises(PeerDelay, match="window stays at 0"),
    ):
        exchange(url, b"x", 1.5)


def test_a_response_before_the_body_was_sent_is_taken(speaks_http2):
    def script(peer: Http2Peer) -> None:
        request = peer.request()
        peer.respond(request, b"enough")
        peer.machine.reset_stream(request.stream, 0)
        peer.flush()
        peer.wait_for_close()

    with scripted_server(speaks_http2(script, settings(initial_window_size=0)), read_first=False) as url:
        assert exchange(url, b"x", 5) == b"enough"


GEVENT = """
from gevent import monkey
monkey.patch_all()
import sys
from flushcheck.model import Probe, Transport
from flushcheck.prober import observe_all
seen = observe_all([Probe(Transport.CHUNKED, run=run) for run in range(4)], sys.argv[1], timeout_s=40)
print([item.outcome.value for item in seen], {item.alpn for item in seen}, max(item.ended_s for item in seen) < 30)
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
