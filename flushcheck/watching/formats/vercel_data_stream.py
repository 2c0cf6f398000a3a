"""Vercel's data stream (AI SDK 3.4 and 4, `x-vercel-ai-data-stream: v1`): lines of a code, a colon and JSON.

Source: the AI SDK's documentation of version 4, "Stream protocols".
"""

from __future__ import annotations

import json
import re

from flushcheck.watching.formats.wire_format import (
    Meaning,
    Payload,
    RecordKind,
    WireFormat,
    integer,
    member,
    string,
    token,
)
from flushcheck.watching.framing.frame import Framing

_LINE = re.compile(r"([0-9a-k]):(.*)", re.DOTALL)

_OTHERS = {
    "9": RecordKind.TOOL,  # a call
    "b": RecordKind.TOOL,  # a call begins
    "c": RecordKind.TOOL,  # a part of its arguments
    "e": RecordKind.FINISH,  # of a step
    "f": RecordKind.START,  # of a step
}


# What the value of each code is. Rows of React's server components ("0:[…]") have the same framing.
_SHAPES: dict[str, type | str] = {
    **dict.fromkeys("03g", str),
    **dict.fromkeys("9bc", "toolCallId"),
    **dict.fromkeys("de", "finishReason"),
    "f": "messageId",
}


def _recognises(payload: Payload) -> bool:
    line = _LINE.match(payload.frame.text) if payload.value is None else None
    if line is None:
        return False
    value, shape = _loads(line[2]), _SHAPES.get(line[1])
    if shape is str:
        return isinstance(value, str) and not value.startswith("$")  # of React: a reference
    return isinstance(shape, str) and member(value, shape) is not None


def _read(payload: Payload) -> Meaning | None:
    line = _LINE.match(payload.frame.text)
    if line is None:
        return None
    code, value = line[1], _loads(line[2])
    match code:
        case "0":
            return token(RecordKind.CONTENT, string(value))
        case "g":
            return token(RecordKind.REASONING, string(value))
        case "3":
            return Meaning(RecordKind.ERROR, string(value))
        case "d":
            count = integer(member(value, "usage", "completionTokens"))
            return Meaning(RecordKind.DONE, ends=True, output_tokens=count)
    return Meaning(_OTHERS.get(code, RecordKind.OTHER))


def _loads(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


FORMAT = WireFormat(
    "Vercel data stream",
    frozenset({Framing.LINES}),
    _recognises,
    _read,
    end="a line that begins with d:",
)
