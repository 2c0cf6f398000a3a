"""The connection of a WebSocket after its handshake: read here, written by the engine or by the route.

flask-sock declares the route and simple-websocket makes the handshake. All that follows is done here, on the
socket: simple-websocket 1.1.0 reads in a thread of its own, sends parts of frames on a socket that does not
block, lets two threads send at once, queues messages without bound, and closes the socket with the client's
bytes unread, so that RST overtakes the close frame.

One greenlet or thread serves the connection. While the engine writes, it sleeps until epoll reports bytes
from the client (`follow`); on the plain path it reads between two frames (`wait`).
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

from flushcheck.service.serving.disconnect import reset
from flushcheck.service.serving.fairness import yield_to_hub
from flushcheck.service.serving.frame_cache import Framer
from flushcheck.service.serving.frame_schedule import EndReason, FrameSchedule
from flushcheck.service.serving.socket_writer import ActiveStream
from flushcheck.service.serving.stream_writer import StreamWriter
from flushcheck.service.serving.websocket_protocol import WebSocketProtocol, message

# Read at once. A flood of empty messages holds 170 of them in 1 KiB, which are read in 6 ms; all others wait
# for that long. (4 KiB, simple-websocket's default: 24 ms, measured.)
RECEIVE_BYTES = 1024

# With this much unsent nothing of the client is read, since pings make more of it.
MAX_UNSENT_BYTES = 64 * 1024
UNSENT_POLL_S = 0.02

# After the close frame the client's own is waited for, and what it still sends is discarded.
LINGER_S = 2.0
DRAINED_LINGER_S = 0.5  # while the process stops: 3 s are promised for all of it


class WebSocketConnection:
    """One WebSocket. Its methods are called by one greenlet or thread."""

    def __init__(self, sock: socket.socket, *, max_message_bytes: int) -> None:
        """Begin after the handshake.

        Args:
            sock: the connection; closed by the server, later.
            max_message_bytes: a longer message of the client ends the WebSocket.
        """
        self.sock = sock
        self._protocol = WebSocketProtocol(max_message_bytes=max_message_bytes)
        self._inject: Callable[[bytes], bool] | None = (
            None  # while the engine writes, all else goes through it
        )
        self._broken = False  # nothing more can be written: the client is gone, or a frame was cut in two
        self._send_timeout_s: float | None = None
        self._event = threading.Event()  # the client has sent something, or the engine is done

    def opening_frames(self, frames: FrameSchedule) -> Iterator[bytes]:  # HTTP needs them
        """None: the handshake has opened the connection."""
        return iter(())

    def framer(self) -> Framer | None:
        """What makes a frame a message; None over TLS, which the engine does not speak."""
        return None if isinstance(self.sock, ssl.SSLSocket) else message

    def send(self, frame: bytes) -> None:
        """Write one frame of the stream as a message. That the client is gone shows in `wait`."""
        self._write(message(frame))

    def send_framed(self, messages: bytes) -> None:
        """Write whole messages that are framed already."""
        self._write(messages)

    def wait(self, seconds: float) -> EndReason | None:
        """Wait this long, or until the client ends the stream; then the reason."""
        until_s = time.monotonic() + seconds
        if seconds <= 0:
            yield_to_hub()
        while not self._broken:
            left_s = max(0.0, until_s - time.monotonic())
            data = self._receive(left_s)
            if data is None:
                return None
            if ended := self._react(data):
                return ended
            if not left_s:
                return None  # a flood of messages must not keep the stream from its frames
            yield_to_hub()
        return EndReason.GONE

    def attach(self, writer: StreamWriter, frames: FrameSchedule, framer: Framer) -> ActiveStream:
        """Have the engine write the stream. It polls no client: a hang-up makes the socket readable."""
        wake = self._event.set
        return writer.attach(frames, self.sock, framer, on_readable=wake, on_end=wake)

    def follow(self, writer: StreamWriter, stream: ActiveStream) -> EndReason:
        """Wait until the engine has written the stream, or the client ends it; how it ended."""
        self._inject = partial(writer.inject, stream)
        ended = None
        try:
            while not ended and not stream.ended:
                self._event.wait()
                self._event.clear()
                ended = self._react_to_all(stream)
            writer.stop(stream)
            until_s = time.monotonic() + LINGER_S
            while not stream.ended and (left_s := until_s - time.monotonic()) > 0:
                self._event.clear()
                self._event.wait(left_s)
        finally:
            self._inject = None
            self._broken = self._broken or not stream.ended
        return ended or stream.ended or EndReason.GONE

    def close(self, ended: EndReason) -> None:
        """Close the WebSocket after a stream that ended in this way. The server closes the socket itself."""
        linger_s = DRAINED_LINGER_S if ended is EndReason.DRAINED else LINGER_S
        self._send_timeout_s = linger_s
        until_s = time.monotonic() + linger_s
        if ended is EndReason.STALLED:
            self._broken = True
            reset(self.sock)
        elif ended is EndReason.PRETENDED:
            self._broken = True
        elif ended is not EndReason.GONE and (close_frame := self._protocol.close(ended)):
            self._write(close_frame)
            self._await_close(until_s)
        if not self._protocol.closed and not self._broken:
            self._discard(until_s)
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def _react_to_all(self, stream: ActiveStream) -> EndReason | None:
        """React to all that has arrived."""
        while not stream.ended:
            data = self._receive(0.0)
            if data is None:
                return None
            if ended := self._react(data):
                return ended
            yield_to_hub()
            while len(stream.unsent) > MAX_UNSENT_BYTES and not stream.ended:
                time.sleep(UNSENT_POLL_S)
        return None

    def _react(self, data: bytes) -> EndReason | None:
        """Respond to what the client sent; how it ends the stream, if it does. b"" is the end of its data."""
        if not data:
            return EndReason.GONE
        response, ended = self._protocol.receive(data)
        if response:
            self._write(response)
        return ended

    def _receive(self, seconds: float) -> bytes | None:
        """What the client sends within this time; b"" at the end of its data, None if nothing came."""
        try:
            self.sock.settimeout(seconds)
            return self.sock.recv(RECEIVE_BYTES)
        except (BlockingIOError, TimeoutError, ssl.SSLWantReadError):
            return None
        except OSError:
            return b""

    def _write(self, data: bytes) -> None:
        if self._broken or (self._inject and self._inject(data)):
            return
        try:
            self.sock.settimeout(self._send_timeout_s)
            self.sock.sendall(data)
        except OSError:
            self._broken = True

    def _await_close(self, until_s: float) -> None:
        """Read until the client has closed as well."""
        while (left_s := until_s - time.monotonic()) > 0 and (data := self._receive(left_s)):
            _, ended = self._protocol.receive(data)
            if ended:
                return
            yield_to_hub()

    def _discard(self, until_s: float) -> None:
        """Send FIN, and read until the client has closed: closing with unread bytes sends RST."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        while (left_s := until_s - time.monotonic()) > 0 and self._receive(left_s):
            yield_to_hub()
