"""The WebSocket stream on real gunicorn and gevent, with a client that is not ours and by raw frames."""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import requests
import websocket
from websocket import ABNF, WebSocket, WebSocketBadStatusException

from flushcheck.model import EndRecord, Transport
from flushcheck.service.application import create_app
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.transports import decoder
from tests.service.wire import AT_ONCE_S, WITHIN_S, OriginServer, json_of, read_rest, read_until

PATH = "/stream/ws"
SLOW = f"{PATH}?interval=30&count=9"
HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)


@contextmanager
def connected(origin: OriginServer, path: str, *headers: str) -> Iterator[WebSocket]:
    """A WebSocket of websocket-client's, whose connection is closed whatever happens."""
    ws = websocket.create_connection(
        f"ws://127.0.0.1:{origin.port}{path}", timeout=WITHIN_S, header=list(headers)
    )
    try:
        yield ws
    finally:
        ws.shutdown()


def messages(ws: WebSocket) -> tuple[list[str], int]:
    """All texts until the close frame, and its code."""
    texts: list[str] = []
    while True:
        opcode, data = ws.recv_data()
        if opcode == ABNF.OPCODE_CLOSE:
            return texts, struct.unpack("!H", data[:2])[0]
        assert opcode == ABNF.OPCODE_TEXT
        texts.append(data.decode())


def frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """A client's frame: masked with zeros, so that the payload shows. RFC 6455, section 5.2."""
    size = len(payload)
    head = bytes([opcode | (0x80 if fin else 0)])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65_536:
        head += b"\xfe" + struct.pack("!H", size)
    else:
        head += b"\xff" + struct.pack("!Q", size)
    return head + b"\0\0\0\0" + payload


def test_each_piece_is_a_message_and_the_end_a_close(origin: OriginServer) -> None:
    with connected(origin, f"{PATH}?count=4&interval=0.05") as ws:
        assert messages(ws) == (["Water", " in", " a", " pipe"], 1000)
    line = origin.line(route=PATH)
    assert (line["status"], line["transport"], line["pieces"], line["ended"]) == (101, "websocket", 4, "done")


def test_the_delta_framing_says_moments_and_what_the_service_saw(origin: OriginServer) -> None:
    with connected(origin, f"{PATH}?count=4&interval=0.05&format=delta&end=done", "Via: 1.1 x") as ws:
        texts, code = messages(ws)
    records = decoder(Transport.WEBSOCKET)
    *pieces, end = [one for text in texts for one in records.feed(text.encode())]
    assert code == 1000
    assert [piece.seq for piece in pieces if not isinstance(piece, EndRecord)] == [0, 1, 2, 3]
    assert all(piece.at_s >= index * 0.05 for index, piece in enumerate(pieces))
    assert isinstance(end, EndRecord)
    assert (end.count, end.request_at_app.upgrade.lower(), end.request_at_app.websocket_key) == (
        4,
        "websocket",
        True,
    )
    assert (end.request_at_app.via, end.request_at_app.connection, end.request_at_app.concurrent) == (
        "1.1 x",
        "Upgrade",
        1,
    )


def test_a_piece_is_never_cut_inside_a_character(origin: OriginServer) -> None:
    with connected(origin, f"{PATH}?text=zh&unit=char&interval=0&count=115") as ws:
        texts, _ = messages(ws)
    assert "".join(texts).startswith("水在管子里流动，从不等到水桶装满才出发。")


ASKED = [
    # what the client says, the close code, how the log says it ended
    (frame(1, b"stop"), 1000, "stopped"),
    (frame(1, b"st", fin=False) + frame(0, b"op"), 1000, "stopped"),
    (frame(1, b"hello") + frame(1, b"stop"), 1000, "stopped"),
    (frame(2, b"stop"), 1003, "refused"),
    (frame(2, b""), 1003, "refused"),
    (frame(1, b"x" * 5000), 1009, "refused"),
    (frame(1, b"x" * 3000, fin=False) + frame(0, b"x" * 3000), 1009, "refused"),
    (frame(1, b"x" * 10_000_000), 1009, "refused"),
    (frame(8, struct.pack("!H", 1000)), 1000, "gone"),
    (frame(8, struct.pack("!H", 4321) + b"bye"), 4321, "gone"),
    (frame(1, b"\xff\xfe"), 1007, "gone"),
    (b"\x81\x04stop", 1002, "gone"),  # a client's frame without a mask: RFC 6455, section 5.1
    (frame(3, b""), 1002, "gone"),  # an opcode that means nothing
    (b"\xc1\x84\0\0\0\0stop", 1002, "gone"),  # compressed, which was not negotiated
    (frame(9, b"x" * 200), 1002, "gone"),  # a control frame longer than 125 bytes
]


@pytest.mark.parametrize(
    ("said", "code", "ended"), ASKED, ids=[f"{s[:1].hex()}-{c}-{len(s)}" for s, c, _ in ASKED]
)
def test_a_conversation_ends_with_the_right_code_at_once(origin: OriginServer, said, code, ended):
    with closing(origin.ask(SLOW, *HANDSHAKE)) as ws:
        read_until(ws, b"Water")
        said_s = time.monotonic()
        ws.sendall(said)
        closing_frame = read_until(ws, b"\x88")
        assert struct.unpack("!H", closing_frame[2:4])[0] == code
        assert time.monotonic() - said_s < AT_ONCE_S
        if said[:1] != b"\x88":  # the side that began the close sends no more
            ws.sendall(frame(8, closing_frame[2:4]))
        assert read_rest(ws) == b""
    line = origin.line(route=PATH)
    assert (line["pieces"], line["ended"]) == (1, ended)
    assert line["duration_s"] < AT_ONCE_S


def test_a_close_without_a_code_is_answered(origin: OriginServer) -> None:
    with closing(origin.ask(SLOW, *HANDSHAKE)) as ws:
        read_until(ws, b"Water")
        ws.sendall(frame(8, b""))
        assert read_rest(ws)[:1] == b"\x88"
    assert origin.line(route=PATH)["ended"] == "gone"


@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
def test_a_client_that_goes_away_stops_its_stream_at_once(origin: OriginServer, how: str) -> None:
    with closing(origin.ask(SLOW, *HANDSHAKE)) as ws:
        read_until(ws, b"Water")
        if how == "reset":
            ws.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if how == "half-close":  # without a close frame first, that is an end too
            ws.shutdown(socket.SHUT_WR)
            read_rest(ws)
    line = origin.line(route=PATH)
    assert (line["pieces"], line["ended"]) == (1, "gone")
    assert line["duration_s"] < AT_ONCE_S


def test_a_client_that_goes_away_in_the_handshake_leaves_no_trace(origin: OriginServer) -> None:
    for _ in range(20):
        with closing(origin.ask(SLOW, *HANDSHAKE)) as ws:
            ws.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    requests.get(f"{origin.url}/healthz", timeout=WITHIN_S)
    assert "Traceback" not in origin.service.output()


def test_a_ping_is_answered_while_the_stream_is_quiet(origin: OriginServer) -> None:
    with connected(origin, SLOW) as ws:
        assert ws.recv() == "Water"
        ws.ping("are you there")
        assert ws.recv_data(control_frame=True) == (ABNF.OPCODE_PONG, b"are you there")


def test_compression_is_never_agreed_to(origin: OriginServer) -> None:
    offer = "permessage-deflate; client_max_window_bits"
    with connected(origin, f"{PATH}?count=2&interval=0", f"Sec-WebSocket-Extensions: {offer}") as ws:
        assert "sec-websocket-extensions" not in (ws.getheaders() or {})
        assert messages(ws) == (["Water", " in"], 1000)


REFUSED = [
    # name, headers, status, what the response says it saw
    ("no Upgrade, as behind a plain proxy", HANDSHAKE[2:], 400, {"upgrade": "", "websocket_key": True}),
    ("Connection: close", ("Connection: close", *HANDSHAKE[1:]), 400, {"connection": "close"}),
    ("a plain GET", (), 400, {"websocket_key": False}),
    ("an old version", (*HANDSHAKE[:3], "Sec-WebSocket-Version: 8"), 426, {"upgrade": "websocket"}),
    ("no version", HANDSHAKE[:3], 426, {"upgrade": "websocket"}),
    ("no key", (*HANDSHAKE[:2], HANDSHAKE[3]), 400, {"websocket_key": False}),
    ("a bad key", (*HANDSHAKE[:2], "Sec-WebSocket-Key: x", HANDSHAKE[3]), 400, {"websocket_key": True}),
]


@pytest.mark.parametrize(("name", "headers", "status", "seen"), REFUSED, ids=[name for name, *_ in REFUSED])
def test_a_handshake_that_cannot_be_is_answered_with_what_came_through(
    origin: OriginServer, name, headers, status, seen
):
    with closing(origin.ask(PATH, *headers)) as connection:
        head, _, body = read_until(connection, b"}}\n").partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert (b"\r\nSec-WebSocket-Version: 13" in head) == (status == 426)
    said = json.loads(body)
    assert said["error"]
    assert {key: said["request_at_app"][key] for key in seen} == seen
    assert origin.line(route=PATH)["ended"] == "refused"


def test_a_bad_parameter_is_refused_before_the_handshake(origin: OriginServer) -> None:
    with pytest.raises(WebSocketBadStatusException) as refused, connected(origin, f"{PATH}?interval=x"):
        pass
    assert refused.value.status_code == 400
    assert b"expected 0 to 300 seconds" in (refused.value.resp_body or b"")


def test_odd_headers_do_not_fail_the_handshake(origin: OriginServer) -> None:
    odd = (
        "X-Odd: \xe9\xff",
        "Sec-WebSocket-Protocol: chat, \xe9",
        "Sec-WebSocket-Extensions: ;;;,,,=",
        "Cookie: " + "x" * 5000,
        "Content-Length: 0",
    )
    with closing(origin.connect()) as ws:
        lines = [f"GET {PATH}?count=1&interval=0 HTTP/1.1", "Host: x", *HANDSHAKE, *odd, "", ""]
        ws.sendall("\r\n".join(lines).encode("latin-1"))
        assert b" 101 " in read_until(ws, b"Water").partition(b"\r\n")[0]


def test_streams_over_the_limit_are_refused_before_the_handshake(origin: OriginServer) -> None:
    streams = [origin.ask("/stream/chunked?interval=30&count=9") for _ in range(20)]
    try:
        for stream in streams:
            read_until(stream, b"Water")
        with pytest.raises(WebSocketBadStatusException) as refused, connected(origin, PATH):
            pass
        assert refused.value.status_code == 503
        assert (refused.value.resp_headers or {})["retry-after"]
    finally:
        for stream in streams:
            stream.close()
    for _ in streams:
        origin.line(route="/stream/chunked", ended="gone")


FLOODS = [
    ("words", frame(1, b"hello " * 600)),
    ("nothings", frame(1, b"") * 500),
    ("pings", frame(9, b"") * 500),
]


@pytest.mark.parametrize(("name", "flood"), FLOODS, ids=[name for name, _ in FLOODS])
def test_a_flood_of_messages_delays_no_stream_and_is_not_kept(origin: OriginServer, name, flood):
    def memory_kb() -> int:
        return sum(
            int(line.split()[1])
            for pid in os.listdir("/proc")  # noqa: PTH208  # names are all that is wanted
            if pid.isdigit() and parent(pid) == origin.service.pid
            for line in open(f"/proc/{pid}/status")  # noqa: PTH123
            if line.startswith("VmRSS")
        )

    def parent(pid: str) -> int:
        try:
            with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
                return int(stat.read().rpartition(")")[2].split()[1])
        except OSError:
            return 0

    with closing(origin.ask(f"{PATH}?interval=0.1&count=90", *HANDSHAKE)) as ws:
        read_until(ws, b"Water")
        ws.setblocking(False)
        before_kb, until_s, slowest_s = memory_kb(), time.monotonic() + 0.7, 0.0
        while time.monotonic() < until_s:
            asked_s = time.monotonic()
            for _ in range(20):
                try:
                    ws.send(flood)  # cut anywhere: what it breaks in two ends the flood, and that is fine too
                except BlockingIOError:
                    break
                except OSError:
                    until_s = 0.0
                    break
            requests.get(f"{origin.url}/healthz", timeout=WITHIN_S)
            slowest_s = max(slowest_s, time.monotonic() - asked_s)
        assert memory_kb() - before_kb < 20_000
        assert slowest_s < AT_ONCE_S
    origin.line(route=PATH)


def test_a_reader_that_pauses_gets_every_frame_whole(origin: OriginServer) -> None:
    count = 4000  # 20 MB: more than all buffers on the way
    path = f"{PATH}?interval=0&count={count}&size=5000&format=delta&end=END"
    with closing(origin.ask(path, *HANDSHAKE)) as ws:
        data = read_until(ws, b"Water").partition(b"\r\n\r\n")[2]
        for _ in range(5):
            ws.sendall(frame(9, b"between"))  # its pong must not land inside another frame
            time.sleep(0.15)  # what is not read in the meantime is the point
        data += read_until(ws, b"\x81\x03END\x88\x02")
    texts, pongs = [], 0
    for opcode, payload in frames(data):
        if opcode == ABNF.OPCODE_PONG:
            assert payload == b"between"
            pongs += 1
        elif opcode == ABNF.OPCODE_TEXT:
            texts.append(payload)
    assert pongs == 5
    assert texts.pop() == b"END"
    assert [json.loads(text)["seq"] for text in texts] == list(range(count))


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The server's frames in these bytes: not masked, not in parts. RFC 6455, section 5.2."""
    at = 0
    while at + 2 <= len(data):
        size, start = data[at + 1], at + 2
        assert size < 127  # or eight bytes would say how long it is, which nothing here needs
        if size == 126:
            size, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
        assert data[at] & 0xF0 == 0x80
        yield data[at] & 0xF, data[start : start + size]
        at = start + size


def test_a_server_that_hands_out_no_socket_says_so():
    client = create_app(Limits()).test_client()
    headers = dict(line.split(": ") for line in HANDSHAKE)
    response = client.get(
        PATH,
        headers=headers,
        environ_overrides={
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_SOFTWARE": "nginx",
            "SERVER_PROTOCOL": "HTTP/1.1",
        },
    )
    assert response.status_code == 501
    assert "does not hand out the connection" in json_of(response)["error"]
    assert json_of(response)["request_at_app"]["gateway"] == "CGI/1.1"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
