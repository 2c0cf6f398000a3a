"""Whatever a peer sends over HTTP/3, only PEER_ERRORS come out: anything else would end a whole diagnosis."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from aioquic.h3.connection import H3Connection
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from hypothesis import given, settings
from hypothesis import strategies as st

from flushcheck.prober.http3_state import Http3State
from flushcheck.prober.http_client import PEER_ERRORS
from flushcheck.prober.timed_socket import Budget
from tests.prober.certificates import Pair, self_signed
from tests.prober.http3_peers import frame

ADDRESS = ("127.0.0.1", 1)
KNOWN = st.sampled_from([0, 1, 3, 4, 5, 7, 13, 0x21, 0x41]).flatmap(
    lambda kind: st.binary(max_size=40).map(lambda payload: frame(kind, payload))
)
PARTS = st.lists(
    st.tuples(st.sampled_from([0, 1, 3, 7, 11, 15]), KNOWN | st.binary(max_size=60), st.booleans()),
    max_size=6,
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Pair:
    return self_signed(tmp_path_factory.mktemp("tls"))


class Wire:
    """A client's state and a server of aioquic, without a network between."""

    def __init__(self, pair: Pair) -> None:
        offered = QuicConfiguration(is_client=False, alpn_protocols=["h3"])
        offered.load_cert_chain(pair.cert, pair.key)
        self.client = Http3State(QuicConfiguration(is_client=True, alpn_protocols=["h3"], verify_mode=0))
        self.now = time.monotonic()
        self.client.connect(self.now)
        first = self.client.output(self.now)
        self.server = QuicConnection(
            configuration=offered, original_destination_connection_id=first[0][6 : 6 + first[0][5]]
        )
        self.to_server(first)
        self.http: H3Connection | None = None

    def to_server(self, datagrams: list[bytes]) -> None:
        for data in datagrams:
            self.server.receive_datagram(data, ADDRESS, self.now)

    def exchange(self, rounds: int = 4) -> None:
        for _ in range(rounds):
            self.now += 0.01
            for data, _ in self.server.datagrams_to_send(self.now):
                self.client.take(data, self.now)
            self.to_server(self.client.output(self.now))
            if self.http is None and self.server._handshake_complete:
                self.http = H3Connection(self.server)


@given(parts=PARTS)
@settings(deadline=None, max_examples=150)
def test_any_bytes_of_any_stream_end_in_a_word(pair, parts):
    wire = Wire(pair)
    wire.exchange()
    assert wire.client.settings is not None
    stream = wire.client.open([(":method", "GET"), (":path", "/")], Budget(time.monotonic() + 5), ends=True)
    try:
        wire.exchange(1)
        for number, data, ends in parts:
            try:
                wire.server.send_stream_data(number, data, ends)
            except (ValueError, RuntimeError, AssertionError):
                continue  # aioquic: this stream has ended, or is not to be written to
            wire.exchange(2)
    except PEER_ERRORS as error:
        wire.client.end(error)
    assert wire.client.error is None or str(wire.client.error)
    assert stream.number == 0


@given(datagrams=st.lists(st.binary(max_size=1300), max_size=20))
@settings(deadline=None, max_examples=100)
def test_any_datagrams_during_the_handshake_change_nothing(pair, datagrams):
    wire = Wire(pair)
    for data in datagrams:
        wire.client.take(data, wire.now)
    wire.exchange()
    assert wire.client.settings is not None


def test_nothing_imports_the_library_before_a_request_needs_it():
    line = "import sys, flushcheck.cli, flushcheck.prober.gathering, flushcheck.prober.connections; print('aioquic' in sys.modules)"
    made = subprocess.run(
        [sys.executable, "-c", line], capture_output=True, text=True, check=True, timeout=60
    )
    assert made.stdout.strip() == "False"
