"""When the engine writes beside the server, and when it must not: on real gunicorn, with middleware around the app."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from flushcheck.model import EndRecord, Transport
from flushcheck.streaming.transports import decoder
from tests.live import servers
from tests.service.wire import WITHIN_S, read_rest, request, unchunked

# Middleware by name, chosen by a header; `attached` counts the streams that the engine wrote.
MODULE = """
import zlib
from flushcheck.service.serving.stream_writer import StreamWriter
from wsgi import app as inner

attached = []
attach = StreamWriter.attach

def counted(self, *args, **kwargs):
    attached.append(1)
    return attach(self, *args, **kwargs)

StreamWriter.attach = counted

class Passing:
    def __init__(self, environ, start_response):
        self.body = inner(environ, start_response)
    def __iter__(self):
        yield from self.body
    def close(self):
        self.body.close()

def wrapping(environ, start_response):
    return inner(environ, lambda status, headers, exc_info=None: start_response(status, headers))

def joining(environ, start_response):
    return [b"".join(inner(environ, start_response))]

def pairing(environ, start_response):
    frames = iter(inner(environ, start_response))
    for frame in frames:
        yield frame + next(frames, b"")

def compressing(environ, start_response):
    def start(status, headers, exc_info=None):
        return start_response(status, [*headers, ("Content-Encoding", "gzip")], exc_info)
    packer = zlib.compressobj(wbits=31)
    for frame in inner(environ, start):
        yield packer.compress(frame) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()

def app(environ, start_response):
    around = environ.get("HTTP_X_AROUND")
    if around == "count":
        start_response("200 OK", [("Content-Length", "1")])
        count, attached[:] = len(attached), []
        return [str(count).encode()]
    return globals()[around](environ, start_response) if around else inner(environ, start_response)
"""

CASES = [
    # middleware, HTTP version, whether the engine writes
    ("inner", "1.1", True),
    ("inner", "1.0", True),
    ("Passing", "1.1", True),
    ("wrapping", "1.1", False),
    ("joining", "1.1", False),
    ("pairing", "1.1", False),
    ("compressing", "1.1", False),
]


@pytest.fixture(scope="module")
def wrapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Service]:
    folder = tmp_path_factory.mktemp("around")
    (folder / "around.py").write_text(MODULE)
    with servers.start_origin(app="around:app", chdir=folder) as service:
        yield service


def ask(service: servers.Service, path: str, around: str, version: str = "1.1") -> bytes:
    with closing(socket.create_connection(("127.0.0.1", service.port), timeout=WITHIN_S)) as connection:
        connection.sendall(request(path, "Connection: close", f"X-Around: {around}", version=version))
        head, _, body = read_rest(connection).partition(b"\r\n\r\n")
    body = b"".join(unchunked(body)[0]) if b"chunked" in head else body
    return gzip.decompress(body) if b"gzip" in head else body


@pytest.mark.parametrize(("around", "version", "attached"), CASES)
def test_the_body_is_whole_whatever_is_around_the_app(wrapped: servers.Service, around, version, attached):
    ask(wrapped, "/", "count")
    body = ask(wrapped, "/stream/chunked?count=12&interval=0.02&format=delta&end=done", around, version)
    *pieces, end = decoder(Transport.CHUNKED).feed(body)
    assert isinstance(end, EndRecord)
    assert (len(pieces), end.count) == (12, 12)
    assert ask(wrapped, "/", "count") == (b"1" if attached else b"0")
