"""An app of a visitor's own on the loopback: streams, refusals and redirects, each at a path of its own.

Its responses are written by hand, so that each flush is a write of its own. It keeps the requests that reached it.
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import ClassVar

COUNT, INTERVAL_S = 16, 0.06
WORDS = [f"word{number} " for number in range(COUNT)]


def openai(words: list[str]) -> Iterator[str]:
    """A chat completion as OpenAI's API streams it: a role, a token a record, a reason, and the end."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m"}
    deltas: list[dict[str, str]] = [
        {"role": "assistant", "content": ""},
        *({"content": word} for word in words),
        {},
    ]
    for number, delta in enumerate(deltas):
        reason = "stop" if number == len(deltas) - 1 else None
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        yield f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"
    yield "data: [DONE]\n\n"


class OwnApp:
    """The app. `allowed` is the origin that may read it from elsewhere; "" for none."""

    def __init__(self, allowed: str = "") -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            routes: ClassVar[dict[str, str]] = {}

            def do_GET(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                requests.append((self.command, self.path, dict(self.headers), self.rfile.read(size)))
                path = self.path.partition("?")[0]
                getattr(self, f"_{path.strip('/')}", self._missing)()

            do_POST = do_OPTIONS = do_GET  # noqa: N815  # as http.server calls them

            def _stream(
                self, kind: str, parts: Iterator[str], interval_s: float = INTERVAL_S, *, packed: bool = False
            ) -> None:
                # nginx asks over HTTP/1.0 where it is not told otherwise.
                chunked = self.request_version == "HTTP/1.1"
                self.close_connection = not chunked
                packer = zlib.compressobj(wbits=31) if packed else None
                headers = [("Transfer-Encoding", "chunked")] if chunked else [("Connection", "close")]
                headers += [("Content-Encoding", "gzip")] if packed else []
                self._head(200, kind, *headers)
                try:
                    for part in parts:
                        self._write(packer.compress(part.encode()) if packer else part.encode(), chunked)
                        time.sleep(interval_s)
                    self._write(packer.flush() if packer else b"", chunked)
                    self.wfile.write(b"0\r\n\r\n" if chunked else b"")
                except OSError:
                    self.close_connection = True  # the reader has left

            def _write(self, data: bytes, chunked: bool) -> None:
                if data:
                    self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n" if chunked else data)

            def _head(self, status: int, kind: str, *headers: tuple[str, str]) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                if allowed:
                    self.send_header("Access-Control-Allow-Origin", allowed)
                    self.send_header("Access-Control-Allow-Headers", "authorization, content-type")
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()

            def _text(self, status: int, kind: str, text: str, *headers: tuple[str, str]) -> None:
                self._head(status, kind, ("Content-Length", str(len(text.encode()))), *headers)
                self.wfile.write(text.encode())

            def _events(self) -> None:
                self._stream("text/event-stream", (f"data: {word}\n\n" for word in WORDS))

            def _big(self) -> None:
                self._stream("text/event-stream", (f"data: {'x' * 700}\n\n" for _ in range(40)), 0.05)

            def _packed(self) -> None:
                """Compressed without a flush, as middleware does it, for a client that takes it."""
                packed = "gzip" in self.headers.get("Accept-Encoding", "")
                parts = (f"data: {word}\n\n" for word in WORDS)
                self._stream("text/event-stream", parts, packed=packed)

            def _chat(self) -> None:
                if self.command == "OPTIONS":
                    return self._text(204, "text/plain", "")
                return self._stream("text/event-stream", openai(WORDS))

            def _endless(self) -> None:
                self._stream("text/event-stream", (f"data: {n}\n\n" for n in range(10_000)))

            def _echo(self) -> None:
                _, path, headers, body = requests[-1]
                said = [path, *(f"{name}: {value}" for name, value in headers.items()), body.decode()]
                self._stream("text/event-stream", (f"data: {line}\n\n" for line in said), 0.02)

            def _small(self) -> None:
                self._text(200, "application/json", '{"ok": true}')

            def _private(self) -> None:
                self._text(401, "application/json", '{"detail": "no token"}')

            def _moved(self) -> None:
                self._text(302, "text/plain", "", ("Location", "/login"))

            def _login(self) -> None:
                self._text(200, "text/html; charset=utf-8", "<title>Log in</title>")

            def _cut(self) -> None:
                self._head(200, "text/event-stream", ("Content-Length", "1000"))
                for word in WORDS[:6]:
                    self.wfile.write(f"data: {word}\n\n".encode())
                    self.wfile.flush()
                    time.sleep(INTERVAL_S)
                self.close_connection = True

            def _missing(self) -> None:
                self._text(404, "text/plain", "not here")

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> OwnApp:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
