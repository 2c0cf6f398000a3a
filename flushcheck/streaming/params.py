"""The parameters of a stream: one table of names, parsed and bounded in one place.

All four transports take the same parameters. An unknown name is refused: a typo that is silently ignored
would become a wrong measurement. The few names that pages add to avoid caches are ignored.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from flushcheck.model import Framing, Unit, UsageError
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.pretend import EXAMPLE, EXPECTED, PATTERN, Pretend, parse_pretend

TEXTS = ("en", "zh", "file")

# How a stream marks its end, besides the name of an event.
END_NONE = "none"
END_DATA = "END"
END_CHAT = "[DONE]"
EVENT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")

# Not text/html: a text from the request must never run as a page.
CONTENT_TYPES = (
    "text/plain",
    "text/event-stream",
    "application/json",
    "application/x-ndjson",
    "application/octet-stream",
)

CACHE_BUSTERS = frozenset({"_", "t", "nonce"})

# Bounds a stream without a given size. The median piece of the shipped texts has 6 bytes.
TYPICAL_PIECE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of one stream. The text of each piece depends on these values alone."""

    text: str = "en"
    message: str = ""  # a text from the request, in the parameter `say`; it wins over `text`
    unit: Unit = Unit.WORD
    count: int = 0  # pieces; 0: the text once
    interval_s: float = 0.1
    jitter_s: float = 0.0  # each piece is sent up to this much later, never out of order
    size_bytes: int = 0  # of the text of each piece; 0: the size of the unit
    spread_bytes: int = 0  # the sizes of pieces differ by up to this much, around `size_bytes`
    pad_bytes: int = 0
    start: int = 0  # number of the first piece
    xab: bool = True  # X-Accel-Buffering: no
    cache: bool = True  # Cache-Control: no-cache, no-transform
    nosniff: bool = True  # X-Content-Type-Options: nosniff
    heartbeat: bool = True  # in long silences, if the transport has one
    end: str = END_NONE
    framing: Framing = Framing.PLAIN
    content_type: str = ""  # "": that of the transport
    pretend: Pretend | None = None  # a hold that the service makes itself


Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Rule:
    """The allowed values of one parameter."""

    read: Callable[[str, str, Limits], object]  # (name, given value, limits) → value; raises UsageError
    schema: Callable[[Limits], Mapping[str, object]]  # the same as JSON Schema, for /openapi.json
    example: str


def parse(pairs: Iterable[tuple[str, str]], *, limits: Limits, defaults: Params) -> Params:
    """Return the parameters in the query, and `defaults` for all others.

    Args:
        pairs: names and values of the query, in order.
        limits: the limits in force.
        defaults: the parameters of this route without a query.

    Raises:
        UsageError: a name is unknown or given twice, or a value is out of bounds.
    """
    chosen: dict[str, object] = {}
    for name, raw in pairs:
        if name in CACHE_BUSTERS:
            continue
        if name not in TABLE:
            raise UsageError(_unknown(name))
        field, rule = TABLE[name]
        if field in chosen:
            raise UsageError(f"{name} is given twice: expected it once, for example {name}={raw[:40]}")
        chosen[field] = rule.read(name, raw, limits)
    params = replace(defaults, **chosen)  # type: ignore[arg-type]  # each rule reads its field's type
    check(params, limits)
    return params


def check(params: Params, limits: Limits) -> None:
    """Refuse parameters that are in bounds one by one, but not together.

    Raises:
        UsageError: the stream would last too long, be too large, or have its pieces out of order.
    """
    if params.jitter_s > params.interval_s:
        raise UsageError(
            f"jitter={params.jitter_s:g}: expected at most the interval ({params.interval_s:g}), "
            f"for example jitter={params.interval_s / 2:g}"
        )
    if params.spread_bytes and params.spread_bytes > 2 * (params.size_bytes - 1):
        raise UsageError(
            f"spread={params.spread_bytes} with size={params.size_bytes}: expected less than twice the size, "
            "for example size=1000 and spread=600"
        )
    duration_s = params.count * params.interval_s
    if duration_s > limits.max_duration_s:
        maximum = max(1, int(limits.max_duration_s / params.interval_s))
        raise UsageError(
            f"count={params.count} with interval={params.interval_s:g} lasts {duration_s:g} seconds: "
            f"expected at most {limits.max_duration_s:g}, for example count={maximum}"
        )
    total = params.count * (params.size_bytes or TYPICAL_PIECE_BYTES)
    if total > limits.max_stream_bytes:
        maximum = limits.max_stream_bytes // (params.size_bytes or TYPICAL_PIECE_BYTES)
        raise UsageError(
            f"count={params.count} with size={params.size_bytes} makes {total} bytes: "
            f"expected at most {limits.max_stream_bytes}, for example count={maximum}"
        )


def query(params: Params, defaults: Params) -> str:
    """The query string for `params` on a route with these `defaults`. Inverse of `parse`."""
    from urllib.parse import urlencode

    pairs = [
        (name, _write(getattr(params, field)))
        for name, (field, _) in TABLE.items()
        if getattr(params, field) != getattr(defaults, field)
    ]
    return urlencode(pairs)


def _write(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _unknown(name: str) -> str:
    shown = name[:40]
    near = difflib.get_close_matches(shown, TABLE, n=1)
    advice = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(TABLE)}"
    return f"unknown parameter {shown!r}: {advice}"


def _whole(low: int, high: Callable[[Limits], int], example: int) -> Rule:
    def read(name: str, raw: str, limits: Limits) -> int:
        maximum = high(limits)
        # Not int(): it also accepts "1_000", " 7" and digits of other scripts.
        if not re.fullmatch(r"-?[0-9]{1,12}", raw) or not low <= int(raw) <= maximum:
            raise UsageError(
                f"{name}={raw[:40]}: expected a whole number from {low} to {maximum}, "
                f"for example {name}={example}"
            )
        return int(raw)

    def schema(limits: Limits) -> Mapping[str, object]:
        return {"type": "integer", "minimum": low, "maximum": high(limits)}

    return Rule(read, schema, str(example))


def _seconds(high: Callable[[Limits], float], example: str) -> Rule:
    def read(name: str, raw: str, limits: Limits) -> float:
        maximum = high(limits)
        number = float(raw) if re.fullmatch(r"-?[0-9]{0,6}\.?[0-9]{1,6}", raw) else math.nan
        if not 0 <= number <= maximum:
            raise UsageError(
                f"{name}={raw[:40]}: expected 0 to {maximum:g} seconds, for example {name}={example}"
            )
        return number

    def schema(limits: Limits) -> Mapping[str, object]:
        return {"type": "number", "minimum": 0, "maximum": high(limits)}

    return Rule(read, schema, example)


def _choice(kind: type[Choice], example: str) -> Rule:
    def read(name: str, raw: str, limits: Limits) -> Choice:
        try:
            return kind(raw)
        except ValueError:
            choices = ", ".join(kind)
            raise UsageError(
                f"{name}={raw[:40]}: expected one of {choices}, for example {name}={example}"
            ) from None

    return Rule(read, lambda _: {"type": "string", "enum": list(kind)}, example)


def _one_of(choices: tuple[str, ...], example: str) -> Rule:
    def read(name: str, raw: str, limits: Limits) -> str:
        if raw not in choices:
            raise UsageError(
                f"{name}={raw[:40]}: expected one of {', '.join(choices)}, for example {name}={example}"
            )
        return raw

    return Rule(read, lambda _: {"type": "string", "enum": list(choices)}, example)


def _switch(name: str, raw: str, limits: Limits) -> bool:
    if raw not in ("0", "1"):
        raise UsageError(f"{name}={raw[:40]}: expected 1 (on) or 0 (off), for example {name}=0")
    return raw == "1"


def _say(name: str, raw: str, limits: Limits) -> str:
    size = len(raw.encode("utf-8", "surrogatepass"))
    if not raw or size > limits.max_say_bytes or (not raw.isprintable() and not _is_text(raw)):
        raise UsageError(
            f"{name} of {size} bytes: expected 1 to {limits.max_say_bytes} bytes of UTF-8 text, "
            f"for example {name}=Hello%20there"
        )
    return raw


def _is_text(raw: str) -> bool:
    """Whether the text can be sent unchanged: it has no lone surrogates and no NUL."""
    return "\0" not in raw and not any("\ud800" <= char <= "\udfff" for char in raw)


def _end(name: str, raw: str, limits: Limits) -> str:
    if raw not in (END_NONE, END_DATA, END_CHAT) and not EVENT_NAME.fullmatch(raw):
        raise UsageError(
            f"{name}={raw[:40]!r}: expected {END_NONE}, {END_DATA}, {END_CHAT} or the name of an event "
            f"(a letter, then letters, digits and _.:-), for example {name}=done"
        )
    return raw


def _pretend(name: str, raw: str, limits: Limits) -> Pretend:
    pretend = parse_pretend(raw)
    if pretend is None:
        raise UsageError(f"{name}={raw[:40]}: expected {EXPECTED}, for example {name}={EXAMPLE}")
    return pretend


SWITCH = Rule(_switch, lambda _: {"type": "string", "enum": ["0", "1"]}, "0")
SAY = Rule(
    _say,
    lambda limits: {"type": "string", "minLength": 1, "description": f"at most {limits.max_say_bytes} bytes"},
    "Hello there",
)
END = Rule(
    _end,
    lambda _: {
        "type": "string",
        "anyOf": [{"enum": [END_NONE, END_DATA, END_CHAT]}, {"pattern": f"^{EVENT_NAME.pattern}$"}],
    },
    "done",
)

PRETEND = Rule(
    _pretend,
    lambda _: {"type": "string", "pattern": f"^({PATTERN})$", "description": EXPECTED},
    EXAMPLE,
)

# The name in the query → the field of Params, and the allowed values.
TABLE: Mapping[str, tuple[str, Rule]] = {
    "text": ("text", _one_of(TEXTS, "en")),
    "say": ("message", SAY),
    "unit": ("unit", _choice(Unit, "word")),
    "count": ("count", _whole(1, lambda limits: limits.max_count, 20)),
    "interval": ("interval_s", _seconds(lambda limits: limits.max_interval_s, "0.1")),
    "jitter": ("jitter_s", _seconds(lambda limits: limits.max_interval_s, "0.05")),
    "size": ("size_bytes", _whole(0, lambda limits: limits.max_size_bytes, 1024)),
    "spread": ("spread_bytes", _whole(0, lambda limits: limits.max_size_bytes, 400)),
    "pad": ("pad_bytes", _whole(0, lambda limits: limits.max_pad_bytes, 1024)),
    "start": ("start", _whole(0, lambda limits: limits.max_count, 5)),
    "xab": ("xab", SWITCH),
    "cache": ("cache", SWITCH),
    "nosniff": ("nosniff", SWITCH),
    "heartbeat": ("heartbeat", SWITCH),
    "end": ("end", END),
    "format": ("framing", _choice(Framing, "delta")),
    "type": ("content_type", _one_of(CONTENT_TYPES, "text/plain")),
    "pretend": ("pretend", PRETEND),
}
