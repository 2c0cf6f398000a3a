"""Gemini's streamGenerateContent: events with `alt=sse`, else one JSON array. No record says only "done".

Source: the API reference, "GenerateContentResponse". The last record has a `finishReason`, often with text.
"""

from __future__ import annotations

from typing import Any

from flushcheck.watching.formats.wire_format import (
    Meaning,
    Payload,
    RecordKind,
    WireFormat,
    integer,
    member,
    objects,
    string,
)
from flushcheck.watching.framing.frame import Framing


def _response(payload: Payload) -> Any:
    """The response itself; Vertex and command line tools get it inside of another object."""
    inner = payload.get("response")
    return inner if isinstance(inner, dict) else payload.value


def _recognises(payload: Payload) -> bool:
    response = _response(payload)
    if any("content" in candidate for candidate in objects(member(response, "candidates"))):
        return True
    return isinstance(member(response, "usageMetadata"), dict)


def _read(payload: Payload) -> Meaning | None:
    response = _response(payload)
    candidates = objects(member(response, "candidates"))
    output_tokens = integer(member(response, "usageMetadata", "candidatesTokenCount"))
    if not candidates:
        if member(response, "promptFeedback", "blockReason"):
            return Meaning(RecordKind.FINISH, ends=True, output_tokens=output_tokens)
        known = isinstance(member(response, "usageMetadata"), dict)
        return Meaning(RecordKind.USAGE, output_tokens=output_tokens) if known else None
    kind, text = _parts(objects(member(candidates[0], "content", "parts")))
    ends = bool(candidates[0].get("finishReason"))
    if kind is RecordKind.OTHER and ends:
        kind = RecordKind.FINISH
    return Meaning(kind, text, ends, output_tokens)


def _parts(parts: list[dict[str, Any]]) -> tuple[RecordKind, str]:
    """Return what the parts of one record bring: text before thoughts before calls."""
    text = "".join(string(part.get("text")) for part in parts if not part.get("thought"))
    if text:
        return RecordKind.CONTENT, text
    if thoughts := "".join(string(part.get("text")) for part in parts):
        return RecordKind.REASONING, thoughts
    if any("functionCall" in part for part in parts):
        return RecordKind.TOOL, ""
    return (RecordKind.CONTENT if any("inlineData" in part for part in parts) else RecordKind.OTHER), ""


FORMAT = WireFormat(
    "Gemini generateContent",
    frozenset({Framing.EVENTS, Framing.ARRAY}),
    _recognises,
    _read,
    end="finishReason",
)
