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


def _recognises(payload: Payload) -> bool:
    return payload.value is None and _LINE.match(payload.frame.text) is not None


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
