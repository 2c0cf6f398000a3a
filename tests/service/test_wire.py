"""The streams on real gunicorn and gevent: bytes, times, and disconnects."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from contextlib import closing
from itertools import pairwise

import pytest
import requests
import sseclient

from flushcheck.model import EndRecord, Piece, Transport
from flushcheck.streaming.transports import decoder
from tests.service.wire import (
    AT_ONCE_S,
    WITHIN_S,
    OriginServer,
    read_rest,
    read_until,
    request,
    unchunked,
    wait_until,
)

SLOW = "interval=30&count=9"  # a stream that sleeps would see nothing for 30 s
# Paths of streams, and the transport in their log lines.
PATHS = [
    ("/stream/chunked", "chunked"),
    ("/xhr", "chunked"),
    ("/stream/events", "events"),
]


def body(response: bytes) -> bytes:
    return response.partition(b"\r\n\r\n")[2]


def test_each_piece_is_one_chunk_sent_when_due(origin: OriginServer) -> None:
    with closing(origin.ask("/stream/chunked?count=5&interval=0.1&format=delta&end=done")) as stream:
        head, _, data = read_until(stream, b"\r\n\r\n").partition(b"\r\n\r\n")
        assert b"\r\nTransfer-Encoding: chunked\r\n" in head + b"\r\n"
        reads = [(time.monotonic(), data)]
        while b"0\r\n\r\n" not in reads[-1][1]:
            reads.append((time.monotonic(), stream.recv(65_536)))
    chunks, after = unchunked(b"".join(data for _, data in reads))
    assert after == b""
    chunk_decoder = decoder(Transport.CHUNKED)
    decoded = [chunk_decoder.feed(chunk) for chunk in chunks]
    assert [len(records) for records in decoded] == [1] * 6
    pieces = [record for (record,) in decoded if isinstance(record, Piece)]
    assert [piece.seq for piece in pieces] == [0, 1, 2, 3, 4]
    assert pieces[0].at_s == 0
    # A busy machine sends late, and then several in one go, but none too early.
    assert all(earlier.at_s <= later.at_s for earlier, later in pairwise(pieces))
    assert all(piece.at_s >= piece.seq * 0.1 for piece in pieces)


def test_send_times_do_not_drift(origin: OriginServer) -> None:
    response = requests.get(
        f"{origin.url}/stream/chunked?count=60&interval=0.01&format=delta", timeout=WITHIN_S
    )
    pieces = [json.loads(line) for line in response.text.splitlines()]
    late = [piece["at_s"] - piece["seq"] * 0.01 for piece in pieces]
    assert min(late) >= 0
    # Relative sleeps would add up to 60 times the smallest delay.
    assert min(late[30:]) < 0.02


@pytest.mark.parametrize("path", [path for path, _ in PATHS])
def test_the_first_piece_is_sent_at_once(origin: OriginServer, path: str) -> None:
    with closing(origin.ask(f"{path}?{SLOW}")) as stream:
        stream.settimeout(AT_ONCE_S)
        assert b"200 OK" in read_until(stream, b"Water")


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize(("path", "transport"), PATHS)
def test_a_disconnect_stops_the_stream_at_once(
    origin: OriginServer, path: str, transport: str, version: str
) -> None:
    with closing(origin.ask(f"{path}?{SLOW}", version=version)) as stream:
        read_until(stream, b"Water")
    left_s = time.monotonic()
    line = origin.line(route=path)
    assert time.monotonic() - left_s < AT_ONCE_S
    assert (line["transport"], line["pieces"], line["ended"]) == (transport, 1, "gone")


@pytest.mark.parametrize(("path", "transport"), PATHS)
def test_a_reset_stops_the_stream_at_once(origin: OriginServer, path: str, transport: str) -> None:
    with closing(origin.ask(f"{path}?{SLOW}")) as stream:
        read_until(stream, b"Water")
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    line = origin.line(route=path)
    assert (line["pieces"], line["ended"]) == (1, "gone")
    assert line["duration_s"] < AT_ONCE_S


def test_a_disconnect_after_a_pipelined_request_stops_the_stream(origin: OriginServer) -> None:
    with closing(origin.ask(f"/stream/chunked?{SLOW}")) as stream:
        read_until(stream, b"Water")
        stream.sendall(request("/healthz"))
    line = origin.line(route="/stream/chunked")
    assert (line["pieces"], line["ended"]) == (1, "gone")
    assert line["duration_s"] < AT_ONCE_S


@pytest.mark.parametrize("path", [path for path, _ in PATHS])
def test_a_half_closed_client_gets_the_whole_stream(origin: OriginServer, path: str) -> None:
    with closing(origin.ask(f"{path}?count=6&interval=0.1&format=delta&end=done")) as stream:
        first = read_until(stream, b"Water")
        stream.shutdown(socket.SHUT_WR)
        data = body(first + read_rest(stream))
    chunks, after = unchunked(data)
    assert after == b""
    # The liveness probe is there, once: a leading zero in the size of one chunk.
    sizes = re.findall(rb"(?:^|\r\n)(0[0-9A-F]+)\r\n", data)
    assert len(sizes) == 1
    transport = Transport.EVENTS if path.endswith("events") else Transport.CHUNKED
    *pieces, end = decoder(transport).feed(b"".join(chunks))
    assert len(pieces) == 6
    assert isinstance(end, EndRecord)
    assert end.count == 6
    assert origin.line(route=path)["ended"] == "done"


def test_a_client_half_closed_before_the_stream_gets_it_whole(origin: OriginServer) -> None:
    with closing(origin.connect()) as stream:
        stream.sendall(request("/stream/chunked?count=4&interval=0.05"))
        stream.shutdown(socket.SHUT_WR)
        chunks, after = unchunked(body(read_rest(stream)))
    assert (b"".join(chunks), after) == (b"Water in a pipe", b"")


def test_a_disconnect_after_the_liveness_probe_stops_the_stream(origin: OriginServer) -> None:
    with closing(origin.ask(f"/stream/chunked?{SLOW}")) as stream:
        read_until(stream, b"Water\r\n")
        stream.shutdown(socket.SHUT_WR)
        assert stream.recv(10) == b"0"
        left_s = time.monotonic()
    line = origin.line(route="/stream/chunked")
    assert time.monotonic() - left_s < AT_ONCE_S
    assert (line["pieces"], line["ended"]) == (1, "gone")


def test_pipelined_requests_are_answered_in_order(origin: OriginServer) -> None:
    with closing(origin.connect()) as stream:
        first, second = (
            request("/stream/chunked?count=4&interval=0.05"),
            request("/healthz", "Connection: close"),
        )
        stream.sendall(first)
        data = read_until(stream, b"Water")
        stream.sendall(second)
        data += read_rest(stream)
    chunks, after = unchunked(body(data))
    assert b"".join(chunks) == b"Water in a pipe"
    assert after.startswith(b"HTTP/1.1 200 OK")
    assert after.endswith(b'{"status": "alive"}\n')


def test_an_unexpected_body_does_no_harm(origin: OriginServer) -> None:
    with closing(origin.connect()) as stream:
        stream.sendall(request("/stream/chunked?count=4&interval=0.05", "Content-Length: 5") + b"hello")
        stream.sendall(request("/healthz", "Connection: close"))
        chunks, after = unchunked(body(read_rest(stream)))
    assert b"".join(chunks) == b"Water in a pipe"
    assert after.endswith(b'{"status": "alive"}\n')


def test_waiting_uses_no_cpu_time(origin: OriginServer) -> None:
    def cpu_s() -> float:
        pids = subprocess.run(
            ["pgrep", "-P", str(origin.service.pid)], capture_output=True, text=True, check=True
        ).stdout.split()
        with open(f"/proc/{pids[0]}/stat") as stat:  # noqa: PTH123  # no Path for /proc
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    with (
        closing(origin.ask(f"/stream/chunked?{SLOW}")) as half,
        closing(origin.ask(f"/stream/chunked?{SLOW}")) as piped,
    ):
        read_until(half, b"Water\r\n")
        read_until(piped, b"Water\r\n")
        half.shutdown(socket.SHUT_WR)
        piped.sendall(request("/healthz"))
        half.recv(1)
        began_s = cpu_s()
        # Ten polls of another client measure it: two spinning streams would use all the time.
        for cnt in range(10):
            requests.get(f"{origin.url}/stream/polling?cnt={cnt}", timeout=WITHIN_S)
            time.sleep(0.03)
        assert cpu_s() - began_s < 0.2


def test_http_1_0_gets_the_stream_until_the_close(origin: OriginServer) -> None:
    with closing(origin.ask("/stream/chunked?count=4&interval=0.05", version="1.0")) as stream:
        head, _, data = read_rest(stream).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 OK")
    assert b"chunked" not in head
    assert b"Connection: close" in head
    assert data == b"Water in a pipe"


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("path", [*(path for path, _ in PATHS), "/stream/polling", "/", "/healthz"])
def test_head_has_no_body(origin: OriginServer, path: str, version: str) -> None:
    response = origin.fetch(path, method="HEAD", version=version)
    assert response.startswith(f"HTTP/{version} 200 OK".encode())
    assert response.endswith(b"\r\n\r\n")
    assert b"chunked" not in response
    line = origin.line(route=path, method="HEAD")
    assert (line["pieces"], line["ended"]) == (0, "done")


def test_a_connection_stays_open_after_a_stream(origin: OriginServer) -> None:
    with requests.Session() as session:
        for _ in range(2):
            response = session.get(f"{origin.url}/stream/chunked?count=2&interval=0", timeout=WITHIN_S)
            assert response.text == "Water in"
            assert response.headers["Connection"] == "keep-alive"


def test_an_unpaced_stream_does_not_block_others(origin: OriginServer) -> None:
    count, size = 2000, 16_000
    with closing(origin.ask(f"/stream/chunked?count={count}&interval=0&size={size}")) as stream:
        read_until(stream, b"Water")
        # A small response arrives while the large stream is still running.
        requests.get(f"{origin.url}/healthz", timeout=WITHIN_S)
        assert not [line for line in origin.lines() if line["route"] == "/stream/chunked"]


def test_a_quiet_event_stream_has_a_heartbeat(origin: OriginServer) -> None:
    with closing(origin.ask("/stream/events?count=2&interval=0.7&end=none")) as stream:
        text = b"".join(unchunked(body(read_until(stream, b"0\r\n\r\n")))[0])
    assert text == (
        b"retry: 2000\n\nid: 0\ndata: Water\n\n" + b": still here\n\n" * 3 + b"id: 1\ndata:  in\n\n"
    )


def test_a_chunked_stream_has_no_heartbeat(origin: OriginServer) -> None:
    response = requests.get(f"{origin.url}/stream/chunked?count=2&interval=0.5", timeout=WITHIN_S)
    assert response.text == "Water in"


def test_the_records_of_late_pieces_carry_the_real_send_time(origin: OriginServer) -> None:
    path = "/stream/chunked?count=300&interval=0.002&size=60000&format=delta&end=done"
    with closing(origin.ask(path, "Connection: close")) as stream:
        data = read_until(stream, b"\r\n\r\n")
        time.sleep(1.2)  # the delay under test: the client does not read
        data += read_rest(stream)
    chunks, _ = unchunked(body(data))
    *pieces, _end = decoder(Transport.CHUNKED).feed(b"".join(chunks))
    assert len(pieces) == 300
    assert pieces[-1].at_s > 1.2


def test_streams_over_the_limit_are_refused_while_health_checks_work(origin: OriginServer) -> None:
    streams = [origin.ask(f"/stream/chunked?{SLOW}") for _ in range(20)]
    try:
        for stream in streams:
            read_until(stream, b"Water")
        refused = requests.get(f"{origin.url}/stream/events", timeout=WITHIN_S)
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
        assert requests.get(f"{origin.url}/healthz", timeout=WITHIN_S).status_code == 200
        assert requests.get(f"{origin.url}/readyz", timeout=WITHIN_S).status_code == 503
    finally:
        for stream in streams:
            stream.close()
    wait_until(
        lambda: requests.get(f"{origin.url}/readyz", timeout=WITHIN_S).ok or None,
        lambda: "permits are not returned",
    )
    assert origin.line(route="/stream/events")["ended"] == "refused"


def test_a_client_learns_the_number_of_concurrent_streams(origin: OriginServer) -> None:
    # Long enough for all four to be open before the first one ends.
    path = "/stream/chunked?count=3&interval=1&format=delta&end=done"
    streams = [origin.ask(path, "Connection: close") for _ in range(4)]
    concurrent = []
    for stream in streams:
        with closing(stream):
            *_, end = decoder(Transport.CHUNKED).feed(b"".join(unchunked(body(read_rest(stream)))[0]))
            assert isinstance(end, EndRecord)
            concurrent.append(end.request_at_app.concurrent)
    assert max(concurrent) == 4


# Other clients.


def test_curl_receives_piece_by_piece(origin: OriginServer) -> None:
    trace = subprocess.run(
        [
            *("curl", "-sSN", "--trace-time", "--trace-ascii", "-", "-o", "/dev/null"),
            f"{origin.url}/stream/chunked?count=5&interval=0.4",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=WITHIN_S,
    ).stdout
    times = [line.split()[0] for line in trace.splitlines() if "<= Recv data" in line]
    # To a tenth of a second; a busy machine joins some.
    assert len({time[:-5] for time in times}) >= 3


def test_curl_works_with_the_paths_and_headers_of_known_demos(origin: OriginServer) -> None:
    def curl(*arguments: str) -> str:
        return subprocess.run(
            ["curl", "-sSN", *arguments], capture_output=True, text=True, check=True, timeout=WITHIN_S
        ).stdout

    assert curl(f"{origin.url}/xhr?count=2&interval=0").strip() == "Water in"
    assert "event: imouttahere" in curl(
        "-H", "Accept: text/event-stream", f"{origin.url}/?count=2&interval=0"
    )
    assert "<html" in curl(f"{origin.url}/")
    assert "id: 5" in curl("-H", "Last-Event-ID: 4", f"{origin.url}/stream/events?count=6&interval=0")
    assert "HTTP/1.1 204" in curl("-i", "-H", "Last-Event-ID: 5", f"{origin.url}/stream/events?count=6")


def test_requests_and_an_sse_library_receive_every_piece(origin: OriginServer) -> None:
    own = "one\n two\r\n\r\nthree\u2028 水 👩\u200d🚀 end"
    with requests.get(
        f"{origin.url}/stream/events",
        params={"say": own, "interval": "0.02", "unit": "word", "end": "imouttahere"},
        stream=True,
        timeout=WITHIN_S,
    ) as response:
        events = list(sseclient.SSEClient(response.iter_content(None)).events())
    assert events[-1].event == "imouttahere"
    assert "".join(event.data for event in events[:-1]) == own.replace("\r\n", "\n")
    assert [event.id for event in events[:-1]] == [str(seq) for seq in range(len(events) - 1)]
    assert events[-1].data == str(len(events) - 1)


def test_a_resumed_event_stream_loses_and_repeats_no_piece(origin: OriginServer) -> None:
    url = f"{origin.url}/stream/events?count=12&interval=0.02"
    ids: list[int] = []
    for _ in range(12):
        headers = {"Last-Event-ID": str(ids[-1])} if ids else {}
        with requests.get(url, headers=headers, stream=True, timeout=WITHIN_S) as response:
            if response.status_code == 204:
                break
            for event in sseclient.SSEClient(response.iter_content(None)).events():
                if event.id:
                    ids.append(int(event.id))
                if len(ids) % 5 == 0 or event.data == "END":
                    break  # the connection is closed
    assert ids == list(range(12))


def test_a_polling_client_reads_until_the_error(origin: OriginServer) -> None:
    text, cnt = "", 0
    with requests.Session() as session:
        while (
            response := session.get(f"{origin.url}/stream/polling?cnt={cnt}", timeout=WITHIN_S)
        ).status_code == 200:
            text += response.json()["message"]
            cnt += 1
    assert response.status_code == 400
    assert text.endswith("let the water run.\n")


def test_the_log_holds_no_text_of_a_client(origin: OriginServer) -> None:
    secret = "s3cret"
    for path in (f"/stream/chunked?say={secret}&interval=0", f"/{secret}", f"/stream/events?{secret}=1"):
        requests.get(
            origin.url + path, headers={"User-Agent": secret, "Last-Event-ID": secret}, timeout=WITHIN_S
        )
    origin.fetch("/healthz", method=secret.upper())
    lines = [origin.line(status=status) for status in (200, 404, 400, 405)]
    assert all(
        set(line) == {"time", "method", "route", "status", "transport", "pieces", "ended", "duration_s"}
        for line in lines
    )
    assert lines[-1]["method"] == "OTHER"
    assert secret not in json.dumps(origin.lines()).lower()
