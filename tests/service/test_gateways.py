"""Where the app is and which page is asked for, in the words of each web server: one table."""

from __future__ import annotations

import io
import sys

import pytest

from flushcheck.service.gateways import Mounted, script_and_path, serve_cgi

PLACED = [
    # name, REQUEST_URI, SCRIPT_NAME, PATH_INFO (None: not passed), the operator's mount, expected
    ("Apache, rewritten", "/sub/stream/events", "/sub/flushcheck.fcgi", "/stream/events", "", ("/sub", "/stream/events")),
    ("the same at the root", "/stream/events?a=/b", "/flushcheck.fcgi", "/stream/events", "", ("", "/stream/events")),
    ("its front page", "/sub/", "/sub/flushcheck.cgi", "/", "", ("/sub", "/")),
    ("the script by its name", "/a.cgi/healthz", "/a.cgi", "/healthz", "", ("/a.cgi", "/healthz")),
    ("a script alias", "/sub/healthz", "/sub", "/healthz", "", ("/sub", "/healthz")),
    ("nginx, split", "/sub/healthz", "/sub", "/healthz", "", ("/sub", "/healthz")),
    ("nginx's fastcgi_params", "/stream/ws?x", "/stream/ws", None, "", ("", "/stream/ws")),
    ("the same, empty", "/stream/ws", "/stream/ws", "", "", ("", "/stream/ws")),
    ("the same on a sub-path", "/sub/stream/ws", "/sub/stream/ws", None, "/sub", ("/sub", "/stream/ws")),
    ("the mount itself", "/sub", "/sub", None, "/sub", ("/sub", "")),
    ("a mount with a slash", "/sub/", "/sub/", None, "/sub/", ("/sub", "/")),
    ("beside the mount", "/subway/x", "/subway/x", None, "/sub", ("", "/subway/x")),
    ("escapes", "/sub/culprits/a%2Fb%C3%A9", "/sub/x.cgi", "/culprits/a/b\xc3\xa9", "", ("/sub", "/culprits/a/b\xc3\xa9")),
    ("the whole address", "http://a.b/sub/healthz", "/sub/x.cgi", "/healthz", "", ("/sub", "/healthz")),
    ("slashes merged", "/sub//healthz", "/sub/x.cgi", "/healthz", "", ("/sub/", "/healthz")),
    ("another page", "/sub/a", "/sub/x.cgi", "/b", "", ("/sub/x.cgi", "/b")),
    ("no REQUEST_URI", None, "/sub", "/healthz", "", ("/sub", "/healthz")),
    ("OPTIONS *", "*", "", "", "", ("", "")),
    ("nothing", None, None, None, "", ("", "")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "uri", "script", "page", "mount", "expected"), PLACED, ids=[row[0] for row in PLACED]
)
def test_the_app_knows_where_it_is(name, uri, script, page, mount, expected):
    given = {"REQUEST_URI": uri, "SCRIPT_NAME": script, "PATH_INFO": page}
    environ = {key: value for key, value in given.items() if value is not None}
    assert script_and_path(environ, mount) == expected
    seen = {}

    def app(environ, start_response):
        seen.update(environ)
        return [b"x"]

    assert Mounted(app, mount)(environ, lambda *_: None) == [b"x"]
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == expected


def test_cgi_writes_each_piece_at_once_and_closes_the_body(monkeypatch):
    written = Flushes()
    closed = []

    class Body:
        def __iter__(self):
            for number in range(3):
                yield f"piece {number}\n".encode()
                # Whatever came before is out when the next one is asked for.
                assert written.flushed.endswith(f"piece {number}\n".encode())

        def close(self):
            closed.append(True)

    def app(environ, start_response):
        print("a stray word")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return Body()

    real = io.TextIOWrapper(written)  # Python keeps the real one as well, in sys.__stdout__
    monkeypatch.setattr(sys, "stdout", real)
    monkeypatch.setattr(sys, "stderr", errors := io.StringIO())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    serve_cgi(app)
    assert written.flushed.startswith(b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\npiece 0\n")
    assert b"stray" not in written.flushed
    assert errors.getvalue() == "a stray word\n"
    assert closed == [True]


class Flushes(io.BytesIO):
    """A standard output that keeps what was written apart from what was flushed."""

    flushed = b""

    def flush(self) -> None:
        self.flushed = self.getvalue()
