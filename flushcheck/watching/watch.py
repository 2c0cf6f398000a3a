"""Any stream of the user's own app: what its arrivals say, and what they cannot say.

Such records carry no offsets. When they were sent is not known, so "all in one read after 8.2 s" is a hold or
a slow app, and nothing in that one stream tells which. Only two things can be said:

- what is strange whatever the app does: the same number of bytes in each delivery, cut in the midst of a
  record; a compressor's header and then silence; a Content-Length on what was called a stream;
- what differs between two addresses of the same app, asked at the same time: what comes piece by piece at
  its own port and together at the public one is held in between.

Everything else is described. A stream may be answered anew at each request (a chat is), so two of them are
compared by how they arrived, never by what they said.
"""

from __future__ import annotations

import codecs
import itertools
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from flushcheck.measurement.patterns import Delivery, block, deliveries
from flushcheck.model import Arrival, Verdict
from flushcheck.streaming.transports.events import EventParser
from flushcheck.streaming.transports.records import MAX_PENDING_BYTES, Malformed


class Kind(StrEnum):
    """How records are framed."""

    EVENTS = "server-sent events"
    LINES = "JSON lines"
    PLAIN = "plain chunks"  # no frame that is known: every read counts as one record


# What each kind's record is called, one and many.
NOUNS = {Kind.EVENTS: ("event", "events"), Kind.LINES: ("line", "lines"), Kind.PLAIN: ("read", "reads")}

_TYPES = {
    "text/event-stream": Kind.EVENTS,
    "application/x-ndjson": Kind.LINES,
    "application/ndjson": Kind.LINES,
    "application/jsonl": Kind.LINES,
    "application/x-jsonlines": Kind.LINES,
    "application/json-lines": Kind.LINES,
    "application/stream+json": Kind.LINES,
}
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")

# What chat products send last, though their protocol has an end of its own.
DONE = "[DONE]"

MAX_RECORDS = 100_000  # of one stream; it ends there, having said what it can

# So much of a body is looked at to see what it is.
_HEAD_BYTES = 512


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it came."""

    text: str  # what a reader would be shown of it: the delta, where one is known
    size_bytes: int  # of the record's payload
    done: bool = False  # it says that the stream is over


class Follower:
    """Records out of a stream whose kind shows only as it comes. Fed bytes cut anywhere."""

    def __init__(self, content_type: str) -> None:
        """Begin.

        Args:
            content_type: of the answer, with its parameters; "" if it has none.
        """
        self.kind: Kind | None = _TYPES.get(content_type.partition(";")[0].strip().lower())
        self._head = b""
        self._events = EventParser()
        self._pending = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> list[Record]:
        """Take the next bytes and return the records they completed.

        What grows past all bounds is no record of any kind that is known: from there on it is plain.
        """
        if self.kind is None:
            self._head += data
            self.kind = _sniff(self._head)
            if self.kind is None:
                return []
            data, self._head = self._head, b""
        try:
            return self._parse(self.kind, data)
        except Malformed:
            self.kind, self._pending = Kind.PLAIN, b""
            return self._parse(Kind.PLAIN, data)

    @property
    def midst(self) -> bool:
        """Whether the bytes so far end in the midst of a record."""
        return self._events.incomplete if self.kind is Kind.EVENTS else bool(self._pending)

    def finish(self) -> list[Record]:
        """What is left at the end of the stream: a last line without its line end, or bytes of no kind."""
        if self.kind is None and self._head:
            self.kind = Kind.PLAIN
            return self._parse(Kind.PLAIN, self._head)
        if self.kind is Kind.LINES and self._pending.strip():
            last, self._pending = self._pending, b""
            return [_line(last)]
        return []

    def _parse(self, kind: Kind, data: bytes) -> list[Record]:
        """Take bytes of a known kind.

        Raises:
            Malformed: a record grew past all bounds.
        """
        if kind is Kind.EVENTS:
            return [_record(event.data) for event in self._events.feed(data)]
        if kind is Kind.PLAIN:
            text = self._decoder.decode(data)
            return [Record(text, len(data))] if data else []
        # Only LF ends a line of JSON: str.splitlines() would also cut at U+2028 inside a text.
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > MAX_PENDING_BYTES:
            raise Malformed(f"a line of more than {MAX_PENDING_BYTES} bytes")
        return [_line(line) for line in lines if line.strip()]


def _sniff(head: bytes) -> Kind | None:
    """The kind by its first bytes; None while they could be any."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(_FIELDS):
        return Kind.EVENTS
    if any(field.startswith(text) for field in _FIELDS) and len(head) < _HEAD_BYTES:
        return None  # "dat", or nothing but white space yet
    if not text.startswith((b"{", b"[")):
        return Kind.PLAIN
    line, end, _ = text.partition(b"\n")
    if not end and len(head) < _HEAD_BYTES:
        return None
    # A line that is JSON by itself; pretty JSON is not, nor is one document that only begins so.
    return Kind.LINES if end and _loads(line) is not None else Kind.PLAIN


def _line(line: bytes) -> Record:
    return _record(line.decode(errors="replace").strip())


def _record(data: str) -> Record:
    size_bytes = len(data.encode(errors="replace"))
    if data.strip() == DONE:
        return Record(DONE, size_bytes, done=True)
    parsed = _loads(data) if data.lstrip().startswith(("{", "[")) else None
    shown = delta(parsed)
    return Record(data if shown is None else shown, size_bytes)


def _loads(text: str | bytes) -> Any:
    """Parsed JSON; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def delta(data: object) -> str | None:
    """The bit of text in a JSON record, as chat products send it; None if none of their places holds one."""
    # OpenAI: choices[0].delta.content; Anthropic: delta.text; Ollama: response, message.content;
    # OpenAI's responses and flushcheck: delta.
    if isinstance(data, dict) and isinstance(choices := data.get("choices"), list) and choices:
        data = choices[0]
    for _ in range(3):  # a text may lie so deep
        if not isinstance(data, dict):
            return None
        inner = next((data[key] for key in _PLACES if isinstance(data.get(key), str | dict)), None)
        if isinstance(inner, str):
            return inner
        data = inner
    return None


_PLACES = ("delta", "message", "content", "text", "response", "token")


class Ending(StrEnum):
    """How the reading ended."""

    ENDED = "ended"  # by the rules of its protocol
    CLOSED = "closed"  # the connection was closed, which ended it: one that was cut looks the same
    CUT = "cut"
    STOPPED = "stopped"  # the observer, or whoever watched, had seen enough
    REFUSED = "refused"  # the answer says no
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Watched:
    """All that was seen of one stream."""

    url: str
    ending: Ending
    detail: str = ""
    status: int = 0
    http_version: str = ""
    headers: tuple[tuple[str, str], ...] = ()  # names in lower case
    connect_s: float = 0.0
    headers_s: float = 0.0  # since the request was sent, as all moments
    ended_s: float = 0.0
    kind: Kind = Kind.PLAIN
    done: bool = False  # its own last word came
    arrivals: tuple[Arrival, ...] = ()  # a Mark for each record; when it was sent is not known
    midst: tuple[bool, ...] = ()  # per Arrival: whether it ends in the midst of a record

    def header(self, name: str) -> str:
        """The value of a response header, "" if it did not come."""
        return ", ".join(value for key, value in self.headers if key == name)


class Pattern(StrEnum):
    """How records came."""

    NOTHING = "nothing came"
    ONCE = "all at once"
    FEW = "in two or three groups"
    SINGLY = "one by one"
    BLOCKS = "in blocks"
    TICKS = "in ticks"
    GROUPS = "in groups"


@dataclass(frozen=True, slots=True)
class Look:
    """What one stream's arrivals amount to."""

    watched: Watched
    pattern: Pattern
    records: int
    steps: int  # deliveries that brought a record
    first_s: float  # when the first record came
    last_s: float  # when the last one did
    gap_s: float  # the longest time between two deliveries
    block_bytes: int  # for BLOCKS
    period_s: float  # for TICKS
    collected: bool  # something collects by bytes: no app's doing
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """What can be said of a stream, or of two of the same app."""

    health: Verdict
    headline: str
    looks: tuple[Look, ...]


# From so many records on a stream shows a pattern.
LEAST_RECORDS = 4

# Up to this share of records in company, a stream comes one by one: two tokens are often written at once.
SINGLY_SHARE = 0.3

# Ticks are told by this many equal gaps, each within this share of their median.
LEAST_TICKS = 4
SAME_TICK = 0.1
LEAST_TICK_S = 0.04

# Blocks of bytes end in the midst of records; an app that writes full pages ends them between records.
MIDST_SHARE = 0.5

# One address is held beside another when it took at most this share of the steps ...
FEWER_STEPS = 0.5
# ... to bring about as many records (a chat says something else each time) ...
ALIKE = 2.5
# ... and something waited so much longer there: jitter of up to 300 ms joins small groups too.
HELD_S = 0.4

# A first record that came so much later, in seconds and as a share of the other's whole stream, is late.
LATE_S = 0.5
LATE_SHARE = 0.3

ASK_DIRECT = "A second address, the app's own port, would tell (--direct URL)."

# The header of gzip is so long, those of the others are shorter.
HEADER_BYTES = 10

# A header that came this long before all the rest shows that the answer had begun.
EARLY_S = 0.5


def look(watched: Watched) -> Look:
    """Say how one stream arrived."""
    seen = deliveries(watched.arrivals)
    whole = [delivery for delivery in seen if delivery.pieces]
    records = sum(len(delivery.pieces) for delivery in whole)
    gaps = [after.at_s - before.until_s for before, after in itertools.pairwise(seen)]
    pattern, size, period_s = _pattern(seen, whole, records)
    collected = pattern is Pattern.BLOCKS and watched.kind is not Kind.PLAIN and _cuts_records(watched)
    found = Look(
        watched,
        pattern,
        records,
        len(whole),
        whole[0].at_s if whole else 0.0,
        whole[-1].at_s if whole else 0.0,
        max(gaps, default=0.0),
        size,
        period_s,
        collected,
        (),
    )
    return _with_sentences(found, seen)


def _pattern(seen: Sequence[Delivery], whole: Sequence[Delivery], records: int) -> tuple[Pattern, int, float]:
    """The pattern, with the size of a block and the length of a tick where there are such."""
    if not whole:
        return Pattern.NOTHING, 0, 0.0
    if len(whole) == 1:
        return Pattern.ONCE, 0, 0.0
    in_company = (records - len(whole)) / max(1, records - 1)
    if in_company <= SINGLY_SHARE:
        return Pattern.SINGLY, 0, 0.0
    if len(whole) <= 3:
        return Pattern.FEW, 0, 0.0
    if (fit := block(seen)) is not None and len(seen) > 3:
        return Pattern.BLOCKS, round(fit.value), 0.0
    gaps = [after.at_s - before.at_s for before, after in itertools.pairwise(whole)][:-1]
    middle = statistics.median(gaps)
    if len(gaps) >= LEAST_TICKS and middle >= LEAST_TICK_S:
        if all(abs(gap - middle) <= SAME_TICK * middle for gap in gaps):
            return Pattern.TICKS, 0, middle
    return Pattern.GROUPS, 0, 0.0


def _cuts_records(watched: Watched) -> bool:
    """Whether most deliveries end in the midst of a record, as only what counts bytes makes them."""
    at_end = {arrival.at_s: midst for arrival, midst in zip(watched.arrivals, watched.midst, strict=True)}
    ends = [at_end[delivery.until_s] for delivery in deliveries(watched.arrivals)[:-1]]
    return bool(ends) and sum(ends) >= MIDST_SHARE * len(ends)


def _with_sentences(found: Look, seen: Sequence[Delivery]) -> Look:
    watched = found.watched
    sentences = [*_say_answer(watched), *_say_arrivals(found, seen), *_say_end(found)]
    return replace(found, sentences=tuple(sentences))


def _say_answer(watched: Watched) -> list[str]:
    if not watched.status:
        return []
    kind = watched.header("content-type") or "no content type"
    said = [f"answered {watched.status} after {watched.headers_s:.2f} s, {kind[:100]}"]
    encoding, length = watched.header("content-encoding"), watched.header("content-length")
    if encoding:
        size, text = _bytes(watched)
        said.append(f"compressed as {encoding[:40]}: {size} bytes for {text} bytes of text")
    if length:
        said.append(
            f"with a Content-Length of {length[:20]}: who sent it had all of it, or knew its size, beforehand"
        )
    return said


def _say_arrivals(found: Look, seen: Sequence[Delivery]) -> list[str]:
    watched = found.watched
    if found.pattern is Pattern.NOTHING:
        return []
    one, many = NOUNS[watched.kind]
    records = f"{found.records} {one if found.records == 1 else many}"
    size = sum(delivery.size_bytes for delivery in seen)
    what = f"{size} bytes" if watched.kind is Kind.PLAIN else f"{records}, {size} bytes"
    span = f"from {found.first_s:.2f} to {found.last_s:.2f} s"
    groups = f"{what}, in {found.steps} {'group' if found.steps == 1 else 'groups'}"
    said = []
    match found.pattern:
        case Pattern.ONCE:
            said.append(f"{what}, all in one read after {found.first_s:.1f} s")
            if watched.headers_s <= found.first_s - EARLY_S:
                said.append(f"the header had come {found.first_s - watched.headers_s:.1f} s before")
        case Pattern.BLOCKS:
            said.append(f"{groups} of {found.block_bytes} bytes each, {span}, whatever the time between them")
        case Pattern.TICKS:
            said.append(f"{groups}, one every {found.period_s * 1000:.0f} ms, {span}, whatever their size")
        case _:
            said.append(f"{groups}, {span}")
    if found.collected:
        said.append("most of the groups end in the midst of a record: something collects bytes")
    if found.gap_s >= EARLY_S:
        said.append(f"the longest time in which nothing came: {found.gap_s:.1f} s")
    first = watched.arrivals[0]
    if first.text_bytes == 0 and 0 < first.size_bytes <= HEADER_BYTES:
        said.append(
            f"first came {first.size_bytes} bytes and no text, a compressor's header: one that does not flush"
        )
    return said


def _say_end(found: Look) -> list[str]:
    watched = found.watched
    word = f" with its own last word ({DONE})" if watched.done else ""
    match watched.ending:
        case Ending.ENDED:
            return [f"ended{word} after {watched.ended_s:.1f} s"]
        case Ending.CLOSED:
            lost = "" if word else ": one that was cut would look the same"
            return [f"ended by closing the connection{word} after {watched.ended_s:.1f} s{lost}"]
        case Ending.CUT:
            lost = word or ", in the midst of the answer"
            return [f"cut after {watched.ended_s:.1f} s{lost}: {watched.detail}"]
        case Ending.STOPPED:
            return [f"not followed to its end: {watched.detail}"]
        case _:
            return [watched.detail]


def _bytes(watched: Watched) -> tuple[int, int]:
    return (
        sum(arrival.size_bytes for arrival in watched.arrivals),
        sum(arrival.text_bytes for arrival in watched.arrivals),
    )


def judge(public: Watched, direct: Watched | None = None) -> Watch:
    """Say what can be said of a stream; beside the same one at the app's own port, whether it is held."""
    here = look(public)
    if direct is None:
        health, headline = _alone(here)
        return Watch(health, headline, (here,))
    there = look(direct)
    health, headline = _beside(here, there)
    return Watch(health, headline, (here, there))


def _alone(found: Look) -> tuple[Verdict, str]:
    watched = found.watched
    if trouble := _trouble(found):
        return trouble
    many = NOUNS[watched.kind][1]
    if found.pattern is Pattern.ONCE:
        question = f"all in one read after {found.first_s:.1f} s: held, or an app that wrote it so?"
        return Verdict.UNKNOWN, f"{question} {ASK_DIRECT}"
    if found.collected:
        return Verdict.HELD, f"something collects blocks of {found.block_bytes} bytes"
    if found.pattern is Pattern.SINGLY and found.records >= LEAST_RECORDS:
        return Verdict.FLOWING, f"{many} come {found.pattern}: nothing joins them"
    said = f"{many} come {found.pattern}: from one stream alone the app's pace and a hold look alike."
    return Verdict.UNKNOWN, f"{said} {ASK_DIRECT}"


def _trouble(found: Look) -> tuple[Verdict, str] | None:
    """What keeps a stream from being judged; None if nothing does."""
    watched = found.watched
    if watched.ending in (Ending.REFUSED, Ending.UNREACHABLE):
        return Verdict.UNKNOWN, f"could not tell: {watched.detail}"
    if found.pattern is Pattern.NOTHING:
        return Verdict.UNKNOWN, f"could not tell: nothing came; {watched.detail or watched.ending}"
    if watched.ending is Ending.CUT and not watched.done:
        return (
            Verdict.BROKEN,
            f"cut after {watched.ended_s:.1f} s and {found.records} records: {watched.detail}",
        )
    return None


def _beside(here: Look, there: Look) -> tuple[Verdict, str]:
    if trouble := _trouble(there):
        health, said = _alone(here)
        return health, f"{said} The other address says nothing: {trouble[1]}"
    if trouble := _trouble(here):
        return trouble
    alike = max(here.records, there.records) <= ALIKE * min(here.records, there.records)
    # A plain chunk that was joined with another is one read: there only the steps are alike or not.
    alike = alike or Kind.PLAIN in (here.watched.kind, there.watched.kind)
    before, after = there.steps, here.steps
    if there.pattern is Pattern.ONCE:
        if here.pattern is Pattern.ONCE:
            said = "all in one read at both: the app writes it so, or what both addresses share holds it"
        else:
            said = "the other address gives less of a stream than this one: is it the app's own port?"
        return Verdict.UNKNOWN, said
    if not alike:
        return (
            Verdict.UNKNOWN,
            f"the two answers differ too much to be compared ({here.records} and {there.records} records)",
        )
    groups = f"{after} {'group' if after == 1 else 'groups'}"
    if before >= LEAST_RECORDS and after <= FEWER_STEPS * before:
        waited_s = max(here.first_s - there.first_s, here.gap_s - there.gap_s)
        if waited_s < HELD_S and here.pattern not in (Pattern.BLOCKS, Pattern.TICKS):
            said = "joined now and then, as on a path with jitter"
            return Verdict.UNKNOWN, f"it comes in {groups} here, in {before} at the other address: {said}"
        return Verdict.HELD, f"held: it comes in {groups} here, in {before} at the other address"
    later_s = here.first_s - there.first_s
    if later_s > max(LATE_S, LATE_SHARE * (there.last_s - there.first_s)):
        said = f"it begins {later_s:.1f} s later than at the other address, then comes alike"
        return (
            Verdict.UNKNOWN,
            f"{said}: held at its beginning, or an app that was slower this time. Look again",
        )
    return (
        Verdict.FLOWING,
        f"it comes as at the other address ({groups} here, {before} there): nothing holds it",
    )
