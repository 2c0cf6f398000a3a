"""Pretended holds on real gunicorn, with the engine and without: what the product's own measure calls them."""

from __future__ import annotations

import gzip
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import pytest

from flushcheck import judge
from flushcheck.measurement.timing import measure
from flushcheck.model import PRETEND_HEADER, Flow, Observation, Probe, Run, Scenario, Transport, Verdict
from flushcheck.prober.address import parse
from flushcheck.prober.observe import observe_round
from flushcheck.prober.stall_monitor import StallMonitor
from flushcheck.prober.target import Target
from tests.service.wire import AT_ONCE_S, OriginServer, json_of, read_rest, unchunked


@dataclass(frozen=True)
class PretendingTarget(Target):
    """A service whose address has `pretend` in its query."""

    rule: str = ""

    def request_target(self, suffix: str) -> str:
        return f"{Target.request_target(self, suffix)}&pretend={self.rule}"


FLOWS = [
    # rule, transport, flow, bytes of a block or milliseconds of a tick; 0: not compared
    ("blocks-4096", Transport.CHUNKED, Flow.BLOCKS, 4096),
    ("blocks-4096", Transport.EVENTS, Flow.BLOCKS, 4096),
    ("blocks-16384", Transport.CHUNKED, Flow.BLOCKS, 16_384),
    ("end", Transport.CHUNKED, Flow.HELD, 0),
    ("end", Transport.EVENTS, Flow.HELD, 0),
    ("gzip", Transport.CHUNKED, Flow.HELD, 0),
    ("gzip", Transport.EVENTS, Flow.HELD, 0),
    ("ticks-200", Transport.CHUNKED, Flow.TICKS, 200),
    ("ticks-200", Transport.EVENTS, Flow.TICKS, 200),
    ("ticks-200", Transport.WEBSOCKET, Flow.TICKS, 200),
    ("cut-0.6", Transport.CHUNKED, Flow.CUT, 0),
    ("cut-0.6", Transport.EVENTS, Flow.CUT, 0),
    ("cut-0.6", Transport.WEBSOCKET, Flow.CUT, 0),
]


def observed(origin: OriginServer, rule: str, transport: Transport) -> Observation:
    probe = Probe(transport, Scenario.KILO)
    target = PretendingTarget(parse(origin.url), rule=rule)
    with StallMonitor() as stalls:
        (observation,) = observe_round((probe,), target, (), 10.0, stalls)
    return observation


def is_as_pretended(observation: Observation, flow: Flow, size: int) -> bool:
    timing = measure(observation)
    if flow is Flow.BLOCKS:
        return timing.flow is flow and timing.hold_bytes == pytest.approx(size, rel=0.03)
    return timing.flow is flow and (not size or timing.period_s == pytest.approx(size / 1000, rel=0.1))


def test_the_measure_names_each_pretended_hold_and_no_report_names_a_culprit(origin: OriginServer) -> None:
    # A busy machine may delay one stream so that it looks like another; a wrong hold fails each time.
    left, seen = FLOWS, []
    for _ in range(3):
        with ThreadPoolExecutor(len(left)) as pool:
            observations = list(pool.map(lambda row: observed(origin, row[0], row[1]), left))
        for (rule, _, _, _), observation in zip(left, observations, strict=True):
            assert observation.pretended == rule
            report = judge(Run(origin.url, (observation,)))
            assert (report.verdict, report.culprits) == (Verdict.UNKNOWN, ()), report.headline
            assert f"pretend={rule}" in report.headline
        seen = list(zip(left, observations, strict=True))
        left = [row for row, observation in seen if not is_as_pretended(observation, row[2], row[3])]
        if not left:
            return
    pytest.fail(f"{left}: {[measure(observation) for row, observation in seen if row in left]}")


def test_blocks_are_cut_to_the_byte_and_lose_nothing(origin: OriginServer) -> None:
    query = "count=60&interval=0&size=333&pad=100"
    plain = unchunked(origin.fetch(f"/stream/chunked?{query}").partition(b"\r\n\r\n")[2])[0]
    head, _, body = origin.fetch(f"/stream/chunked?{query}&pretend=blocks-4096").partition(b"\r\n\r\n")
    chunks, after = unchunked(body)
    assert (b"".join(chunks), after) == (b"".join(plain), b"")
    assert all(len(chunk) % 4096 == 0 for chunk in chunks[:-1])
    assert f"\r\n{PRETEND_HEADER}: blocks-4096\r\n".encode() in head


def test_gzip_is_a_real_gzip_stream(origin: OriginServer) -> None:
    query = "count=60&interval=0&text=zh"
    plain = unchunked(origin.fetch(f"/stream/chunked?{query}").partition(b"\r\n\r\n")[2])[0]
    response = origin.fetch(f"/stream/chunked?{query}&pretend=gzip", "Accept-Encoding: gzip")
    head, _, body = response.partition(b"\r\n\r\n")
    chunks, _ = unchunked(body)
    assert b"\r\nContent-Encoding: gzip\r\n" in head
    assert b"\r\nVary: Accept-Encoding\r\n" in head
    assert gzip.decompress(b"".join(chunks)) == b"".join(plain)


def test_a_stream_without_the_parameter_is_the_same_before_and_after(origin: OriginServer) -> None:
    path = "/stream/events?count=4&interval=0"
    before = origin.fetch(path)
    origin.fetch(f"{path}&pretend=end")
    date = re.compile(rb"\r\nDate: [^\r]*")
    assert date.sub(b"", origin.fetch(path)) == date.sub(b"", before)
    assert PRETEND_HEADER.encode() not in before


def test_an_event_stream_says_so_in_a_comment(origin: OriginServer) -> None:
    body = origin.fetch("/stream/events?count=2&interval=0&pretend=end").partition(b"\r\n\r\n")[2]
    (chunk,), _ = unchunked(body)
    assert chunk.startswith(f": {PRETEND_HEADER}: end\n\nretry: 2000\n\nid: 0\n".encode())


@pytest.mark.parametrize("path", ["/stream/chunked", "/stream/events", "/xhr"])
def test_a_cut_has_no_last_chunk_and_is_logged_as_what_it_is(origin: OriginServer, path: str) -> None:
    response = origin.fetch(f"{path}?count=50&interval=0.1&pretend=cut-0.3")
    assert response.startswith(b"HTTP/1.1 200 ")
    assert not response.endswith(b"0\r\n\r\n")
    line = origin.line(route=path, ended="pretended")
    # On a busy machine some pieces are due together, and the cut comes later.
    assert 1 <= line["pieces"] < 20
    assert 0.25 < line["duration_s"] < 4, "by itself it takes 5 s"


def test_a_client_that_leaves_a_held_stream_gives_its_place_back(origin: OriginServer) -> None:
    with closing(origin.ask("/stream/chunked?count=9&interval=30&pretend=end")) as stream:
        stream.settimeout(0.3)
        with pytest.raises(TimeoutError):
            stream.recv(1)
    line = origin.line(route="/stream/chunked", ended="gone")
    assert line["duration_s"] < AT_ONCE_S


def test_no_byte_goes_out_before_the_header_of_a_held_stream(origin: OriginServer) -> None:
    # A half-closed client gets a liveness byte on other streams: here it would come before the header.
    with closing(origin.ask("/stream/chunked?count=3&interval=0.4&pretend=end")) as stream:
        stream.shutdown(1)
        assert read_rest(stream)[:9] in (b"", b"HTTP/1.1 ")


def test_a_handshake_says_so_too(origin: OriginServer) -> None:
    handshake = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    )
    for _ in range(2):  # the second request of a kind may go another way
        with closing(origin.ask("/stream/ws?count=9&interval=0.2&pretend=cut-0.1", *handshake)) as connection:
            head, _, frames = read_rest(connection).partition(b"\r\n\r\n")
        assert f"\r\n{PRETEND_HEADER}: cut-0.1".encode() in head
        assert frames == b"\x81\x05Water"


REFUSED = [
    # path, request headers, in the error
    ("/stream/polling?pretend=end", {}, "pretend=end for polling"),
    ("/stream/polling?pretend=cut-2&cnt=3", {}, "pretend=cut-2 for polling"),
    ("/stream/chunked?pretend=gzip", {"Accept-Encoding": "br"}, "curl --compressed"),
    ("/stream/chunked?pretend=gzip", {"Accept-Encoding": "gzip;q=0"}, "curl --compressed"),
    ("/stream/events?pretend=blocks-1", {}, "pretend=blocks-1: expected end, gzip, blocks-N"),
]


@pytest.mark.parametrize(("path", "headers", "error"), REFUSED)
def test_what_cannot_be_pretended_is_refused_with_an_example(client, path, headers, error):
    response = client.get(path, headers=headers)
    assert response.status_code == 400
    assert error in json_of(response)["error"]
    assert "for example " in json_of(response)["error"]


def test_a_server_that_hands_out_no_connection_cannot_cut_it(client):
    response = client.get("/stream/chunked?pretend=cut-2", environ_overrides={"SERVER_SOFTWARE": "uwsgi"})
    assert response.status_code == 400
    assert "this server (uwsgi) does not hand out the connection" in json_of(response)["error"]
