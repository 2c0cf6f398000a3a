"""The one door to serving: `Serving.write` takes a paced stream and writes it to a connection.

It decides which of two ways the stream goes:

- the engine, if it is on (`FLUSHCHECK_ENGINE`), this process runs under gevent on Linux, the installed
  gunicorn and gevent have what it needs (`internals.misfits`), and nothing stands between the app and the
  connection's socket;
- else the plain path: the same bytes, but every stream has a greenlet or thread of its own that paces it.
"""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Generator, Iterator

from flushcheck.service.serving import internals
from flushcheck.service.serving.disconnect import SocketClient, reset
from flushcheck.service.serving.drain import Drain
from flushcheck.service.serving.frame_schedule import (
    EndReason,
    Frames,
    FrameSchedule,
    iter_frames_blocking,
)
from flushcheck.service.serving.http_connection import LAST_CHUNK, HttpConnection, chunk
from flushcheck.service.serving.pretended_schedule import PretendedSchedule
from flushcheck.service.serving.stall_watch import StallWatch
from flushcheck.service.serving.stream_writer import StreamWriter
from flushcheck.service.serving.websocket_connection import WebSocketConnection
from flushcheck.streaming.limits import Limits

# How many times slower than the longest stream is planned a client may be before it is dropped.
MAX_SLOWNESS = 2


class Serving:
    """How one process of the service writes streams."""

    def __init__(self, limits: Limits) -> None:
        """Begin without streams. Starts nothing: with `preload_app` this process is still to be forked."""
        self.drain = Drain()
        self._switched_on = limits.engine == "on"
        max_s = MAX_SLOWNESS * limits.max_duration_s
        self._stall_watch = StallWatch(stall_s=limits.stall_s, max_s=max_s)
        self._writer = StreamWriter(
            stall_s=limits.stall_s,
            max_s=max_s,
            draining=lambda: self.drain.due,
        )

    @property
    def engine_active(self) -> bool:
        """Whether the engine writes the streams that it can write."""
        return self._switched_on and internals.engine_fits()

    def await_turn(self) -> None:
        """Wait until a stream may be opened: a burst of new ones must not make those that run late."""
        if self._writer.crowded:
            self._writer.await_turn()

    def write(
        self, frames: FrameSchedule, connection: HttpConnection | WebSocketConnection
    ) -> Generator[bytes, None, None]:
        """Write a paced stream, and close its connection as the way it ended requires.

        Args:
            frames: what to send, and when. `frames.progress` says at last how the stream ended.
            connection: where to. Nothing was written to it yet, except a WebSocket's handshake.

        Returns: the frames that only the caller can write, each at its moment: over HTTP at least the first,
        since
            the server writes the headers with it. The next one is made when the caller has written the last.

        Raises:
            Exception: an error of the service while it makes frames.
        """
        yield from connection.opening_frames(frames)
        framer = connection.framer() if self.engine_active else None
        if framer is None:
            yield from self._write_plainly(frames, connection)
        else:
            stream = connection.attach(self._writer, frames, framer)
            try:
                frames.progress.ended = connection.follow(self._writer, stream)
            finally:
                self._writer.abandon(stream)
            if stream.error:
                raise stream.error
        connection.close(frames.progress.ended)

    def write_response(self, frames: FrameSchedule, sock: socket.socket, head: bytes) -> EndReason:
        """Write a whole response of HTTP/1.1 in chunks by the engine, which has to be active; how it ended.

        Args:
            frames: what to send, and when.
            sock: the connection; to be closed by the caller.
            head: the response's status line and headers, with the empty line.

        Raises:
            Exception: an error of the service while it makes frames.
        """
        over = threading.Event()
        client = SocketClient(sock, chunked=True)
        stream = self._writer.attach(
            frames, sock, chunk, client=client, on_end=over.set, head=head, tail=LAST_CHUNK
        )
        try:
            over.wait()
        finally:
            self._writer.abandon(stream)
        if stream.error:
            raise stream.error
        assert stream.ended
        frames.progress.ended = stream.ended
        if stream.ended is EndReason.STALLED:
            reset(sock)
        return stream.ended

    def write_pretended(
        self, frames: PretendedSchedule, connection: HttpConnection | WebSocketConnection
    ) -> Generator[bytes, None, None]:
        """Write a stream behind a pretended hold. See `write`; with its first bytes the headers go out too.

        Behind a buffer a client that has shut down its sending half cannot be told from one that is gone:
        nothing may be sent that the hold has not let go of.
        """
        yield from self._write_plainly(frames, connection)
        if frames.is_cut:
            frames.progress.ended = EndReason.PRETENDED
        connection.close(frames.progress.ended)

    def _write_plainly(
        self, frames: Frames, connection: HttpConnection | WebSocketConnection
    ) -> Iterator[bytes]:
        """Let the stream pace itself, and drop its client if the caller's write does not progress."""
        blocking = iter_frames_blocking(frames, connection, draining=lambda: self.drain.due)
        if connection.sock is None:
            yield from blocking
            return
        with self._stall_watch.watch(connection.sock, frames.progress) as watched:
            for frame in blocking:
                watched.since_s = time.monotonic()
                yield frame
                watched.since_s = math.inf
            if watched.stalled:
                frames.progress.ended = EndReason.STALLED
