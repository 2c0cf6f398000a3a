"""What really arrives, seen from a bare socket, independent of flushcheck's own prober.

Nothing of flushcheck's prober or timing is used here, on purpose: a case's expectation must not come from the code
that is tested. The observer has its own HTTP/1.1 client, chunk decoder and record reader, and its own names for what
it saw (`seen.py`). It knows the addresses and records of the service (docs, "streams") and nothing else of it.
"""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing

from tests.lab.asks import SIZES, Ask
from tests.lab.content import Content
from tests.lab.decoders import Body, Chunks, Counted, Frames, Plain
from tests.lab.seen import Delivery, Seen
from tests.lab.tls import HOST, TlsSocket, connect

# No stream of the lab lasts longer than 2.5 s; what has not arrived by then does not arrive.
PATIENCE_S = 12.0


def look(
    host: str, port: int, ask: Ask, *, prefix: str = "", tls: bool = False, patience_s: float = PATIENCE_S
) -> Seen:
    """Make one request over HTTP/1.1 and write down what comes.

    Args:
        host: where to connect; also the Host header, where there is no TLS.
        port: the same.
        ask: what to ask for.
        prefix: what stands before the service's own paths.
        tls: whether the server speaks TLS, with the lab's certificate.
        patience_s: when to give up.
    """
    seen = Seen(ask)
    if ask.route == "polling":
        return poll(
            ask, lambda path, answer: _read_poll(host, port, ask, prefix + path, answer, tls, patience_s)
        )
    begun_s = time.monotonic()
    try:
        with closing(connect(host, port, tls=tls, alpn=("http/1.1",), timeout_s=patience_s)) as connection:
            connection.sendall(_request(HOST if tls else host, port, ask, prefix + ask.path))
            begun_s = time.monotonic()
            try:
                _read(connection, seen, begun_s, patience_s)
            finally:
                if isinstance(connection, TlsSocket):
                    seen.records, seen.alpn = connection.records.sizes, connection.alpn
    except OSError as error:
        seen.problem = seen.problem or f"{type(error).__name__}: {error}"
        seen.ended = seen.ended or "cut"
    except ValueError as error:
        seen.problem = str(error)[:120]
        seen.ended = "cut"
    seen.ended_s = time.monotonic() - begun_s
    return seen


def look_at_all(
    host: str, port: int, asks: Iterable[Ask], *, prefix: str = "", tls: bool = False
) -> list[Seen]:
    """Make all requests at once, each over a connection of its own."""
    return at_once(asks, lambda ask: look(host, port, ask, prefix=prefix, tls=tls))


def at_once(asks: Iterable[Ask], look_at: Callable[[Ask], Seen]) -> list[Seen]:
    """Make all requests at once, each in a thread of its own."""
    wanted = list(asks)
    found: list[Seen | None] = [None] * len(wanted)

    def one(index: int) -> None:
        found[index] = look_at(wanted[index])

    threads = [threading.Thread(target=one, args=(index,), daemon=True) for index in range(len(wanted))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [seen for seen in found if seen is not None]


def _request(host: str, port: int, ask: Ask, path: str) -> bytes:
    lines = [
        f"GET {path} HTTP/{ask.http}",
        f"Host: {host}:{port}",
        "User-Agent: flushcheck-lab",
        "Accept: */*",
        f"Accept-Encoding: {ask.encodings}",
    ]
    if ask.route == "ws":
        key = base64.b64encode(os.urandom(16)).decode()
        lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
        lines += [f"Sec-WebSocket-Key: {key}"]
    elif ask.http == "1.1":
        lines.append("Connection: close" if ask.route == "polling" else "Connection: keep-alive")
    return "\r\n".join([*lines, "", ""]).encode()


def _read(connection: socket.socket | TlsSocket, seen: Seen, begun_s: float, patience_s: float) -> None:
    """Read the answer to its end, by its own framing."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        data = _receive(connection, begun_s, patience_s)
        if not data:
            seen.problem = seen.problem or f"closed before the headers ended, after {len(raw)} bytes"
            seen.ended = "cut"
            return
        raw += data
        if len(raw) > 65536 and b"\r\n\r\n" not in raw:
            raise ValueError("more than 65536 bytes of headers")
    seen.headers_s = time.monotonic() - begun_s
    head, _, rest = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    found = re.match(r"HTTP/(\d\.\d) (\d{3})", first)
    if not found:
        raise ValueError(f"not HTTP: {first[:60]!r}")
    seen.version, seen.status = found[1], int(found[2])
    seen.headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    websocket = seen.status == 101
    if websocket:
        seen.framing = "websocket"
        body: Body = Frames()
    elif "chunked" in seen.header("transfer-encoding").lower():
        seen.framing = "chunked"
        body = Chunks()
    elif seen.header("content-length"):
        seen.framing = "length"
        body = Counted(int(seen.header("content-length").split(",")[0]))
    else:
        seen.framing = "close"
        body = Plain()
    reader = Content(seen, messages=websocket)
    data = rest
    while True:
        at_s = time.monotonic() - begun_s
        if data:
            reader.feed(body.feed(data), at_s)
        if body.done:
            seen.ended = body.done
            return
        if websocket and seen.end is not None:
            seen.ended = "end record"
            return
        try:
            data = _receive(connection, begun_s, patience_s)
        except TimeoutError:
            seen.ended = "patience"
            return
        if not data:
            seen.ended = "close" if seen.framing == "close" else "cut"
            return


def _receive(connection: socket.socket | TlsSocket, begun_s: float, patience_s: float) -> bytes:
    left_s = begun_s + patience_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("patience ended")
    connection.settimeout(left_s)
    return connection.recv(262144)


def _read_poll(host: str, port: int, ask: Ask, path: str, answer: Seen, tls: bool, patience_s: float) -> None:
    with closing(connect(host, port, tls=tls, alpn=("http/1.1",), timeout_s=patience_s)) as connection:
        connection.sendall(_request(HOST if tls else host, port, ask, path))
        _read(connection, answer, time.monotonic(), patience_s)


def poll(ask: Ask, fetch: Callable[[str, Seen], None]) -> Seen:
    """Ask for five pieces, one after the other, and for one past the end, which tells the origin.

    Args:
        ask: what is polled.
        fetch: makes one request for a path and writes down its answer; it may raise OSError or ValueError.
    """
    seen = Seen(ask)
    begun_s = time.monotonic()
    for number in (0, 1, 2, 3, 4, SIZES[ask.size][0]):
        path = ask.path.replace("?", f"?cnt={number}&", 1)
        answer = Seen(Ask("polling-answer"))
        try:
            fetch(path, answer)
        except (OSError, ValueError) as error:
            seen.problem = f"{type(error).__name__}: {error}"[:120]
            continue
        seen.headers, seen.version, seen.framing = answer.headers, answer.version, answer.framing
        seen.status = answer.status
        seen.body_start = seen.body_start or answer.body_start
        try:
            said = json.loads(answer.body_start)
        except ValueError:
            continue
        if "message" in said:
            seen.pieces.append((time.monotonic() - begun_s, int(said.get("cnt", number)), 0.0))
            seen.deliveries.append(Delivery(0.0, 0, 0, 1))
        elif "count" in said:
            seen.end = said
    seen.ended_s = time.monotonic() - begun_s
    return seen
