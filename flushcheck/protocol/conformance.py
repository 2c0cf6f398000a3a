"""The rules of the origin protocol as checks: what to ask an origin for, and what is wrong with its reply.

Each check has the name that stands in docs/protocol.md. A check asks one or more things and looks at the
replies; it returns what was expected and what came, or nothing. Whether an origin counts its streams is no
rule: a file may be unable to. The requests themselves are made in `prober.conformance`.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flushcheck.model import Capabilities, Transport

MARKER = "echo-7f3a19c4"  # what an origin must not repeat
COUNT, INTERVAL_S, JITTER_S, SIZE, SPREAD = 20, 0.05, 0.02, 16, 28
STREAM = f"count={COUNT}&interval={INTERVAL_S}&jitter={JITTER_S}&size={SIZE}&spread={SPREAD}"
KILO = "count=40&interval=0&size=1000"
PAD = 100
DELAY_S = 0.5
POLLS = 10

EARLY_S = 0.01  # a timer may fire so much too soon
LATE_S = 0.5  # a busy machine
MIN_RATIO = 0.2  # of gzip, for 40 pieces of 1000 bytes
MAX_SHOWN = 120

# Django sets X-Content-Type-Options on everything by itself, so that one is not looked at.
_OWN_HEADERS = frozenset({"x-accel-buffering", "cache-control"})


@dataclass(frozen=True, slots=True)
class Reply:
    """One response, or why there was none. Header names are in lower case."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    trouble: str = ""  # why it did not come, or not to its end
    took_s: float = 0.0  # from the request to its end

    def header(self, name: str) -> str:
        """The value of a header; "" if it did not come."""
        return ", ".join(value for key, value in self.headers if key == name)

    @property
    def short(self) -> str:
        """What came, for a sentence. The text may be hostile."""
        if self.trouble:
            return self.trouble
        return f"status {self.status}, {self.body[:MAX_SHOWN].decode(errors='replace')!a}"


class Result(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check, and what it found."""

    check: str  # its name in docs/protocol.md
    result: Result
    expected: str
    got: str = ""  # of a failed one; of a skipped one: why


# Asks for a query ("fc=…"), and returns the reply.
Ask = Callable[[str], Reply]
# What is wrong: (what was expected, what came). Nothing: all is right.
Faults = Iterator[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Check:
    """One rule."""

    name: str
    expected: str  # one sentence, shown where it passes too
    faults: Callable[[Ask, Capabilities], Faults]
    applies: Callable[[Capabilities], str] = lambda _: ""  # why it does not apply; "": it does


def _offers(transport: Transport) -> Callable[[Capabilities], str]:
    return lambda capabilities: "" if transport in capabilities.transports else "not offered"


def _takes(*names: str) -> Callable[[Capabilities], str]:
    return lambda capabilities: "" if set(names) <= set(capabilities.params) else "not among its params"


def _first(capabilities: Capabilities) -> Transport:
    """A stream that every origin offers."""
    return Transport.CHUNKED if Transport.CHUNKED in capabilities.transports else Transport.EVENTS


def records(reply: Reply, transport: Transport) -> list[dict[str, object]]:
    """The records of a stream, its end included.

    Raises:
        ValueError: it is not made of records as this transport has them.
    """
    text = reply.body.decode()
    if transport is Transport.CHUNKED:
        lines = text.split("\n")
        if lines[-1]:
            raise ValueError("the last line has no LF")
        parts = [line for line in lines if line.strip()]
    else:
        parts = []
        for event in text.removesuffix("\n\n").split("\n\n"):
            if not event.strip(" :"):
                continue  # padding
            found = re.fullmatch(r"(?:id: ([0-9]+)\n)?event: (delta|done)\ndata: (.*)", event)
            if not found or (found[2] == "delta") != (found[1] is not None):
                raise ValueError(f"not an event of the protocol: {event[:60]!a}")
            parts.append(found[3])
    try:
        whole = [json.loads(part) for part in parts]
    except RecursionError:
        raise ValueError("a record is nested too deep") from None
    if not all(isinstance(record, dict) for record in whole):
        raise ValueError("a record is not an object")
    return whole


def pieces(reply: Reply, transport: Transport, count: int) -> list[dict[str, object]]:
    """The pieces of a whole stream.

    Raises:
        ValueError: they are not the pieces 0 to `count` - 1, followed by the end.
    """
    if reply.status != 200 or reply.trouble:
        raise ValueError(reply.short)
    whole = records(reply, transport)
    if [record.get("seq") for record in whole[:-1]] != list(range(count)) or "end" not in whole[-1]:
        raise ValueError(f"{len(whole)} records, not the pieces 0 to {count - 1} and an end")
    for record in whole[:-1]:
        if not isinstance(record.get("at_s"), int | float) or not isinstance(record.get("delta"), str):
            raise ValueError(f"a piece without at_s and delta: {str(record)[:60]!a}")
    return whole


def _stream(transport: Transport) -> Callable[[Ask, Capabilities], Faults]:
    def faults(ask: Ask, _: Capabilities) -> Faults:
        reply = ask(f"fc={transport}&{STREAM}")
        try:
            pieces(reply, transport, COUNT)
        except ValueError as error:
            yield f"{COUNT} pieces and an end", str(error)
        kind = "text/plain" if transport is Transport.CHUNKED else "text/event-stream"
        if reply.status == 200 and reply.header("content-type").replace(" ", "") != f"{kind};charset=utf-8":
            yield f"Content-Type: {kind}; charset=utf-8", reply.header("content-type")

    return faults


def _paced(ask: Ask, capabilities: Capabilities) -> Faults:
    transport = _first(capabilities)
    sent = [
        float(str(record["at_s"])) for record in _pieces_or_none(ask(f"fc={transport}&{STREAM}"), transport)
    ][:COUNT]
    for seq, at_s in enumerate(sent):
        low = seq * INTERVAL_S - JITTER_S - EARLY_S
        if not low <= at_s - sent[0] <= seq * INTERVAL_S + JITTER_S + LATE_S:
            yield f"piece {seq} {seq * INTERVAL_S:g} s after piece 0", f"{at_s - sent[0]:g} s"
            return
    if len(sent) != COUNT:
        yield f"{COUNT} pieces", str(len(sent))


def _pieces_or_none(reply: Reply, transport: Transport, count: int = COUNT) -> list[dict[str, object]]:
    try:
        return pieces(reply, transport, count)[:-1]
    except ValueError:
        return []


def _sizes(ask: Ask, capabilities: Capabilities) -> Faults:
    transport = _first(capabilities)
    for query, count, low, high in (
        (KILO, 40, 1000, 1000),
        (STREAM, COUNT, SIZE - SPREAD // 2, SIZE + SPREAD // 2),
    ):
        found = [
            len(str(record["delta"]).encode())
            for record in _pieces_or_none(ask(f"fc={transport}&{query}"), transport, count)
        ]
        if len(found) != count or not low <= min(found) <= max(found) <= high:
            yield (
                f"{count} texts of {low} to {high} bytes",
                f"{len(found)}, of {sorted(set(found))[:5]} bytes",
            )
        elif low != high and len(set(found)) < 3:
            yield "sizes that differ", f"{sorted(set(found))}"


def _incompressible(ask: Ask, capabilities: Capabilities) -> Faults:
    transport = _first(capabilities)
    found = _pieces_or_none(ask(f"fc={transport}&{KILO}"), transport, 40)
    text = "".join(str(record["delta"]) for record in found).encode()
    ratio = len(zlib.compress(text)) / len(text) if text else 0.0
    if ratio < MIN_RATIO:
        yield f"gzip makes at least {MIN_RATIO:.0%} of it", f"{ratio:.0%}"


def _end_record(ask: Ask, capabilities: Capabilities) -> Faults:
    transport = _first(capabilities)
    try:
        end = pieces(ask(f"fc={transport}&{STREAM}"), transport, COUNT)[-1]
    except ValueError as error:
        yield "an end record", str(error)
        return
    at_app = end.get("request_at_app")
    if (end.get("end"), end.get("count")) != ("done", COUNT) or not isinstance(end.get("at_s"), int | float):
        yield f'"end":"done", "count":{COUNT} and at_s', ascii(str(end)[:MAX_SHOWN])
    if not isinstance(at_app, dict) or not {"protocol", "server"} <= set(at_app):
        yield "request_at_app with protocol and server", ascii(str(at_app)[:MAX_SHOWN])


def _plain_headers(ask: Ask, capabilities: Capabilities) -> Faults:
    reply = ask(f"fc={_first(capabilities)}&{STREAM}")
    more = sorted({name for name, _ in reply.headers} & _OWN_HEADERS)
    if more:
        yield "none of the headers that were not asked for", ", ".join(more)
    if reply.header("content-length"):
        yield "no Content-Length", reply.header("content-length")[:20]


def _header(parameter: str, name: str, value: str) -> Callable[[Ask, Capabilities], Faults]:
    def faults(ask: Ask, capabilities: Capabilities) -> Faults:
        reply = ask(f"fc={_first(capabilities)}&count=2&interval=0&{parameter}=1")
        got = reply.header(name)
        if reply.status != 200 or got.replace(" ", "") != value.replace(" ", ""):
            yield f"{name}: {value}", ascii(got[:MAX_SHOWN]) if reply.status == 200 else reply.short

    return faults


def _pad(ask: Ask, capabilities: Capabilities) -> Faults:
    transport = _first(capabilities)
    reply = ask(f"fc={transport}&count=2&interval=0&pad={PAD}")
    begin = (b"" if transport is Transport.CHUNKED else b":") + b" " * PAD + b"\n\n"
    if not reply.body.startswith(begin):
        yield f"{PAD} spaces and two LF", reply.short


def _delay(ask: Ask, capabilities: Capabilities) -> Faults:
    transport = _first(capabilities)
    plain = ask(f"fc={transport}&count=2&interval=0.1&delay={DELAY_S}")
    if len(_pieces_or_none(plain, transport, 2)) != 2:
        yield "2 pieces", plain.short
    elif plain.took_s < DELAY_S:
        yield f"a first piece after {DELAY_S:g} s", f"all of it within {plain.took_s:.2f} s"


def _type(ask: Ask, capabilities: Capabilities) -> Faults:
    reply = ask(f"fc={_first(capabilities)}&count=2&interval=0&type=application/octet-stream")
    if not reply.header("content-type").startswith("application/octet-stream"):
        yield "Content-Type: application/octet-stream", ascii(reply.header("content-type")[:MAX_SHOWN])


def _flush(ask: Ask, capabilities: Capabilities) -> Faults:
    transport = _first(capabilities)
    for mode in capabilities.flush:
        reply = ask(f"fc={transport}&count=3&interval=0&flush={mode}")
        if len(_pieces_or_none(reply, transport, 3)) != 3:
            yield f"3 pieces with flush={mode}", reply.short


def _ignores_unknown(ask: Ask, capabilities: Capabilities) -> Faults:
    transport = _first(capabilities)
    reply = ask(f"fc={transport}&count=2&interval=0&nonce=ab12&something=else")
    if len(_pieces_or_none(reply, transport, 2)) != 2:
        yield "a stream", reply.short


def out_of_bounds(capabilities: Capabilities) -> Mapping[str, str]:
    """Queries that are refused, each with the parameter at fault."""
    stream = f"fc={_first(capabilities)}"
    longest = capabilities.max_duration_s
    queries = {
        f"{stream}&count=0": "count",
        f"{stream}&count=1001": "count",
        f"{stream}&count=2&count=3": "count",
        f"{stream}&count=1e1": "count",
        f"{stream}&count=-1": "count",
        f"{stream}&count=": "count",
        f"{stream}&interval=301&count=1": "interval",
        f"{stream}&interval=nan": "interval",
        f"{stream}&interval=0.1&jitter=0.2": "jitter",
        f"{stream}&size=0": "size",
        f"{stream}&size=65537&count=1": "size",
        f"{stream}&size=10&spread=19": "spread",
        f"{stream}&size=65536&spread=2&count=1": "spread",
        f"{stream}&count=3&interval={min(300.0, longest):g}": "count and interval",
        f"{stream}&count={min(1000, capabilities.max_bytes // 65536 + 1)}&interval=0&size=65536": "size",
        "fc=nonsense": "fc",
    }
    if capabilities.max_duration_s >= 600:
        del queries[f"{stream}&count=3&interval={min(300.0, longest):g}"]
    if capabilities.max_bytes // 65536 + 1 > 1000:
        del queries[f"{stream}&count=1000&interval=0&size=65536"]
    for name, value in (("pad", "65537"), ("xab", "2"), ("cache", "yes"), ("nosniff", "-1"), ("delay", "31")):
        if name in capabilities.params:
            queries[f"{stream}&{name}={value}"] = name
    if capabilities.flush:
        queries[f"{stream}&flush=sometimes"] = "flush"
    return queries


def _refuses_bounds(ask: Ask, capabilities: Capabilities) -> Faults:
    for query in out_of_bounds(capabilities):
        if fault := _refusal_fault(ask(query)):
            yield f"status 400 with an error, for {query}", fault


def _refusal_fault(reply: Reply) -> str:
    """What is wrong with a refusal; "" if nothing is."""
    try:
        data = json.loads(reply.body)
    except (ValueError, RecursionError):
        data = None
    good = reply.status == 400 and isinstance(data, dict) and isinstance(data.get("error"), str)
    return "" if good else reply.short


def _refuses_html(ask: Ask, capabilities: Capabilities) -> Faults:
    reply = ask(f"fc={_first(capabilities)}&type=text/html")
    if _refusal_fault(reply) or "html" in reply.header("content-type"):
        yield "status 400 as JSON", reply.short


def _no_echo(ask: Ask, capabilities: Capabilities) -> Faults:
    stream = f"fc={_first(capabilities)}"
    for query in (
        f"fc={MARKER}",
        f"{stream}&interval={MARKER}",
        f"{stream}&type={MARKER}",
        f"{stream}&count=1&x={MARKER}",
    ):
        reply = ask(query)
        if MARKER.encode() in reply.body or any(MARKER in value for _, value in reply.headers):
            yield "no part of the request in the response", f"{query} was repeated"


def _polling(ask: Ask, _: Capabilities) -> Faults:
    query = f"fc=polling&count={POLLS}&size={SIZE}"
    for cnt in (0, 3):
        data = _object(reply := ask(f"{query}&cnt={cnt}"))
        text = data.get("message")
        if (reply.status, data.get("cnt"), data.get("count")) != (200, cnt, POLLS) or not isinstance(
            text, str
        ):
            yield f"the piece {cnt} as message, cnt and count", reply.short
        elif len(text.encode()) != SIZE:
            yield f"a message of {SIZE} bytes", str(len(text.encode()))
    for past in (str(POLLS), "-1"):
        data = _object(reply := ask(f"{query}&cnt={past}"))
        said = (reply.status, data.get("count"), isinstance(data.get("request_at_app"), dict))
        if said != (400, POLLS, True):
            yield f"status 400 with error, count and request_at_app, for cnt={past}", reply.short


def _object(reply: Reply) -> dict[str, object]:
    try:
        data = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _taps(ask: Ask, capabilities: Capabilities) -> Faults:
    reply = ask("fc=tap&id=0123456789abcdef0123456789abcdef")
    if (reply.status, "error" in _object(reply)) != (404 if capabilities.taps else 400, True):
        yield (
            f"status {404 if capabilities.taps else 400} with an error, for an id without notes",
            reply.short,
        )


def _capabilities(ask: Ask, _: Capabilities) -> Faults:
    reply = ask("fc=1")
    if not reply.header("content-type").startswith("application/json"):
        yield "Content-Type: application/json", ascii(reply.header("content-type")[:MAX_SHOWN])
    if "no-store" not in reply.header("cache-control"):
        yield "Cache-Control: no-store", ascii(reply.header("cache-control")[:MAX_SHOWN])
    if len(reply.body) > 16 * 1024:
        yield "at most 16 KiB", f"{len(reply.body)} bytes"


CHUNKED, EVENTS, POLLING = Transport.CHUNKED, Transport.EVENTS, Transport.POLLING

CHECKS: Sequence[Check] = (
    Check("capabilities", "one JSON object, not cached", _capabilities),
    Check("chunked", "one record a line", _stream(CHUNKED), _offers(CHUNKED)),
    Check("events", "one event a piece", _stream(EVENTS), _offers(EVENTS)),
    Check("polling", "one piece a response, and the end", _polling, _offers(POLLING)),
    Check("end-record", "an end with its count and request_at_app", _end_record),
    Check("paced", "each piece at its moment, by the origin's own clock", _paced),
    Check("sizes", "texts of the size that was asked for", _sizes),
    Check("incompressible", "text that compression does not make small", _incompressible),
    Check("plain-headers", "no header that was not asked for", _plain_headers),
    Check(
        "xab", "xab=1 sets X-Accel-Buffering: no", _header("xab", "x-accel-buffering", "no"), _takes("xab")
    ),
    Check(
        "cache",
        "cache=1 sets Cache-Control",
        _header("cache", "cache-control", "no-cache, no-transform"),
        _takes("cache"),
    ),
    Check(
        "nosniff",
        "nosniff=1 sets X-Content-Type-Options",
        _header("nosniff", "x-content-type-options", "nosniff"),
        _takes("nosniff"),
    ),
    Check("pad", "padding in front of the stream", _pad, _takes("pad")),
    Check("type", "another media type", _type, _takes("type")),
    Check("delay", "a late first piece", _delay, _takes("delay")),
    Check(
        "flush", "a whole stream with each way to flush", _flush, lambda c: "" if c.flush else "not offered"
    ),
    Check("ignores-unknown", "parameters that are not known change nothing", _ignores_unknown),
    Check("refuses-bounds", "status 400 for what is out of bounds", _refuses_bounds),
    Check("refuses-html", "no response as text/html", _refuses_html, _takes("type")),
    Check("no-echo", "nothing of the request is repeated", _no_echo),
    Check("taps", "an error for an id without notes", _taps),
)


def run_check(check: Check, ask: Ask, capabilities: Capabilities) -> CheckResult:
    """Make one check: what it found first counts."""
    if why := check.applies(capabilities):
        return CheckResult(check.name, Result.SKIPPED, check.expected, why)
    for expected, got in check.faults(ask, capabilities):
        return CheckResult(check.name, Result.FAILED, expected, got[:300])
    return CheckResult(check.name, Result.PASSED, check.expected)
