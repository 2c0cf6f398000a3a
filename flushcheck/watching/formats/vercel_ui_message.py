"""Vercel's UI message stream (AI SDK 5 and 6, `x-vercel-ai-ui-message-stream: v1`).

Source: the AI SDK's documentation, "Stream protocols".
"""

from __future__ import annotations

from flushcheck.watching.formats.wire_format import (
    Meaning,
    Payload,
    RecordKind,
    WireFormat,
    string,
    token,
)
from flushcheck.watching.framing.frame import Framing

_KINDS = {
    "start": RecordKind.START,
    "start-step": RecordKind.START,
    "text-start": RecordKind.START,
    "text-end": RecordKind.OTHER,
    "reasoning-start": RecordKind.START,
    "reasoning-end": RecordKind.OTHER,
    "tool-input-start": RecordKind.TOOL,
    "tool-input-delta": RecordKind.TOOL,
    "tool-input-available": RecordKind.OTHER,
    "finish-step": RecordKind.FINISH,
    "finish": RecordKind.FINISH,
    "abort": RecordKind.FINISH,
}
# Names that other formats have too.
_COMMON = frozenset({"start", "finish", "abort"})


def _recognises(payload: Payload) -> bool:
    kind = payload.type
    if kind in ("text-delta", "reasoning-delta"):
        return isinstance(payload.get("delta"), str) and isinstance(payload.get("id"), str)
    return kind in _KINDS and kind not in _COMMON


def _read(payload: Payload) -> Meaning | None:
    match kind := payload.type:
        case "text-delta":
            return token(RecordKind.CONTENT, string(payload.get("delta")))
        case "reasoning-delta":
            return token(RecordKind.REASONING, string(payload.get("delta")))
        case "error" | "":
            return None
    return Meaning(_KINDS.get(kind, RecordKind.OTHER))


FORMAT = WireFormat(
    "Vercel UI message stream", frozenset({Framing.EVENTS}), _recognises, _read, end="data: [DONE]"
)
