"""Whatever a peer sends over HTTP/2, only PEER_ERRORS come out: anything else would end a whole diagnosis."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from flushcheck.prober.http2 import Http2Connection
from flushcheck.prober.http_client import PEER_ERRORS, Response
from flushcheck.prober.timed_socket import Budget, SocketRead
from tests.prober.http2_peers import DATA, END_HEADERS, END_STREAM, HEADERS, SETTINGS, frame

STATUS = b"\x88"
WHOLE = (
    frame(HEADERS, END_HEADERS, 1, STATUS)
    + frame(DATA, 0, 1, b"hello")
    + frame(DATA, END_STREAM, 1, b" world")
)


class FakeSocket:
    """Hands out SETTINGS at once, and the rest when a request was sent."""

    connect_s, sent_at, alpn = 0.1, 0.0, "h2"
    tls = SimpleNamespace(version="TLSv1.3")

    def __init__(self, parts: list[bytes]) -> None:
        self.parts = parts
        self.budget = Budget(0)
        self.requested = threading.Event()

    def send(self, data: bytes) -> None:
        if data[3] == HEADERS:
            self.requested.set()

    def reads(self) -> Iterator[SocketRead]:
        yield SocketRead(1.0, frame(SETTINGS, 0, 0))
        self.requested.wait(5)
        for number, part in enumerate(self.parts):
            yield SocketRead(2.0 + number, part, (len(part) + 17,))

    def shut_down(self) -> None:
        self.requested.set()

    close = shut_down


def exchange(parts: list[bytes]) -> tuple[bytes, str]:
    """Make one request to a peer that sends these parts: the body, and how it ended."""
    deadline = time.monotonic() + 5
    connection = Http2Connection(FakeSocket(parts), deadline)  # type: ignore[arg-type]
    body = b""
    try:
        connection.open(Budget(deadline))
        fields = [(":method", "GET"), (":authority", "x"), (":scheme", "https"), (":path", "/")]
        stream = connection.start(fields, Budget(deadline))
        while (item := stream.next()) is not None:
            body += b"" if isinstance(item, Response) else item.data
    except PEER_ERRORS as error:
        return body, str(error)
    finally:
        connection.close()
    return body, ""


@given(cuts=st.lists(st.integers(0, len(WHOLE)), max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_response_is_the_same_wherever_its_reads_were_cut(cuts):
    ends = sorted({0, *cuts, len(WHOLE)})
    parts = [WHOLE[begin:end] for begin, end in pairwise(ends)]
    assert exchange(parts) == (b"hello world", "")


frames = st.builds(
    frame,
    st.integers(0, 12),
    st.integers(0, 255),
    st.sampled_from([0, 1, 1, 1, 2, 3, 99, 2**31 - 1]),
    st.one_of(
        st.binary(max_size=40), st.just(STATUS), st.integers(0, 2**32 - 1).map(lambda n: n.to_bytes(4, "big"))
    ),
)


@given(sent=st.lists(frames, max_size=12))
@settings(max_examples=400, deadline=None)
def test_any_frames_end_as_errors_of_the_peer(sent):
    exchange([frame(HEADERS, END_HEADERS, 1, STATUS), *sent])
    exchange([b"".join(sent)])


@given(
    changes=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=6)
)
@settings(max_examples=200, deadline=None)
def test_damaged_bytes_end_as_errors_of_the_peer(changes):
    damaged = bytearray(WHOLE)
    for at, byte in changes:
        damaged[at] = byte
    exchange([bytes(damaged)])
