"""Watching a stream of the user's own app, or the same one at two addresses side by side.

Read as Probes are (`streams`): while bytes lie ready nothing is done but to read them and to take the time.
Everything is bounded (time, bytes, unpacked bytes, records), and whatever the far side does is an Ending.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from urllib3 import HTTPHeaderDict
from urllib3.response import HTTPResponse

from flushcheck.measurement.plan import BROWSER_ENCODINGS
from flushcheck.model import Arrival, ReceivedPiece, UsageError
from flushcheck.prober import observation_builder as ledgers
from flushcheck.prober.address import Address, parse
from flushcheck.prober.decompress import DecodeError, DecoderChain
from flushcheck.prober.http import ERROR_BYTES, ERROR_S, FAR_SIDE, Connection, ending, read_whole
from flushcheck.prober.messages import MAX_DETAIL, no_http, printable, say_answer, seconds
from flushcheck.prober.observation_builder import MAX_HEADER, MAX_HEADERS
from flushcheck.prober.timed_socket import READ_BYTES, Budget, TimedSocket
from flushcheck.prober.tool import USER_AGENT
from flushcheck.watching.watch import MAX_RECORDS, Ending, Follower, Kind, Record, Watched

DEFAULT_WATCH_S = 60.0
MAX_WATCH_S = 600.0

MAX_URL = 8_000  # characters: longer ones few servers take
MAX_ARRIVALS = 50_000  # a token every 10 ms for 8 minutes
MAX_BODY_BYTES = 1024 * 1024  # of what is sent

# RFC 3986: what a path and a query may hold as they stand. "%" stays: the caller has encoded already.
_PATH_SAFE, _QUERY_SAFE = "/%:@!$&'()*+,;=-._~", "/%?:@!$&'()*+,;=-._~[]{}|\\^`\""

# What a header's name and value may hold (RFC 9110, sections 5.1 and 5.5).
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
# What the connection itself sees to.
_OURS = frozenset({"connection", "content-length", "host", "transfer-encoding", "upgrade"})

EXAMPLE = "http://localhost:8000/stream/events"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to watch the answer of."""

    url: str
    address: Address
    target: str  # path and query, as the request line has them
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Came:
    """One read, told while the stream runs."""

    index: int  # of the request
    at_s: float
    size_bytes: int  # as it came
    text_bytes: int  # after decompression
    records: tuple[Record, ...]


def ask(
    url: str, *, method: str = "", headers: Iterable[tuple[str, str]] = (), body: bytes | None = None
) -> Ask:
    """A request.

    Args:
        url: any http or https address, query included.
        method: "" for GET, or POST where there is a body.
        headers: names and values of the caller's own; they win over those that every request has.
        body: what to send; None for nothing.

    Raises:
        UsageError: one of these cannot be.
    """
    shown = url if len(url) <= 100 else f"{url[:100]}…"
    try:
        parts = urlsplit(url if len(url) <= MAX_URL and url.isprintable() and " " not in url else "")
    except ValueError as error:  # a bracket too many
        raise UsageError(f"{shown!r}: {error}; expected an address, for example {EXAMPLE}") from None
    if not parts.scheme or parts.fragment:
        raise UsageError(f"{shown!r}: expected an address without spaces and #, for example {EXAMPLE}")
    address = parse(f"{parts.scheme}://{parts.netloc}")
    target = quote(parts.path or "/", safe=_PATH_SAFE)
    if parts.query:
        target += "?" + quote(parts.query, safe=_QUERY_SAFE)
    verb = method or ("GET" if body is None else "POST")
    if not verb or len(verb) > 20 or not set(verb) <= _TOKEN:
        raise UsageError(f"method {verb[:40]!r}: expected a word, for example POST")
    if body is not None and len(body) > MAX_BODY_BYTES:
        raise UsageError(f"a body of {len(body)} bytes: expected at most {MAX_BODY_BYTES}, for example {{}}")
    own = tuple((name.strip(), value.strip()) for name, value in headers)
    for name, value in own:
        _check_header(name, value)
    return Ask(url, address, target, verb, own, body)


def _check_header(name: str, value: str) -> None:
    example = "for example -H 'Authorization: Bearer …'"
    if not name or not set(name) <= _TOKEN:
        raise UsageError(f"header name {name[:40]!r}: expected letters, digits and hyphens, {example}")
    if not value.isprintable() or not _is_latin(value):
        # The value may be a secret: it is not shown.
        raise UsageError(f"header {name}: expected a value of printable Latin characters, {example}")
    if name.lower() in _OURS:
        raise UsageError(f"header {name}: expected one that the connection does not set itself, {example}")


def _is_latin(value: str) -> bool:
    return all(ord(char) < 256 for char in value)


def watch(
    asks: Iterable[Ask], *, timeout_s: float = DEFAULT_WATCH_S, on_came: Callable[[Came], None] | None = None
) -> tuple[Watched, ...]:
    """Make the requests side by side, and follow their answers to their ends.

    Args:
        asks: what to ask for.
        timeout_s: when to stop with those that have not ended.
        on_came: called with each read as it comes, in the caller's thread. KeyboardInterrupt there, or while
            waiting, means "enough": what was seen until then is returned.

    Raises:
        UsageError: `timeout_s` cannot be.
    """
    if not 0 < timeout_s <= MAX_WATCH_S:
        raise UsageError(
            f"timeout={timeout_s:g}: expected more than 0 and at most {MAX_WATCH_S:g} seconds, for example "
            f"timeout={DEFAULT_WATCH_S:g}"
        )
    now = time.monotonic()
    told: queue.SimpleQueue[Came | int | BaseException] = queue.SimpleQueue()
    notes = [_Notes(one, index, told, now, now + timeout_s) for index, one in enumerate(asks)]
    for note in notes:
        threading.Thread(target=_follow, args=(note,), name="flushcheck-watch", daemon=True).start()
    over: set[int] = set()
    # A look-up in DNS does not end by itself: such a thread is left behind.
    give_up = now + timeout_s + SPARE_S
    try:
        while len(over) < len(notes):
            try:
                came = told.get(timeout=max(0.0, give_up - time.monotonic()))
            except queue.Empty:
                break
            if isinstance(came, BaseException):
                raise came
            if isinstance(came, int):
                over.add(came)
            elif on_came is not None:
                on_came(came)
    except KeyboardInterrupt:
        for note in notes:
            note.stopped = True
    return tuple(note.close() for note in notes)


# How long after its deadline a thread may still be closing its connection.
SPARE_S = 0.5


@dataclass(slots=True)
class _Notes:
    """What one watching thread takes down. Only it writes; whoever gives up on it reads."""

    ask: Ask
    index: int
    told: queue.SimpleQueue[Came | int | BaseException]
    began: float
    deadline: float
    connect_s: float = 0.0
    status: int = 0
    http_version: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    headers_s: float = 0.0
    kind: Kind = Kind.PLAIN
    done: bool = False
    arrivals: list[Arrival] = field(default_factory=list)
    midst: list[bool] = field(default_factory=list)
    records: int = 0
    ended: tuple[Ending, str, float] | None = None
    stopped: bool = False
    allowance: Budget = field(init=False)

    def __post_init__(self) -> None:
        self.allowance = Budget(self.deadline)

    @property
    def full(self) -> bool:
        """Whether so much came that it says all it can."""
        return len(self.arrivals) >= MAX_ARRIVALS or self.records >= MAX_RECORDS

    def header(self, name: str) -> str:
        """The value of a header of the answer, "" if it did not come."""
        return ", ".join(value for key, value in self.headers if key == name)

    def came(self, read_at: float, size: int, text: int, records: list[Record], *, midst: bool) -> None:
        """Take down one read. What has the moment of the last one is more of the same read."""
        at_s = read_at - self.began
        # The last word is often written together with the last record: it says nothing of the path.
        said = [record for record in records if not record.done]
        pieces = tuple(
            ReceivedPiece(self.records + number, 0.0, record.size_bytes) for number, record in enumerate(said)
        )
        self.records += len(said)
        self.done = self.done or any(record.done for record in records)
        if self.arrivals and self.arrivals[-1].at_s == at_s:
            last = self.arrivals.pop()
            self.midst.pop()
            size_bytes, text_bytes = last.size_bytes + size, last.text_bytes + text
            self.arrivals.append(Arrival(at_s, size_bytes, text_bytes, (*last.pieces, *pieces)))
        else:
            self.arrivals.append(Arrival(at_s, size, text, pieces))
        self.midst.append(midst)
        self.told.put(Came(self.index, at_s, size, text, tuple(records)))

    def close(self) -> Watched:
        """All of it as a value, also where the thread is still at work."""
        arrivals, midst = tuple(self.arrivals), tuple(self.midst)
        whole = min(len(arrivals), len(midst))
        how, detail, ended_s = self.ended or self._left_behind()
        return Watched(
            url=self.ask.url,
            ending=how,
            detail=printable(detail, MAX_DETAIL),
            status=self.status,
            http_version=self.http_version,
            headers=self.headers,
            connect_s=self.connect_s,
            headers_s=self.headers_s,
            ended_s=ended_s,
            kind=self.kind,
            done=self.done,
            arrivals=arrivals[:whole],
            midst=midst[:whole],
        )

    def _left_behind(self) -> tuple[Ending, str, float]:
        after_s = time.monotonic() - self.began
        if self.stopped:
            return Ending.STOPPED, f"stopped by hand after {seconds(after_s)}", after_s
        if not self.connect_s:
            return Ending.UNREACHABLE, f"no connection within {seconds(after_s)}", after_s
        return Ending.STOPPED, f"it had not ended after {seconds(after_s)}", after_s


def _follow(note: _Notes) -> None:
    """Make one request and follow its answer."""
    try:
        ended = _ask_and_read(note)
        note.ended = (*ended, time.monotonic() - note.began)
        note.told.put(note.index)
    except BaseException as error:  # noqa: BLE001  # a fault of ours: raised again in the caller's thread
        note.told.put(error)


def _ask_and_read(note: _Notes) -> tuple[Ending, str]:
    connection = _Connection(note.ask, note.allowance)
    try:
        line = connection.begin()
        note.began, note.connect_s = line.sent_at, line.connect_s
        response = connection.getresponse()
        note.headers_s = line.read_at - note.began
        note.status = response.status
        note.http_version = "1.0" if response.version == 10 else "1.1"
        pairs = [(name.lower()[:100], value[:MAX_HEADER]) for name, value in response.headers.iteritems()]
        note.headers = tuple(pairs[:MAX_HEADERS])
        if not 200 <= response.status < 300:
            return Ending.REFUSED, _refusal(response, note)
        return _read(response, line, note)
    except FAR_SIDE as error:
        return _ending(error, note)
    finally:
        connection.hang_up()


def _ending(error: Exception, note: _Notes) -> tuple[Ending, str]:
    how, words = ending(error, note)
    match how:
        case ledgers.Ending.UNREACHABLE:
            return Ending.UNREACHABLE, words
        case ledgers.Ending.TIME if note.status:
            return Ending.STOPPED, f"it had not ended after {seconds(note.deadline - note.began)}"
        case ledgers.Ending.TIME:
            return Ending.UNREACHABLE, f"no answer within {seconds(note.deadline - note.began)}"
        case ledgers.Ending.FLOOD:
            return Ending.STOPPED, words
    return Ending.CUT, words or no_http(error)


def _refusal(response: HTTPResponse, note: _Notes) -> str:
    """Words for an answer that is no stream."""
    if location := note.header("location"):
        return f"status {note.status}, redirected to {printable(location, 200)}: watch that address instead"
    note.allowance.end_by(time.monotonic() + ERROR_S)
    body = b""
    with suppress(*FAR_SIDE, DecodeError):
        body = read_whole(response, ERROR_BYTES)[1]
    return say_answer(note.status, note.header("content-type"), body)


def _read(response: HTTPResponse, line: TimedSocket, note: _Notes) -> tuple[Ending, str]:
    """Read the body to its end.

    Raises:
        FAR_SIDE: it did not come to its end.
    """
    unread: deque[tuple[float, bytes]] = deque()
    try:
        chain, follower = DecoderChain(note.header("content-encoding")), Follower(note.header("content-type"))
        try:
            while data := response.read1(READ_BYTES, decode_content=False):
                unread.append((line.read_at, data))
                if line.waiting() and len(unread) < MAX_UNREAD:
                    continue
                _settle(unread, chain, follower, note)
                if note.stopped:
                    return Ending.STOPPED, "stopped by hand"
                if note.full:
                    return Ending.STOPPED, f"{note.records} records in {len(note.arrivals)} reads are enough"
        finally:
            _settle(unread, chain, follower, note)
    except DecodeError as error:
        return Ending.CUT, str(error)
    if last := follower.finish():
        note.kind = follower.kind or Kind.PLAIN
        note.came(line.read_at, 0, 0, last, midst=False)
    by_close = note.header("transfer-encoding") == "" and note.header("content-length") == ""
    return (Ending.CLOSED if by_close else Ending.ENDED), ""


MAX_UNREAD = 64  # reads that are put aside while more lie ready: 4 MiB


def _settle(
    unread: deque[tuple[float, bytes]], chain: DecoderChain, follower: Follower, note: _Notes
) -> None:
    """Make sense of what was read, oldest first.

    Raises:
        Unpackable: it is not what its content encoding says.
    """
    while unread and not note.full:
        read_at, data = unread.popleft()
        text, records = chain.feed(data), list[Record]()
        # A few bytes may unpack to millions of records: a slice at a time, until there are enough.
        for start in range(0, len(text), READ_BYTES):
            records += follower.feed(text[start : start + READ_BYTES])
            if note.records + len(records) >= MAX_RECORDS:
                records = records[: MAX_RECORDS - note.records]
                break
        note.kind = follower.kind or Kind.PLAIN
        note.came(read_at, len(data), len(text), records, midst=follower.midst)


class _Connection(Connection):
    """Sends any request; the answer is read as every other."""

    def __init__(self, asked: Ask, allowance: Budget) -> None:
        super().__init__(asked.address, allowance)
        self._asked = asked

    def begin(self) -> TimedSocket:
        """Connect and send.

        Raises:
            FAR_SIDE: see `ending`.
        """
        asked = self._asked
        headers = HTTPHeaderDict(
            {
                "Host": asked.address.authority,
                "User-Agent": USER_AGENT,
                "Accept": "*/*",
                "Accept-Encoding": BROWSER_ENCODINGS,
                **self.habits,
                **_content_type(asked.body),
            }
        )
        for name in {name for name, _ in asked.headers}:
            headers.discard(name)
        headers.extend(asked.headers)  # the same name twice stays twice
        self.request(
            asked.method,
            asked.target,
            body=asked.body,
            headers=headers,
            preload_content=False,
            decode_content=False,
        )
        assert self.line is not None  # request() has connected
        return self.line


def _content_type(body: bytes | None) -> dict[str, str]:
    """What a body is by its look: JSON, or else what a form sends."""
    if body is None:
        return {}
    is_json = body.lstrip()[:1] in (b"{", b"[")
    return {"Content-Type": "application/json" if is_json else "application/x-www-form-urlencoded"}
