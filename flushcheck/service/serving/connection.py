"""The connection below a response: when a stream may write to it beside the server, and how it is left.

The engine writes chunks to the socket by itself, behind the server's back. That is right only where what
the app yields is what goes over the wire: gunicorn itself writes this response, without TLS, and nothing
in between gathers, compresses or counts the body. Nobody can say that beforehand, but after the first
Piece it shows: then the server has written the headers and exactly the bytes that were yielded.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import sys
from collections.abc import Mapping
from typing import Any

from flask import Response
from gunicorn.http.wsgi import Response as Writer

from flushcheck.service.serving.frame_cache import Wrap, as_it_is
from flushcheck.service.serving.frame_schedule import Ended


class Streaming(Response):
    """A response that knows who writes it."""

    writer: Any = None  # gunicorn's own response; whatever else stands there, or None, is not understood

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer as PEP 3333 has it."""
        self.writer = getattr(start_response, "__self__", None)
        return super().__call__(environ, start_response)


def wrap_for(writer: Any, sock: socket.socket | None, *, yielded_bytes: int) -> Wrap | None:
    """What makes a frame the bytes to write, or None if only the server may write.

    Args:
        writer: of the Streaming response.
        sock: of the connection; None if the server hands out none.
        yielded_bytes: of the body so far.
    """
    # Exactly this class: its children frame the body in their own way (HTTP/2).
    if type(writer) is not Writer or sock is None or not is_plain(sock):
        return None
    if not writer.headers_sent or writer.sent != yielded_bytes:
        return None
    if any(name.lower() in ("content-encoding", "content-length") for name, _ in writer.headers):
        return None
    return chunk if writer.chunked else as_it_is


def is_plain(sock: socket.socket) -> bool:
    """Whether an engine can write to this socket: gevent made it, it speaks no TLS, and there is epoll."""
    monkey = sys.modules.get("gevent.monkey")
    if not monkey or not monkey.is_module_patched("socket") or isinstance(sock, ssl.SSLSocket):
        return False
    return sys.platform == "linux"


def chunk(frame: bytes) -> bytes:
    """One chunk. Source: RFC 9112, section 7.1."""
    return b"%X\r\n%b\r\n" % (len(frame), frame)


def message(frame: bytes) -> bytes:
    """One WebSocket text message in one frame, as a server sends it. Source: RFC 6455, section 5.2."""
    size = len(frame)
    if size < 126:
        return b"\x81%c%b" % (size, frame)
    if size < 65_536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), frame)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), frame)


def leave(environ: Mapping[str, Any], ended: Ended) -> None:
    """Have the server close the connection behind a stream that ended in this way, if it should."""
    sock = environ.get("gunicorn.socket")
    if sock is None:
        return
    with contextlib.suppress(OSError):
        if ended is Ended.DRAINED:
            # The last chunk can still go out; what is read next is the end, so nobody waits for requests.
            sock.shutdown(socket.SHUT_RD)
        if ended is Ended.STALLED:
            drop(sock)


def drop(sock: socket.socket) -> None:
    """Give a reader up: what the kernel keeps for it goes at the close, not when it has been sent."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.shutdown(socket.SHUT_RDWR)
