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
from collections.abc import Iterable
from contextlib import closing

from tests.lab.asks import SIZES, Ask
from tests.lab.decoders import Body, Chunks, Counted, Frames, Plain, Records, unpacker
from tests.lab.seen import Delivery, Seen

# Reads this close together are one delivery: a block of 64 KiB is read in several turns.
ONE_DELIVERY_S = 0.012

# No stream of the lab lasts longer than 2.5 s; what has not arrived by then does not arrive.
PATIENCE_S = 12.0


def look(host: str, port: int, ask: Ask, *, prefix: str = "", patience_s: float = PATIENCE_S) -> Seen:
    """Make one request and write down what comes.

    Args:
        host: where to connect; also the Host header.
        port: the same.
        ask: what to ask for.
        prefix: what stands before the service's own paths.
        patience_s: when to give up.
    """
    seen = Seen(ask)
    if ask.route == "polling":
        return _poll(host, port, ask, prefix, patience_s)
    begun_s = time.monotonic()
    try:
        with closing(socket.create_connection((host, port), timeout=patience_s)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(_request(host, port, ask, prefix))
            begun_s = time.monotonic()
            _read(connection, seen, begun_s, patience_s)
    except OSError as error:
        seen.problem = seen.problem or f"{type(error).__name__}: {error}"
        seen.ended = seen.ended or "cut"
    except ValueError as error:
        seen.problem = str(error)[:120]
        seen.ended = "cut"
    seen.ended_s = time.monotonic() - begun_s
    return seen


def look_at_all(host: str, port: int, asks: Iterable[Ask], *, prefix: str = "") -> list[Seen]:
    """Make all requests at once."""
    wanted = list(asks)
    found: list[Seen | None] = [None] * len(wanted)

    def one(index: int) -> None:
        found[index] = look(host, port, wanted[index], prefix=prefix)

    threads = [threading.Thread(target=one, args=(index,), daemon=True) for index in range(len(wanted))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [seen for seen in found if seen is not None]


def _request(host: str, port: int, ask: Ask, prefix: str, path: str = "") -> bytes:
    lines = [
        f"GET {prefix}{path or ask.path} HTTP/{ask.http}",
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


def _read(connection: socket.socket, seen: Seen, begun_s: float, patience_s: float) -> None:
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
    unpack = unpacker(seen.header("content-encoding"))
    records = Records(seen, events=seen.ask.route == "events", messages=websocket)
    data = rest
    while True:
        at_s = time.monotonic() - begun_s
        if data:
            content = body.feed(data)
            text = unpack(content) if content else b""
            if len(seen.body_start) < 400:
                seen.body_start += text[:400]
            if content or text:
                before = len(seen.pieces)
                records.feed(text, at_s)
                _note(seen, at_s, len(content), len(text), len(seen.pieces) - before, records.last_bytes)
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


def _note(seen: Seen, at_s: float, wire_bytes: int, text_bytes: int, pieces: int, tail_bytes: int) -> None:
    """Add a read to the delivery under way, or begin one."""
    last = seen.deliveries[-1] if seen.deliveries else None
    if last is not None and at_s - last.at_s <= ONE_DELIVERY_S:
        seen.deliveries[-1] = Delivery(
            last.at_s,
            last.wire_bytes + wire_bytes,
            last.text_bytes + text_bytes,
            last.pieces + pieces,
            tail_bytes,
        )
    else:
        seen.deliveries.append(Delivery(at_s, wire_bytes, text_bytes, pieces, tail_bytes))


def _receive(connection: socket.socket, begun_s: float, patience_s: float) -> bytes:
    left_s = begun_s + patience_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("patience ended")
    connection.settimeout(left_s)
    return connection.recv(262144)


def _poll(host: str, port: int, ask: Ask, prefix: str, patience_s: float) -> Seen:
    """Ask for five pieces, each by a connection of its own, and for one past the end, which tells the origin."""
    seen = Seen(ask)
    begun_s = time.monotonic()
    for number in (0, 1, 2, 3, 4, SIZES[ask.size][0]):
        path = ask.path.replace("?", f"?cnt={number}&", 1)
        try:
            with closing(socket.create_connection((host, port), timeout=patience_s)) as connection:
                connection.settimeout(patience_s)
                connection.sendall(_request(host, port, ask, prefix, path))
                one = Seen(Ask("polling-answer"))
                _read(connection, one, time.monotonic(), patience_s)
        except (OSError, ValueError) as error:
            seen.problem = f"{type(error).__name__}: {error}"[:120]
            continue
        seen.headers, seen.version, seen.framing = one.headers, one.version, one.framing
        seen.status = one.status
        seen.body_start = seen.body_start or one.body_start
        try:
            said = json.loads(one.body_start)
        except ValueError:
            continue
        if "message" in said:
            seen.pieces.append((time.monotonic() - begun_s, int(said.get("cnt", number)), 0.0))
            seen.deliveries.append(Delivery(0.0, 0, 0, 1))
        elif "count" in said:
            seen.end = said
    seen.ended_s = time.monotonic() - begun_s
    return seen
