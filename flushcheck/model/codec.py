"""Values of the model as JSON, and back from JSON of unknown origin.

The type of each field says what is allowed; anything else is a `UsageError` that names the place, so
a browser or a shell that observes for itself learns what it got wrong. Keys that the model does not
know are passed over: a newer observer may send more than this version understands.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from flushcheck.model import UsageError

Value = TypeVar("Value")

MAX_ITEMS = 20_000  # in one list: ten times the largest plan's Arrivals
MAX_TEXT = 20_000  # characters in one string
MAX_NUMBER = 1e12  # sizes and seconds far beyond any run


def to_json(value: object) -> Any:
    """The value as dicts, lists, strings, numbers, booleans and None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, float):
        return round(value, 6)  # microseconds: finer than any clock that is read here
    return value


def from_json(kind: type[Value], data: object, where: str = "") -> Value:
    """Build a value of `kind` from parsed JSON.

    Args:
        kind: a frozen dataclass of the model.
        data: what `json.loads` returned.
        where: the place of `data` in the document, for messages.

    Raises:
        UsageError: a field is missing, of another type, or out of bounds.
    """
    return _read(kind, data, where or kind.__name__)  # type: ignore[no-any-return]  # kind says it


def _read(kind: Any, data: object, where: str) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _read_dataclass(kind, data, where)
    origin = get_origin(kind)
    if origin is tuple:
        return _read_tuple(get_args(kind), data, where)
    if origin in (Union, types.UnionType):
        inner = next(arg for arg in get_args(kind) if arg is not type(None))
        return None if data is None else _read(inner, data, where)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if isinstance(data, str) and data in set(kind):
            return kind(data)
        raise _wrong(where, data, _name(kind))
    return _read_scalar(kind, data, where)


def _read_dataclass(kind: type, data: object, where: str) -> Any:
    if not isinstance(data, Mapping):
        raise _wrong(where, data, "an object")
    hints = _hints(kind)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        if field.name in data:
            values[field.name] = _read(hints[field.name], data[field.name], f"{where}.{field.name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise UsageError(f"{where}.{field.name} is missing: expected {_name(hints[field.name])}")
    return kind(**values)


def _read_tuple(args: tuple[Any, ...], data: object, where: str) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise _wrong(where, data, "a list")
    if len(data) > MAX_ITEMS:
        raise UsageError(f"{where} has {len(data)} items: expected at most {MAX_ITEMS}")
    kinds = args[:1] * len(data) if Ellipsis in args else args
    if len(data) != len(kinds):
        raise UsageError(f"{where} has {len(data)} items: expected {len(kinds)}")
    return tuple(_read(kinds[index], item, f"{where}[{index}]") for index, item in enumerate(data))


def _read_scalar(kind: type, data: object, where: str) -> Any:
    if kind is str and isinstance(data, str):
        if len(data) > MAX_TEXT:
            raise UsageError(f"{where} has {len(data)} characters: expected at most {MAX_TEXT}")
        # JSON can write half a character ("\\ud800"), and nothing could write it out again.
        if any("\ud800" <= char <= "\udfff" for char in data):
            raise _wrong(where, data, "text without lone surrogates")
        return data
    if kind is bool and isinstance(data, bool):
        return data
    if kind in (int, float) and isinstance(data, int | float) and not isinstance(data, bool):
        # Compared first: a whole number may be too large to be asked whether it is finite.
        if abs(data) > MAX_NUMBER or not math.isfinite(data):
            raise _wrong(where, data, "a finite number of ordinary size")
        if kind is float or isinstance(data, int) or data.is_integer():
            return kind(data)
    raise _wrong(where, data, _name(kind))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _name(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return f"one of {', '.join(kind)}"
    names = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}
    return names.get(kind, "a list" if get_origin(kind) is tuple else "an object")


def _wrong(where: str, data: object, expected: str) -> UsageError:
    # Only flat values are shown: nesting may be too deep to be written.
    flat = data is None or isinstance(data, str | int | float)
    shown = repr(str(data)[:40]) if flat else f"a {type(data).__name__}"
    return UsageError(f"{where}={shown}: expected {expected}")
