"""An origin of flushcheck: numbered pieces of text on request, for `flushcheck diagnose`.

The protocol is described in docs/protocol.md of flushcheck. This part is the same for every server: a Request
in, a Response out, None for what is not for the origin. It has no clock, no socket and no lock; what calls it
waits, writes and knows the date. It imports the standard library only.

What must stay true: without the token there is no sign of an origin, and no part of a request is repeated but
the header values that `request_at_app` lists, as JSON in ASCII.
"""

from __future__ import annotations

import datetime
import hmac
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

VERSION = 1
TOKEN_HEADER = "x-flushcheck-token"

TOKEN_FORM = re.compile(r"[A-Za-z0-9_-]{16,200}")
WHOLE = re.compile(r"[0-9]{1,12}")
NUMBER = re.compile(r"(?=.{1,12}$)[0-9]+(?:\.[0-9]+)?")
TAP_ID = re.compile(r"[0-9a-f]{16,64}")

TRANSPORTS = ("polling", "chunked", "events", "websocket")
REQUIRED = ("count", "interval", "jitter", "size", "spread")  # every origin takes these parameters
OPTIONAL = ("pad", "xab", "cache", "nosniff", "type", "delay")  # and this one these too
NAMES = frozenset(("fc", "k", "id", "cnt", "nonce", "flush", *REQUIRED, *OPTIONAL))
# Not text/html: a response must never run as a page.
TYPES = (
    "text/plain",
    "text/event-stream",
    "application/json",
    "application/x-ndjson",
    "application/octet-stream",
)
TYPE_OF = {
    "chunked": "text/plain",
    "events": "text/event-stream",
    "polling": "application/json",
    "websocket": "",
}

MAX_COUNT = 1000
MAX_SECONDS = 300  # between two pieces
MAX_DELAY_S = 30
MAX_SIZE = 65536  # bytes of one piece, and of the padding
MAX_VALUE = 200  # characters of a header that is told in `request_at_app`
FORWARDING = (
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-host",
    "x-real-ip",
)


@dataclass(frozen=True)
class Request:
    """One request, as the server saw it."""

    method: str
    query: str  # as it stands in the URL, without the question mark
    headers: Mapping[str, str]  # names in lower case
    protocol: str = ""  # for example "HTTP/1.1"
    server: str = ""  # the app's server, for example "gunicorn"
    gateway: str = ""  # GATEWAY_INTERFACE; "" for plain HTTP
    websocket: bool = False  # the server takes it for the handshake of a WebSocket


@dataclass(frozen=True)
class Response:
    """What to send: a short body, or a stream."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    stream: Stream | None = None  # in place of the body


# When a write is due, in seconds since the request; and what makes it, given the seconds at that moment.
Write = tuple[float, Callable[[float], bytes]]


class Refused(Exception):
    """A parameter is out of bounds: names it and what is allowed, never its value."""


class Origin:
    """What one mount serves, and to whom."""

    def __init__(
        self,
        *,
        token: str,
        until: str,
        streams: int = 4,
        duration_s: int = 60,
        max_bytes: int = 1024 * 1024,
        transports: Sequence[str] = ("polling", "chunked", "events"),
        program: str = "",
        place: str = "",
        layers: Callable[[], Sequence[str]] = tuple,
        taps: Callable[[str], Sequence[Mapping[str, object]] | None] | None = None,
    ) -> None:
        """Set up the mount.

        Args:
            token: 16 or more characters of A-Z a-z 0-9 - _; "": the mount is off.
            until: the last day on which it responds, in UTC: YYYY-MM-DD.
            streams: how many requests the host serves at the same time.
            duration_s: of one stream at most.
            max_bytes: of one stream at most.
            transports: those that the server can carry.
            program: program, version and server, for people.
            place: "inner" or "outer", where two mounts are compared.
            layers: the layers of the app from the outermost to this place, asked for with each request.
            taps: returns the notes of one tapped request; None of an id that is not known. None: no taps.

        Raises:
            ValueError: an argument is wrong.
        """
        if token and not TOKEN_FORM.fullmatch(token):
            raise ValueError("token: expected at least 16 characters of A-Z a-z 0-9 - _")
        if token:
            datetime.date.fromisoformat(until)
        self._token = token.encode()
        self._until = until
        self._program = program
        self._max = {"streams": streams, "duration_s": duration_s, "bytes": max_bytes}
        self._transports = tuple(transports)
        self._place, self._layers, self._taps = place, layers, taps
        self._open: list[object] = []  # one entry for each stream; a list needs no lock

    def respond(self, request: Request, today: str) -> Response | None:
        """Return the response; None if the request is not for the origin, or not allowed to reach it.

        Args:
            request: any request to the address of the mount.
            today: the date in UTC, YYYY-MM-DD.
        """
        pairs = _pairs(request.query)
        if request.method != "GET" or not any(name == "fc" for name, _ in pairs):
            return None
        if not self.allows(request.headers.get(TOKEN_HEADER) or dict(pairs).get("k", ""), today):
            return None
        try:
            given = once(pairs)
            return self._response(given["fc"], given, request)
        except Refused as refused:
            error = {"error": str(refused), "request_at_app": self._at_app(request)}
            return _json_response(error, status=400)

    def allows(self, token: str, today: str) -> bool:
        """Whether this token opens the mount on this day."""
        same = hmac.compare_digest(token.encode("utf-8", "replace"), self._token)
        return same and bool(self._token) and today <= self._until

    def _response(self, kind: str, given: Mapping[str, str], request: Request) -> Response:
        if kind == str(VERSION):
            return _json_response(self._capabilities())
        if kind == "tap" and self._taps is not None:
            places = self._taps(given["id"]) if TAP_ID.fullmatch(given.get("id", "")) else None
            if places is None:
                return _json_response({"error": "no notes of this id"}, status=404)
            return _json_response({"places": list(places)})
        if kind not in self._transports:
            raise Refused(f"fc: expected {VERSION}, {', '.join(self._transports)}")
        params = Params.read(given, self._max, whole_stream=kind != "polling")
        if kind == "polling":
            return self._poll(given.get("cnt", "0"), params, request)
        if request.websocket != (kind == "websocket"):
            raise Refused(f"fc: {kind} is not for this kind of request")
        entry = object()
        self._open.append(entry)
        if self._open.index(entry) >= self._max["streams"]:
            self._open.remove(entry)
            error = f"{self._max['streams']} streams at once are the most"
            return _json_response({"error": error}, status=503, more=[("Retry-After", "1")])
        stream = Stream(
            kind,
            params,
            at_app=lambda: self._at_app(request),
            on_end=lambda: self._open.remove(entry) if entry in self._open else None,
        )
        return Response(200, params.headers(kind), stream=stream)

    def _capabilities(self) -> dict[str, object]:
        said: dict[str, object] = {
            "flushcheck": VERSION,
            "origin": self._program,
            "transports": self._transports,
            "params": OPTIONAL,
            "max": self._max,
            "until": self._until,
            "place": self._place,
            "layers": list(self._layers()),
            "taps": self._taps is not None,
        }
        return {name: value for name, value in said.items() if value or name == "flushcheck"}

    def _poll(self, cnt: str, params: Params, request: Request) -> Response:
        if not WHOLE.fullmatch(cnt) or int(cnt) >= params.count:
            error = f"cnt: expected 0 to {params.count - 1}"
            at_app = self._at_app(request)
            return _json_response(
                {"error": error, "count": params.count, "request_at_app": at_app}, status=400
            )
        piece = {"message": params.text(int(cnt)), "cnt": int(cnt), "count": params.count}
        body = b" " * params.pad + json.dumps(piece).encode() + b"\n"
        return Response(200, params.headers("polling"), body)

    def _at_app(self, request: Request) -> dict[str, object]:
        """What arrived of this request, for the client to compare with what it sent."""
        headers = request.headers
        hops = headers.get("x-forwarded-for", "").split(",")
        return {
            "protocol": request.protocol[:MAX_VALUE],
            "gateway": request.gateway[:MAX_VALUE],
            "server": request.server[:MAX_VALUE],
            "connection": headers.get("connection", "")[:MAX_VALUE],
            "upgrade": headers.get("upgrade", "")[:MAX_VALUE],
            "websocket_key": bool(headers.get("sec-websocket-key")),
            "accept_encoding": headers.get("accept-encoding", "")[:MAX_VALUE],
            "via": headers.get("via", "")[:MAX_VALUE],
            "forwarded": [name for name in FORWARDING if name in headers],
            "forwarded_hops": sum(1 for hop in hops if hop.strip()),
            "concurrent": len(self._open),
        }


@dataclass(frozen=True)
class Params:
    """The parameters of one stream. Without any: what a plain app sends."""

    count: int = 20
    interval: float = 0.1
    jitter: float = 0.0
    size: int = 16
    spread: int = 0
    pad: int = 0
    xab: int = 0
    cache: int = 0
    nosniff: int = 0
    type: str = ""
    delay: float = 0.0

    @classmethod
    def read(cls, given: Mapping[str, str], most: Mapping[str, int], *, whole_stream: bool) -> Params:
        """Read the query.

        Args:
            given: names and values; names that are not parameters are passed over.
            most: the bounds of one stream: duration_s, bytes.
            whole_stream: whether those bounds count.

        Raises:
            Refused: a value is out of bounds.
        """
        interval = _seconds(given, "interval", cls.interval, MAX_SECONDS)
        size = _whole(given, "size", cls.size, 1, MAX_SIZE)
        params = cls(
            count=_whole(given, "count", cls.count, 1, MAX_COUNT),
            interval=interval,
            jitter=_seconds(given, "jitter", 0.0, interval),
            size=size,
            spread=_whole(given, "spread", 0, 0, 2 * min(size - 1, MAX_SIZE - size)),
            pad=_whole(given, "pad", 0, 0, MAX_SIZE),
            xab=_whole(given, "xab", 0, 0, 1),
            cache=_whole(given, "cache", 0, 0, 1),
            nosniff=_whole(given, "nosniff", 0, 0, 1),
            type=given.get("type", ""),
            delay=_seconds(given, "delay", 0.0, MAX_DELAY_S),
        )
        if params.type and params.type not in TYPES:
            raise Refused(f"type: expected {', '.join(TYPES)}")
        if whole_stream:
            duration_s = params.delay + (params.count - 1) * params.interval + params.jitter
            if duration_s > most["duration_s"]:
                raise Refused(f"count and interval: expected at most {most['duration_s']} seconds")
            if params.pad + params.count * (params.size + params.spread / 2) > most["bytes"]:
                raise Refused(f"count and size: expected at most {most['bytes']} bytes")
        return params

    def headers(self, kind: str) -> list[tuple[str, str]]:
        """The headers of a response of this kind: those that were asked for, and the type."""
        headers = [("Content-Type", f"{self.type or TYPE_OF[kind]}; charset=utf-8")]
        if kind == "polling" and not self.type:
            headers = [("Content-Type", TYPE_OF[kind])]
        if self.xab:
            headers.append(("X-Accel-Buffering", "no"))
        if self.cache:
            headers.append(("Cache-Control", "no-cache, no-transform"))
        if self.nosniff:
            headers.append(("X-Content-Type-Options", "nosniff"))
        return headers

    def text(self, seq: int) -> str:
        """The text of one piece. Random, so that compression does not hide how much of it a buffer holds."""
        draw = random.Random(seq)
        size = self.size + round(self.spread * (draw.random() - 0.5))
        return draw.randbytes(size // 2 + 1).hex()[:size]

    def due_s(self, seq: int) -> float:
        """When a piece is due, in seconds since the request."""
        return self.delay + seq * self.interval + random.Random(~seq).random() * self.jitter


@dataclass
class Stream:
    """One stream, from its padding to its end record."""

    kind: str
    params: Params
    at_app: Callable[[], Mapping[str, object]]
    on_end: Callable[[], None]
    _due_s: float = field(default=0.0, init=False)

    def writes(self) -> Iterator[Write]:
        """Yield each write in order. A WebSocket sends each as one text message."""
        params = self.params
        if params.pad and self.kind != "websocket":
            padding = b" " * params.pad + b"\n\n"
            yield 0.0, lambda _: (b":" if self.kind == "events" else b"") + padding
        for seq in range(params.count):
            self._due_s = params.due_s(seq)
            yield self._due_s, lambda at_s, seq=seq: self._piece(seq, at_s)  # type: ignore[misc]
        yield self._due_s, self._end

    def close(self) -> None:
        """Stop counting as an open stream: at its end, or when the client has left."""
        self.on_end()

    def _piece(self, seq: int, at_s: float) -> bytes:
        text = json.dumps({"seq": seq, "at_s": round(at_s, 6), "delta": self.params.text(seq)})
        return self._frame(text, f"id: {seq}\nevent: delta\n")

    def _end(self, at_s: float) -> bytes:
        at_app = self.at_app()
        # Before it is sent: the client may ask for the next stream as soon as it has the end.
        self.close()
        end = {"end": "done", "count": self.params.count, "at_s": round(at_s, 6), "request_at_app": at_app}
        return self._frame(json.dumps(end), "event: done\n")

    def _frame(self, text: str, event: str) -> bytes:
        if self.kind == "events":
            text = f"{event}data: {text}\n\n"
        elif self.kind == "chunked":
            text += "\n"
        return text.encode()


def _pairs(query: str) -> list[tuple[str, str]]:
    """The names and values of a query; none of one that cannot be read."""
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return []


def once(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The values by name.

    Raises:
        Refused: a name of the protocol is there twice.
    """
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given and name in NAMES:
            raise Refused(f"{name}: expected it once")
        given[name] = value
    return given


def _whole(given: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    raw = given.get(name, str(default))
    if not WHOLE.fullmatch(raw) or not low <= int(raw) <= high:
        raise Refused(f"{name}: expected a whole number from {low} to {high}")
    return int(raw)


def _seconds(given: Mapping[str, str], name: str, default: float, high: float) -> float:
    raw = given.get(name, str(min(default, high)))
    if not NUMBER.fullmatch(raw) or float(raw) > high:
        raise Refused(f"{name}: expected 0 to {high:g} seconds")
    return float(raw)


def _json_response(
    data: Mapping[str, object], *, status: int = 200, more: Sequence[tuple[str, str]] = ()
) -> Response:
    headers = [
        ("Content-Type", "application/json"),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        *more,
    ]
    return Response(status, headers, json.dumps(data).encode() + b"\n")
