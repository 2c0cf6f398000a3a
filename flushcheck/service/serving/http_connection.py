"""The HTTP connection of a stream: who may write to it, and how it is left.

The engine writes chunks to the socket by itself, beside the server. That is right only if what the app yields
is what goes over the wire: gunicorn itself writes this response, without TLS, and no middleware gathers,
compresses or counts the body. This cannot be known beforehand, but it shows after the first Piece: then the
server has written the headers and exactly the bytes that were yielded.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response

from flushcheck.service.serving import internals
from flushcheck.service.serving.disconnect import OpaqueClient, SocketClient, reset
from flushcheck.service.serving.frame_cache import Framer, identity
from flushcheck.service.serving.frame_schedule import EndReason, FrameSchedule
from flushcheck.service.serving.handshake import SOCKETS
from flushcheck.service.serving.socket_writer import ActiveStream
from flushcheck.service.serving.stream_writer import StreamWriter

# Without trailers. Source: RFC 9112, section 7.1.
LAST_CHUNK = b"0\r\n\r\n"


@dataclass(slots=True)
class WrittenBy:
    """What writes a response."""

    server_response: Any = None  # gunicorn's own Response; None under anything else
    direct: bool = False  # nothing is between the app and the server, and the app may write for it


class StreamingResponse(Response):
    """A response that knows what writes it."""

    written_by: WrittenBy
    on_headers: Callable[[tuple[tuple[str, str], ...]], None] | None = None  # called with its headers

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Respond as PEP 3333 prescribes."""
        self.written_by.server_response = internals.gunicorn_response(start_response)
        body, status, headers = self.get_wsgi_response(environ)
        if self.on_headers:
            self.on_headers(tuple(headers))
        start_response(status, headers)
        return body


class HttpConnection:
    """The connection of one streamed response."""

    def __init__(self, environ: Mapping[str, Any], written_by: WrittenBy, *, liveness: bool = True) -> None:
        """Begin before the server has written anything.

        Args:
            environ: of the WSGI request.
            written_by: filled in before the second frame.
            liveness: whether liveness bytes may be written between two frames. Not before the header is.
        """
        self._written_by = written_by
        self._yielded_bytes = 0
        self._client = client_of(environ, liveness=liveness)
        self.sock: socket.socket | None = environ.get("gunicorn.socket")
        self._cuttable = socket_to_cut(environ)
        self._event = threading.Event()

    def opening_frames(self, frames: FrameSchedule) -> Iterator[bytes]:
        """The frames that only the server can write, since it writes the headers with them."""
        opening = []
        while not frames.progress.pieces:
            opening.append(frames.next_frame(time.monotonic()))
            self._yielded_bytes += len(opening[-1])
            if not self._written_by.direct:
                yield opening[-1]
        if self._written_by.direct:
            response = self._written_by.server_response
            framer = chunk if response.chunked else identity
            data = b"".join(framer(frame) for frame in opening if frame)
            internals.send_with_headers(response, data, sent=self._yielded_bytes)

    def framer(self) -> Framer | None:
        """What frames the rest of the body, if the engine may write it; None if only the server may."""
        if isinstance(self._client, OpaqueClient):
            return None
        return framer_for(
            self._written_by.server_response, self._client.sock, yielded_bytes=self._yielded_bytes
        )

    def attach(self, writer: StreamWriter, frames: FrameSchedule, framer: Framer) -> ActiveStream:
        """Have the engine write the rest. The server reads later what the client sends meanwhile."""
        client = self._client
        assert isinstance(client, SocketClient)
        return writer.attach(frames, client.sock, framer, client=client, on_end=self._event.set)

    def follow(self, writer: StreamWriter, stream: ActiveStream) -> EndReason:  # WebSockets need it
        """Wait until the engine has written the stream; how it ended."""
        self._event.wait()
        assert stream.ended
        return stream.ended

    def wait(self, seconds: float) -> EndReason | None:
        """See `frame_schedule.Client`."""
        return self._client.wait(seconds)

    def close(self, ended: EndReason) -> None:
        """Have the server close the connection behind a stream that ended in this way, if it should."""
        if ended is EndReason.PRETENDED and self._cuttable:
            with contextlib.suppress(OSError):
                self._cuttable.shutdown(socket.SHUT_RDWR)
            return
        if self.sock is None:
            return
        with contextlib.suppress(OSError):
            if ended is EndReason.DRAINED:
                # The last chunk can still go out; the server reads EOF next, and does not wait for a request.
                self.sock.shutdown(socket.SHUT_RD)
            if ended is EndReason.STALLED:
                reset(self.sock)


def socket_to_cut(environ: Mapping[str, Any]) -> socket.socket | None:
    """The connection of this WSGI request, to be cut without an end; None if the server hands out none.

    A connection that several requests share at once (HTTP/2) is not one of them's to cut.
    """
    if environ.get("SERVER_PROTOCOL") not in ("HTTP/1.0", "HTTP/1.1"):
        return None
    return next((environ[name] for name in SOCKETS if name in environ), None)


def client_of(environ: Mapping[str, Any], *, liveness: bool = True) -> SocketClient | OpaqueClient:
    """The client of this WSGI request, with its socket if the server hands it out.

    A socket that several requests share at once (HTTP/2) tells nothing about one of them.
    """
    sock = environ.get("gunicorn.socket")
    protocol = environ.get("SERVER_PROTOCOL")
    if sock is None or protocol not in ("HTTP/1.0", "HTTP/1.1"):
        return OpaqueClient()
    return SocketClient(sock, chunked=liveness and protocol == "HTTP/1.1")


def framer_for(server_response: Any, sock: socket.socket, *, yielded_bytes: int) -> Framer | None:
    """What makes a frame the bytes to write, or None if only the server may write.

    Args:
        server_response: see WrittenBy.
        sock: of the connection.
        yielded_bytes: of the body so far.
    """
    if server_response is None or isinstance(sock, ssl.SSLSocket):
        return None
    if not server_response.headers_sent or server_response.sent != yielded_bytes:
        return None
    if any(name.lower() in ("content-encoding", "content-length") for name, _ in server_response.headers):
        return None
    return chunk if server_response.chunked else identity


def chunk(frame: bytes) -> bytes:
    """One chunk. Source: RFC 9112, section 7.1."""
    return b"%X\r\n%b\r\n" % (len(frame), frame)
