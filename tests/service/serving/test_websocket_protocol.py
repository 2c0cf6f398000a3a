"""What a client of a WebSocket may say, and how each ends it: frames in, frames out, no socket."""

from __future__ import annotations

import struct

import pytest

from flushcheck.service.serving.frame_schedule import EndReason
from flushcheck.service.serving.websocket_protocol import WebSocketProtocol, message
from tests.service.routes.test_websocket import frame

MAX_BYTES = 100


def close_frame(code: int) -> bytes:
    return b"\x88\x02" + struct.pack("!H", code)


def protocol() -> WebSocketProtocol:
    return WebSocketProtocol(max_message_bytes=MAX_BYTES)


SAID = [
    # name, the client's bytes, the response or how it begins, how it ends the stream
    ("nothing that counts", frame(1, b"hello"), b"", None),
    ("stop", frame(1, b"stop"), b"", EndReason.STOPPED),
    ("stop in fragments", frame(1, b"st", fin=False) + frame(0, b"op"), b"", EndReason.STOPPED),
    ("stop after a word", frame(1, b"hello") + frame(1, b"stop"), b"", EndReason.STOPPED),
    ("stop and more", frame(1, b"stop it"), b"", None),
    ("half of a message", frame(1, b"st", fin=False), b"", None),
    ("half of a frame", frame(1, b"stop")[:-1], b"", None),
    ("bytes", frame(2, b"stop"), b"", EndReason.REFUSED),
    ("no bytes", frame(2, b""), b"", EndReason.REFUSED),
    ("half of bytes", frame(2, b"stop", fin=False), b"", None),
    ("the longest text", frame(1, b"x" * MAX_BYTES), b"", None),
    ("a longer text", frame(1, b"x" * (MAX_BYTES + 1)), b"\x88\x14\x03\xf1", EndReason.REFUSED),
    ("longer bytes", frame(2, b"x" * (MAX_BYTES + 1)), b"\x88\x14\x03\xf1", EndReason.REFUSED),
    ("the longest in UTF-8", frame(1, "é".encode() * (MAX_BYTES // 2)), b"", None),
    ("longer in UTF-8", frame(1, "é".encode() * (MAX_BYTES // 2 + 1)), b"\x88\x14\x03\xf1", EndReason.REFUSED),
    (
        "longer in fragments",
        frame(1, b"x" * 60, fin=False) + frame(0, b"x" * 60),
        b"\x88\x14\x03\xf1",
        EndReason.REFUSED,
    ),
    ("many short ones", frame(1, b"x" * 60) * 5, b"", None),
    ("a ping", frame(9, b"are you there"), b"\x8a\x0dare you there", None),
    ("a ping between fragments", frame(1, b"st", fin=False) + frame(9, b"") + frame(0, b"op"), b"\x8a\0", EndReason.STOPPED),
    ("a pong", frame(10, b""), b"", None),
    ("close", frame(8, struct.pack("!H", 1000)), close_frame(1000), EndReason.GONE),
    ("close with a reason", frame(8, struct.pack("!H", 4321) + b"bye"), b"\x88\x05\x10\xe1bye", EndReason.GONE),
    ("close without a code", frame(8, b""), b"\x88\0", EndReason.GONE),
    ("no mask", b"\x81\x04stop", b"\x88", EndReason.GONE),
    ("no UTF-8", frame(1, b"\xff\xfe"), b"\x88", EndReason.GONE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "response", "ended"), SAID, ids=[row[0] for row in SAID])
def test_what_the_client_says_is_responded_to_and_may_end_the_stream(name, data, response, ended):
    sent, how = protocol().receive(data)
    assert sent == response or (response and sent.startswith(response))
    assert how is ended


@pytest.mark.parametrize(("name", "data", "response", "ended"), SAID, ids=[row[0] for row in SAID])
def test_it_does_not_matter_how_the_bytes_are_cut(name, data, response, ended):
    cut, sent, how = protocol(), b"", None
    for at in range(len(data)):
        part, how = cut.receive(data[at : at + 1])
        sent += part
        if how:
            break
    assert sent == protocol().receive(data)[0]
    assert how is ended


CLOSES = [
    (EndReason.DONE, 1000),
    (EndReason.STOPPED, 1000),
    (EndReason.REFUSED, 1003),
    (EndReason.DRAINED, 1012),
]


@pytest.mark.parametrize(("ended", "code"), CLOSES)
def test_each_end_has_its_close_code_and_the_client_confirms_it(ended, code):
    closing = protocol()
    assert closing.close(ended) == close_frame(code)
    assert closing.close(ended) == b""
    assert closing.receive(frame(1, b"stop") + frame(9, b"")) == (b"", None)
    before = closing.closed
    assert closing.receive(frame(8, struct.pack("!H", code))) == (b"", EndReason.GONE)
    assert (before, closing.closed) == (False, True)
    assert closing.receive(b"more") == (b"", EndReason.GONE)


def test_after_the_clients_close_there_is_nothing_to_close():
    closed = protocol()
    closed.receive(frame(8, b""))
    assert closed.closed
    assert closed.close(EndReason.DONE) == b""


def test_after_a_broken_frame_nothing_is_read_and_no_second_close_sent():
    broken = protocol()
    broken.receive(b"\x81\x04stop")
    assert not broken.closed
    assert broken.close(EndReason.GONE) == b""
    assert broken.receive(frame(1, b"stop"))[0] == b""


SIZES = [
    # bytes of the text, the frame's head: RFC 6455, section 5.2
    (0, b"\x81\x00"),
    (125, b"\x81\x7d"),
    (126, b"\x81\x7e\x00\x7e"),
    (65_535, b"\x81\x7e\xff\xff"),
    (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
]


@pytest.mark.parametrize(("size", "head"), SIZES)
def test_a_message_is_one_frame(size, head):
    assert message(b"x" * size) == head + b"x" * size
