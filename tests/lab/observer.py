"""What really arrives, seen from a bare socket: the lab's own eyes.

Nothing of flushcheck's prober or timing is used here, on purpose: a case's expectation must not come from the thing
that is tested. This module has its own HTTP/1.1 client, chunk decoder, record reader and a plain way to name what it
saw. It knows the addresses and records of the service (README, "streams") and nothing else of it.

How a stream is named (`Seen.shape`), over lags = arrival - send offset, smallest subtracted:

- fewer than 3 in 10 pieces overtaken by a later send: `flowing`; `late` if all of them waited before the first came;
- nearly every piece comes with the next one's sending: `one-late`;
- all pieces in one delivery, or all after the last was sent: `held`;
- the first of them wait together and the rest come at their pace: `late`; lags that only grow: `throttled`;
- deliveries cut at one size, or at the first piece beyond one size: `blocks`; of equal distance: `ticks`;
- arrival before sending: `replayed`; end missing: `cut`; no rule in it: `irregular`.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import secrets
import socket
import statistics
import struct
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

# The three sizes of facts.md, section 1: pieces, seconds between two, seconds of jitter, bytes of text in each, and by how
# much these differ. Of an even stream a timer makes deliveries of equal size, and a buffer deliveries at equal distance:
# uneven ones tell the two apart.
SIZES = {
    "token": (20, 0.1, 0.05, 16, 28),
    "kilo": (40, 0.05, 0.03, 1000, 1400),
    "big": (24, 0.08, 0.04, 16000, 16000),
}

BROWSER = "gzip, deflate, br, zstd"

# Reads this close together are one delivery: a block of 64 KiB is read in several turns.
ONE_DELIVERY_S = 0.012

# No stream of the lab lasts longer than 2.5 s; what is not there by then will not come.
PATIENCE_S = 12.0

WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    route: str  # chunked, events, polling, ws
    size: str = "token"
    encodings: str = BROWSER
    hints: tuple[str, ...] = ()  # of xab, cache, nosniff: the response headers the service is asked to send
    http: str = "1.1"
    pad_bytes: int = 0
    nonce: str = ""  # two asks with one nonce are one address; "" for an address of its own

    @property
    def name(self) -> str:
        parts = [self.route, self.size, *self.hints]
        parts += ["identity"] if self.encodings == "identity" else []
        parts += ["http10"] if self.http == "1.0" else []
        return "-".join(parts)

    @property
    def path(self) -> str:
        count, interval_s, jitter_s, size_bytes, spread_bytes = SIZES[self.size]
        asked = f"count={count}&interval={interval_s:g}&jitter={jitter_s:g}&size={size_bytes}&spread={spread_bytes}"
        asked += "&format=delta&end=done"
        switches = "".join(f"&{name}={int(name in self.hints)}" for name in ("xab", "cache", "nosniff"))
        pad = f"&pad={self.pad_bytes}" if self.pad_bytes else ""
        return f"/stream/{self.route}?{asked}{switches}{pad}&nonce={self.nonce or secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Reads that came together."""

    at_s: float
    wire_bytes: int  # body bytes, before decompression
    text_bytes: int  # after
    pieces: int
    tail_bytes: int = 0  # of the last record in it: how far a buffer that keeps records whole may overshoot


@dataclass(slots=True)
class Seen:
    """All that came back."""

    ask: Ask
    problem: str = ""  # what went wrong on the way; "" if nothing
    status: int = 0
    version: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)  # names as they came
    headers_s: float = 0.0
    framing: str = ""  # chunked, length, close
    ended: str = ""  # last-chunk, length, close, cut, patience
    ended_s: float = 0.0
    deliveries: list[Delivery] = field(default_factory=list)
    pieces: list[tuple[float, int, float]] = field(default_factory=list)  # arrival, number, send offset
    end: dict[str, Any] | None = None
    body_start: bytes = b""

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key.lower() == name)

    @property
    def lags(self) -> list[float]:
        delays = [at_s - sent_s for at_s, _, sent_s in self.pieces]
        return [delay - min(delays) for delay in delays]

    @property
    def with_pieces(self) -> list[Delivery]:
        return [one for one in self.deliveries if one.pieces]

    @property
    def block_bytes(self) -> int:
        """The size at which deliveries are cut, in text bytes; 0 if there is none. First and last do not count."""
        inner = self.deliveries[1:-1]
        sizes = [one.text_bytes for one in inner]
        middle, spread = _common(sizes)
        if spread <= 0.05 and spread <= self._spread_of_gaps:
            return round(middle)
        # A buffer that keeps writes whole lets go when one of them fills it: with that one, or before it.
        whole = len(inner) >= 4 and spread < self._spread_of_gaps
        if whole and max(one.text_bytes - one.tail_bytes for one in inner) < min(sizes):
            return min(sizes)
        return 0

    @property
    def period_s(self) -> float:
        """Seconds between deliveries; 0 if they have no distance in common."""
        middle, spread = _common(self._gaps)
        return middle if spread <= 0.2 else 0.0

    @property
    def _gaps(self) -> list[float]:
        starts = [one.at_s for one in self.with_pieces]
        return [after - before for before, after in itertools.pairwise(starts[:-1])]

    @property
    def _spread_of_gaps(self) -> float:
        return _common(self._gaps)[1]

    @property
    def shape(self) -> str:
        """What to call it; see the module's head."""
        if self.ask.route == "polling":
            numbers = [number for _, number, _ in self.pieces]
            return "failed" if not numbers else "flowing" if len(set(numbers)) == len(numbers) else "replayed"
        if not self.pieces:
            return "failed"
        if self.end is None or self.end.get("count") != len(self.pieces):
            return "cut"
        delays = [at_s - sent_s for at_s, _, sent_s in self.pieces]
        if min(delays) < -0.2:
            return "replayed"
        first_delay = delays[0]
        lags = self.lags
        overtaken = sum(
            1
            for (at_s, _, _), (_, _, next_sent_s) in zip(self.pieces[:-1], self.pieces[1:], strict=True)
            if at_s - min(delays) > next_sent_s + 0.02
        ) / (len(self.pieces) - 1)
        sent_span_s = self.pieces[-1][2] - self.pieces[0][2]
        with_next = sum(
            1
            for (at_s, _, _), (_, _, next_sent_s) in zip(self.pieces[:-1], self.pieces[1:], strict=True)
            if abs(at_s - min(delays) - next_sent_s) < 0.01
        ) / (len(self.pieces) - 1)
        if with_next >= 0.6:
            return "one-late"
        if overtaken < 0.3:
            # The wait before the first byte is not in the lags: all pieces have it.
            return "late" if first_delay > 0.8 and self.ask.size == "token" else "flowing"
        if self.pieces[-1][0] - self.pieces[0][0] < 0.2 * sent_span_s and max(lags) > 0.8 * sent_span_s:
            return "held"
        behind_first = [
            lag
            for lag, (at_s, _, _) in zip(lags, self.pieces, strict=True)
            if at_s > self.pieces[0][0] + 0.02
        ]
        if behind_first and max(behind_first) < 0.1 < max(lags) / 3:
            return "late"
        early, late = lags[: len(lags) // 3], lags[-len(lags) // 3 :]
        if statistics.mean(late) > 2 * statistics.mean(early) + 0.1 and max(lags) > 0.5:
            return "throttled"
        if self.block_bytes:
            return "blocks"
        if self.period_s:
            return "ticks"
        return "irregular"

    @property
    def summary(self) -> str:
        """One line for a person."""
        if not self.pieces:
            start = self.body_start[:60].decode(errors="replace").split("\n")[0]
            return f"failed: {self.status or ''} {self.problem or start!r}".strip()
        sizes = [one.text_bytes for one in self.deliveries]
        shown = ",".join(map(str, sizes[:4])) + (",…" if len(sizes) > 4 else "")
        parts = [self.shape]
        parts += [f"N={self.block_bytes}"] if self.shape == "blocks" else []
        parts += [f"T={self.period_s:.3f}"] if self.shape == "ticks" else []
        if self.ask.route != "polling":
            parts.append(f"max {max(self.lags):.2f}s, headers {self.headers_s:.2f}s, {len(sizes)}x[{shown}]")
        if self.ask.route != "ws":
            parts.append(self.framing)
        parts += [self.header("content-encoding")] if self.header("content-encoding") else []
        parts += [f"first wire {self.deliveries[0].wire_bytes}"] if self.header("content-encoding") else []
        if self.shape == "cut":
            parts.append(f"{len(self.pieces)} pieces, {self.ended} at {self.ended_s:.2f}s {self.problem}")
        return " ".join(parts)


def _common(values: list[float] | list[int]) -> tuple[float, float]:
    """The median, and how far from it, as a share, three quarters of the values stay; (0, inf) of too few."""
    if len(values) < 2:
        return 0.0, float("inf")
    middle = statistics.median(values)
    away = sorted(abs(value - middle) for value in values)
    return middle, away[max(0, -(-3 * len(away) // 4) - 1)] / middle if middle else float("inf")


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
    unpack = _unpacker(seen.header("content-encoding"))
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


class Body:
    """Takes the wire's bytes, gives the content."""

    done = ""  # how it ended, once it has

    def feed(self, data: bytes) -> bytes:
        raise NotImplementedError


class Plain(Body):
    """Content until the connection closes."""

    def feed(self, data: bytes) -> bytes:
        return data


class Counted(Body):
    """So many bytes."""

    def __init__(self, size: int) -> None:
        self._left = size
        self.done = "" if size else "length"

    def feed(self, data: bytes) -> bytes:
        content = data[: self._left]
        self._left -= len(content)
        self.done = "" if self._left else "length"
        return content


class Chunks(Body):
    """RFC 9112, section 7.1."""

    def __init__(self) -> None:
        self._pending = b""
        self._left = -1  # of the chunk under way, its CRLF included; -1: a size line comes next

    def feed(self, data: bytes) -> bytes:
        self._pending += data
        content = b""
        while self._pending and not self.done:
            if self._left < 0:
                line, found, rest = self._pending.partition(b"\r\n")
                if not found:
                    if len(line) > 1000:
                        raise ValueError("a chunk's size line without end")
                    break
                size = int(line.split(b";")[0], 16)
                self._pending = rest
                if size == 0:
                    self.done = "last-chunk"
                    break
                self._left = size + 2
            part = self._pending[: self._left]
            self._pending = self._pending[len(part) :]
            content += part[: max(0, self._left - 2)]
            self._left -= len(part)
            if self._left == 0:
                self._left = -1
        return content


class Frames(Body):
    """RFC 6455: unmasked frames from a server; text frames, each followed by a NUL to keep their bounds."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> bytes:
        self._pending += data
        content = b""
        while len(self._pending) >= 2:
            opcode, size, at = self._pending[0] & 15, self._pending[1] & 127, 2
            if size == 126:
                if len(self._pending) < 4:
                    break
                (size,), at = struct.unpack("!H", self._pending[2:4]), 4
            elif size == 127:
                if len(self._pending) < 10:
                    break
                (size,), at = struct.unpack("!Q", self._pending[2:10]), 10
            if len(self._pending) < at + size:
                break
            if opcode == 8:
                self.done = "close frame"
            elif opcode in (0, 1, 2):
                content += self._pending[at : at + size] + b"\n"
            self._pending = self._pending[at + size :]
        return content


def _unpacker(encoding: str) -> Any:
    """A function that takes compressed bytes as they come and gives what can be read of them so far."""
    if encoding in ("gzip", "x-gzip"):
        return zlib.decompressobj(31).decompress
    if encoding == "deflate":
        return _Deflate().feed
    if encoding == "br":
        import brotli

        return brotli.Decompressor().process
    if encoding == "zstd":
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj().decompress
    return lambda data: data


class _Deflate:
    """zlib's format or the bare one: servers send both under this name."""

    def __init__(self) -> None:
        self._unpack: Any = None

    def feed(self, data: bytes) -> bytes:
        if self._unpack is None:
            self._unpack = zlib.decompressobj(15 if data[0] & 15 == 8 else -15)
        found: bytes = self._unpack.decompress(data)
        return found


class Records:
    """Finds the service's records, one JSON object a line."""

    def __init__(self, seen: Seen, *, events: bool, messages: bool) -> None:
        self._seen = seen
        self._before = b"data: " if events and not messages else b""
        self._pending: list[bytes] = []
        self._around = 40 if events and not messages else 1  # bytes of a record beside its JSON
        self.last_bytes = 0  # of the last record that was whole

    def feed(self, text: bytes, at_s: float) -> None:
        if b"\n" not in text:
            self._pending.append(text)
            return
        *lines, rest = b"".join([*self._pending, text]).split(b"\n")
        self._pending = [rest]
        for line in lines:
            if line.startswith(self._before + b"{"):
                self.last_bytes = len(line) + self._around
                self._take(json.loads(line[len(self._before) :]), at_s)

    def _take(self, record: dict[str, Any], at_s: float) -> None:
        if "end" in record:
            self._seen.end = record
        elif "seq" in record:
            self._seen.pieces.append((at_s, int(record["seq"]), float(record["at_s"])))


def first_look() -> tuple[Ask, ...]:
    """The least that says how each stream of a case arrives."""
    return (
        Ask("chunked"),
        Ask("events"),
        Ask("chunked", "kilo"),
        Ask("events", "kilo"),
        Ask("chunked", "big"),
        Ask("events", "big"),
        Ask("ws"),
        Ask("polling"),
    )


def battery() -> Iterator[tuple[Ask, ...]]:
    """All that the lab asks of a case, in rounds of requests that run side by side."""
    yield (
        Ask("chunked"),
        Ask("events"),
        Ask("chunked", "kilo"),
        Ask("events", "kilo"),
        Ask("ws"),
        Ask("polling"),
    )
    yield (
        Ask("chunked", "big"),
        Ask("events", "big"),
        Ask("chunked", hints=("xab",)),
        Ask("events", hints=("xab",)),
        Ask("chunked", encodings="identity"),
        Ask("events", encodings="identity"),
    )
    yield (
        Ask("chunked", http="1.0"),
        Ask("chunked", hints=("cache",)),
        Ask("chunked", "kilo", encodings="identity"),
        Ask("chunked", "kilo", hints=("xab",)),
    )
