"""The lab's observer over HTTP/2, against a server in memory: frames become pieces, and what is refused is told."""

from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest

from tests.lab.asks import Ask
from tests.lab.http2 import Connection, NotOffered
from tests.lab.tls import Records

PIECES = [
    b'{"seq":0,"at_s":0.0,"delta":"a"}\n{"se',
    b'q":1,"at_s":0.1,"delta":"b"}\n',
    b'{"end":true,"count":2}\n',
]


class Server:
    """What the observer takes for a TLS socket: an h2 server that answers each request with PIECES at once."""

    alpn = "h2"

    def __init__(self, *, websocket: bool = False, reset: bool = False) -> None:
        self.records = Records()
        self._reset = reset
        self._http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        first = {h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL: int(websocket)}
        self._http.local_settings = h2.settings.Settings(client=False, initial_values=first)
        self._http.initiate_connection()

    def settimeout(self, timeout_s: float) -> None:
        """Nothing here waits."""

    def sendall(self, data: bytes) -> None:
        for event in self._http.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                self._answer(event.stream_id)

    def recv(self, size: int) -> bytes:
        return self._http.data_to_send()

    def _answer(self, number: int | None) -> None:
        assert number is not None
        self._http.send_headers(number, [(":status", "200"), ("content-type", "text/plain")])
        for part in PIECES:
            self._http.send_data(number, part)
        if self._reset:
            self._http.reset_stream(number)
        else:
            self._http.end_stream(number)


def connection(**server) -> Connection:
    socket: Any = Server(**server)
    return Connection(socket, 443, 0.0)


def test_data_frames_become_pieces():
    one = connection()
    seen = one.ask(Ask("chunked"), "/stream/chunked")
    one.read()
    assert (seen.status, seen.framing, seen.ended, seen.alpn) == (200, "frames", "end of stream", "h2")
    assert [(number, sent_s) for _, number, sent_s in seen.pieces] == [(0, 0.0), (1, 0.1)]
    assert seen.end == {"end": True, "count": 2}


def test_streams_of_one_connection_are_kept_apart():
    one = connection()
    found = [one.ask(Ask("chunked"), "/stream/chunked") for _ in range(3)]
    one.read()
    assert [len(seen.pieces) for seen in found] == [2, 2, 2]


def test_a_reset_is_told():
    one = connection(reset=True)
    seen = one.ask(Ask("chunked"), "/stream/chunked")
    one.read()
    assert (seen.ended, seen.problem.split()[0]) == ("cut", "reset")


def test_a_websocket_without_rfc_8441_is_not_offered():
    with pytest.raises(NotOffered):
        connection().ask(Ask("ws"), "/stream/ws")


def test_a_websocket_is_asked_for_where_settings_offer_it():
    assert connection(websocket=True).ask(Ask("ws"), "/stream/ws").settings[8] == 1
