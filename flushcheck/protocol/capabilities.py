"""What an origin says of itself, read strictly: a value within bounds, or a sentence that says what is wrong.

The text comes from another machine. Members that are not known are passed over, so that the protocol can
grow; one that is known and wrong makes the whole object wrong, because a run built on it would measure
something else than it says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from flushcheck.model import Capabilities, Transport, UsageError

VERSION = 1

MAX_TEXT = 200  # characters
MAX_ITEMS = 50  # of one list
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLACES = ("inner", "outer")

_STREAMS = (1, 1000)
_DURATION_S = (3, 3600)
_BYTES = (8192, 1_000_000_000)


class NoOrigin(Exception):
    """The response is not that of an origin at all."""


def read_capabilities(body: bytes) -> Capabilities:
    """Read the response to `fc=1`.

    Raises:
        NoOrigin: it is no JSON object with a member `flushcheck`.
        UsageError: it is that of an origin, and wrong: says which member.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise NoOrigin from None
    if not isinstance(data, dict) or "flushcheck" not in data:
        raise NoOrigin
    version = data["flushcheck"]
    if isinstance(version, bool) or version != VERSION:
        raise UsageError(f"version {_shown(version)} of the origin protocol: expected {VERSION}")
    limits = data.get("max")
    if not isinstance(limits, dict):
        raise _wrong("max", limits, "an object with streams, duration_s and bytes")
    transports = tuple(
        transport for transport in Transport if transport in _names(data, "transports", required=True)
    )
    if Transport.CHUNKED not in transports and Transport.EVENTS not in transports:
        raise UsageError("transports: expected chunked or events among them")
    return Capabilities(
        transports=transports,
        max_streams=int(_number(limits, "streams", _STREAMS)),
        max_duration_s=_number(limits, "duration_s", _DURATION_S),
        max_bytes=int(_number(limits, "bytes", _BYTES)),
        params=_names(data, "params"),
        origin=_text(data, "origin"),
        until=_date(data),
        place=_place(data),
        layers=_list(data, "layers"),
        flush=_names(data, "flush"),
        taps=_switch(data, "taps"),
        paths=_switch(data, "paths"),
    )


def _number(limits: Mapping[str, object], name: str, bounds: tuple[int, int]) -> float:
    value = limits.get(name)
    low, high = bounds
    # Compared before it is converted: a whole number may have any length, and NaN fails both comparisons.
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise _wrong(f"max.{name}", value, f"a number from {low} to {high}")
    if name != "duration_s" and value != int(value):
        raise _wrong(f"max.{name}", value, "a whole number")
    return float(value)


def _list(data: Mapping[str, object], name: str, *, required: bool = False) -> tuple[str, ...]:
    value = data.get(name, None if required else [])
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise _wrong(name, value, f"a list of at most {MAX_ITEMS} texts")
    return tuple(_checked(f"{name}[{index}]", item) for index, item in enumerate(value))


def _names(data: Mapping[str, object], name: str, *, required: bool = False) -> tuple[str, ...]:
    """The entries of a list of names, each once. What is no name cannot be one that this client knows."""
    entries = _list(data, name, required=required)
    return tuple(dict.fromkeys(entry for entry in entries if _NAME.fullmatch(entry)))


def _text(data: Mapping[str, object], name: str) -> str:
    return _checked(name, data.get(name, ""))


def _checked(name: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
        raise _wrong(name, value, f"a text of at most {MAX_TEXT} printable characters")
    return value


def _date(data: Mapping[str, object]) -> str:
    value = _text(data, "until")
    if value and not _DATE.fullmatch(value):
        raise _wrong("until", value, "a date as 2026-12-05")
    return value


def _place(data: Mapping[str, object]) -> str:
    value = _text(data, "place")
    if value and value not in _PLACES:
        raise _wrong("place", value, "inner or outer")
    return value


def _switch(data: Mapping[str, object], name: str) -> bool:
    value = data.get(name, False)
    if not isinstance(value, bool):
        raise _wrong(name, value, "true or false")
    return value


def _wrong(name: str, value: object, expected: str) -> UsageError:
    return UsageError(f"{name}={_shown(value)}: expected {expected}")


def _shown(value: object) -> str:
    """A value from the other side, short and printable. Nesting is not shown: it may be too deep."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        # Python refuses to write numbers of more than 4300 digits.
        return str(value) if abs(value) < 10**12 else "a number of more than 12 digits"
    if isinstance(value, str | float):
        return ascii(value)[:42]
    return "a list" if isinstance(value, list) else "an object"
