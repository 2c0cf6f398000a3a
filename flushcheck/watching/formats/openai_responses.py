"""OpenAI responses: events with a `type` that begins with "response.".

Source: the API reference, "Responses streaming events". A stream ends with one of three events, not with
[DONE].
"""

from __future__ import annotations

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

_STARTS = frozenset({"response.created", "response.queued", "response.in_progress"})
_ENDS = frozenset({"response.completed", "response.incomplete"})
_PARTS = ("response.output_", "response.content_part.", "response.reasoning_", "response.function_call_")


def _recognises(payload: Payload) -> bool:
    # A service of one's own may name its events "response.…" too.
    if payload.type in _STARTS | _ENDS | {"response.failed"}:
        return isinstance(payload.get("response"), dict)
    return payload.type.startswith(_PARTS)


def _read(payload: Payload) -> Meaning | None:
    kind = payload.type
    if not kind.startswith("response."):
        return None
    if kind == "response.failed":
        text = string(member(payload.value, "response", "error", "message"))
        return Meaning(RecordKind.ERROR, text or kind, ends=True)
    if kind in _ENDS:
        count = integer(member(payload.value, "response", "usage", "output_tokens"))
        return Meaning(RecordKind.DONE, ends=True, output_tokens=count)
    if kind in _STARTS:
        return Meaning(RecordKind.START)
    if not kind.endswith(".delta"):
        return Meaning(RecordKind.OTHER)
    text = string(payload.get("delta"))
    if ".reasoning" in kind:
        return token(RecordKind.REASONING, text)
    if kind in ("response.output_text.delta", "response.refusal.delta"):
        return token(RecordKind.CONTENT, text)
    if ".audio" in kind or ".output_audio" in kind:
        return Meaning(RecordKind.CONTENT, text if "transcript" in kind else "")
    return Meaning(RecordKind.TOOL)


FORMAT = WireFormat(
    "OpenAI responses", frozenset({Framing.EVENTS}), _recognises, _read, end="response.completed"
)
