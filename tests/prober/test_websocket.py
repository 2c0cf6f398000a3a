import json

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, Pong, Request, TextMessage

from flushcheck.measurement import plan
from flushcheck.measurement.timing import measure
from flushcheck.model import Flow, Outcome, Probe, Transport
from flushcheck.prober import observe
from tests.prober.peers import (
    ORIGIN,
    Client,
    Row,
    Script,
    check_row,
    end,
    observe_rows,
    pace,
    piece,
    scripted_server,
)

SOCKET = Probe(Transport.WEBSOCKET)
U, R, C, T, OKAY = Outcome.UNREACHABLE, Outcome.REFUSED, Outcome.CUT, Outcome.TIMEOUT, Outcome.COMPLETE


class Server:
    """The server of a WebSocket."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.wire = WSConnection(ConnectionType.SERVER)
        self.wire.receive_data(client.request)
        (self.request,) = self.wire.events()
        assert isinstance(self.request, Request)

    def accept(self, extra: bytes = b"") -> None:
        """Open it, with frames in the same packet if wanted."""
        self.client.send(
            self.wire.send(AcceptConnection(extra_headers=[(b"Via", b"1.1 x"), (b"Via", b"1.1 y")])) + extra
        )

    def text(self, line: bytes) -> bytes:
        return self.wire.send(TextMessage(data=line.decode().strip()))

    def closed_with(self) -> int:
        """The code with which the client closes."""
        while True:
            data = self.client.sock.recv(65536)
            self.wire.receive_data(data or None)
            for event in self.wire.events():
                if isinstance(event, CloseConnection):
                    return int(event.code)


def opened(*lines: bytes, code: int = 1000, reason: str | None = None) -> Script:
    def script(client: Client) -> None:
        server = Server(client)
        server.accept()
        for line in lines:
            client.send(server.text(line))
        client.send(server.wire.send(CloseConnection(code=code, reason=reason)))
        server.closed_with()

    return script


def raw(frames: bytes, *, wait_for_close: bool = False) -> Script:
    """Opens, and then sends these bytes."""

    def script(client: Client) -> None:
        Server(client).accept(frames)
        if wait_for_close:
            client.wait_for_close()

    return script


def responds(data: bytes) -> Script:
    return lambda client: client.send(data)


def endless_headers(client: Client) -> None:
    client.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        client.send(b"X: y\r\n" * 999)


BAD_ACCEPT = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: nonsense\r\n\r\n"
)
COMPRESSED = b"\xc1\x05hello"  # RSV1 without an extension
REFUSAL = json.dumps({"error": "no Upgrade", "request_at_app": ORIGIN}).encode()
HUGE = b"\x81\x7f" + (2**40).to_bytes(8, "big") + b"a" * 600_000

PEERS: list[Row] = [
    ("a good one",           opened(piece(0), piece(1), end(2)),                   OKAY, ""),
    ("ends without a word",  opened(piece(0)),                                     C, "ended without an end record; 1 piece arrived"),
    ("closes with an error", opened(piece(0), code=1011, reason="oops\x1b"),       C, r"closed with code 1011 (oops\x1b)"),
    ("good, but closes so",  opened(piece(0), end(1), code=1001),                  OKAY, "closed with code 1001"),
    ("too few pieces",       opened(piece(0), end(3)),                             C, "counts 3 pieces"),
    ("not our messages",     opened(b"hello"),                                     R, "not a flushcheck record: 'hello'"),
    ("not ours any more",    opened(piece(0), b"hello"),                           C, "then data that is not from flushcheck"),
    ("vanishes",             raw(b""),                                             C, "without a close frame"),
    ("half a frame",         raw(b"\x81\x7d{"),                                    C, "without a close frame"),
    ("stays silent",         raw(b"", wait_for_close=True),                                  T, "0 pieces arrived"),
    ("garbage frames",       raw(b"\xff" * 64),                                    R, "not WebSocket frames"),
    ("compressed unasked",   raw(COMPRESSED),                                      R, "not WebSocket frames"),
    ("not UTF-8",            raw(b"\x81\x02\xc3\x28"),                             R, "not WebSocket frames"),
    ("bytes",                raw(b"\x82\x01a"), R, "a binary message, where text"),
    ("an endless message",   raw(HUGE, wait_for_close=True),                                 R, "a message of more than"),
    ("refused by the app",   lambda client: client.respond(400, REFUSAL),               R, "status 400: no Upgrade"),
    ("refused with a page",  lambda client: client.respond(403, b"<h1>No</h1>", "text/html"), R, "status 403, text/html, begins '<h1>No</h1>'"),
    ("a page in response",   lambda client: client.respond(200, b"<html>", "text/html"), R, "status 200, text/html"),
    ("redirected",           lambda client: client.respond(301, b"", extra="Location: https://x/\r\n"), R, "redirected to https://x/"),
    ("a wrong accept",       responds(BAD_ACCEPT),                                  R, "status 101, but no WebSocket: Sec-WebSocket-Accept does not match"),
    ("an error that drips",  responds(b"HTTP/1.1 500 X\r\nContent-Length: 99\r\n\r\nhalf"), R, "status 500, no content type, begins 'half'"),
    ("not HTTP",             responds(b"220 mail.example ESMTP\r\n\r\n"),           U, "220 mail.example ESMTP"),
    ("hangs up",             responds(b""),                                         U, "closed without a response"),
    ("half a header",        responds(b"HTTP/1.1 101 Swi"),                         U, "the connection ended after 'HTTP/1.1 101 Swi'"),
    ("endless headers",      endless_headers,                                      U, "64 KiB"),
    ("too many headers",     responds(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"), U, "more than 100 headers"),
    ("silence",              lambda client: client.wait_for_close(),                             T, "no response header"),
]  # fmt: skip


TIMEOUT_S = 1.5  # of the peers that only the clock ends


@pytest.fixture(scope="module")
def seen_all():
    return observe_rows(PEERS, SOCKET, timeout_s=TIMEOUT_S)


@pytest.mark.parametrize("row", PEERS, ids=lambda row: row[0])
def test_whatever_a_peer_does_is_an_outcome(row, seen_all):
    check_row(row, seen_all[row[0]])


def test_messages_are_seen_on_time():
    def script(client: Client) -> None:
        server = Server(client)
        server.accept()
        for seq, at_s in pace(8, 0.05):
            client.send(server.text(piece(seq, at_s)))
        client.send(server.text(end(8)) + server.wire.send(CloseConnection(code=1000)))
        assert server.closed_with() == 1000

    with scripted_server(script) as url:
        seen = observe(SOCKET, url, timeout_s=5)
    assert (seen.outcome, seen.detail) == (Outcome.COMPLETE, "")
    assert measure(seen).flow is Flow.FLOWING
    assert [piece.seq for piece in seen.pieces] == list(range(8))
    assert seen.headers_s <= seen.arrivals[0].at_s


def test_what_comes_with_the_handshake_is_an_arrival_and_the_header_is_kept():
    def script(client: Client) -> None:
        server = Server(client)
        header = server.wire.send(AcceptConnection(extra_headers=[(b"Via", b"1.1 x"), (b"Via", b"1.1 y")]))
        client.send(header + server.text(piece(0)))
        client.send(server.text(end(1)) + server.wire.send(CloseConnection(code=1000)))

    with scripted_server(script) as url:
        seen = observe(SOCKET, url, timeout_s=5)
    assert seen.outcome is Outcome.COMPLETE
    assert (seen.status, seen.http_version, seen.header("via")) == (101, "1.1", "1.1 x, 1.1 y")
    line = piece(0).strip()
    # A frame of a short text: two bytes, then the text. Nothing of the header is counted.
    frame, text = len(line) + 2, len(line)
    assert sum(arrival.size_bytes - arrival.text_bytes for arrival in seen.arrivals) < frame
    assert seen.arrivals[0].text_bytes >= text


def test_the_origin_speaks_through_a_refusal():
    with scripted_server(lambda client: client.respond(400, REFUSAL, extra="Server: nginx\r\n")) as url:
        seen = observe(SOCKET, url, timeout_s=5)
    assert seen.request_at_app is not None
    assert seen.request_at_app.protocol == "HTTP/1.0"
    assert (seen.status, seen.header("server")) == (400, "nginx")


def test_a_ping_is_answered_and_a_split_message_is_one():
    ponged: list[bytes | bytearray] = []

    def script(client: Client) -> None:
        server = Server(client)
        server.accept()
        client.send(server.wire.send(Ping(payload=b"hi")))
        server.wire.receive_data(client.sock.recv(1000))
        ponged.extend(event.payload for event in server.wire.events() if isinstance(event, Pong))
        text = piece(0).decode().strip()
        client.send(server.wire.send(TextMessage(data=text[:5], message_finished=False)))
        client.send(server.wire.send(TextMessage(data=text[5:])))
        client.send(server.text(end(1)) + server.wire.send(CloseConnection(code=1000)))

    with scripted_server(script) as url:
        seen = observe(SOCKET, url, timeout_s=5)
    assert seen.outcome is Outcome.COMPLETE
    assert ponged == [b"hi"]


def test_the_handshake_offers_no_extension_and_says_what_every_probe_says():
    received: list[Client] = []

    def script(client: Client) -> None:
        received.append(client)
        client.respond(404, b"")

    with scripted_server(script) as url:
        observe(SOCKET, f"{url}/sub", timeout_s=5)
        assert received[0].header("host") == url.removeprefix("http://")
    (client,) = received
    assert client.path == "/sub/stream/ws"
    assert client.header("sec-websocket-extensions") == ""
    assert client.header("accept-encoding") == plan.BROWSER_ENCODINGS
    assert client.header("user-agent").startswith("flushcheck/")
