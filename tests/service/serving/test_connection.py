"""When the engine writes beside the server, and when it must not: on real gunicorn, with what people put around an app."""

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

# Middleware by name, chosen by a header; `carried` counts the streams that the engine had.
MODULE = """
import zlib
from flushcheck.service.serving.engine import Engine
from wsgi import app as inner

carried = []
carry_out = Engine.carry_out

def counted(self, *args, **kwargs):
    carried.append(1)
    return carry_out(self, *args, **kwargs)

Engine.carry_out = counted

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
        count, carried[:] = len(carried), []
        return [str(count).encode()]
    return globals()[around](environ, start_response) if around else inner(environ, start_response)
"""

CASES = [
    # what is around the app, HTTP version, whether the engine writes
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
    with closing(socket.create_connection(("127.0.0.1", service.port), timeout=WITHIN_S)) as one:
        one.sendall(request(path, "Connection: close", f"X-Around: {around}", version=version))
        head, _, body = read_rest(one).partition(b"\r\n\r\n")
    body = b"".join(unchunked(body)[0]) if b"chunked" in head else body
    return gzip.decompress(body) if b"gzip" in head else body


@pytest.mark.parametrize(("around", "version", "carried"), CASES)
def test_the_body_is_whole_whatever_is_around_the_app(wrapped: servers.Service, around, version, carried):
    ask(wrapped, "/", "count")
    body = ask(wrapped, "/stream/chunked?count=12&interval=0.02&format=delta&end=done", around, version)
    *pieces, end = decoder(Transport.CHUNKED).feed(body)
    assert isinstance(end, EndRecord)
    assert (len(pieces), end.count) == (12, 12)
    assert ask(wrapped, "/", "count") == (b"1" if carried else b"0")
