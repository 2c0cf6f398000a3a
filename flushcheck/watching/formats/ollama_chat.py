"""Ollama's /api/chat. Source: its API documentation, "Generate a chat completion"."""

from __future__ import annotations

from flushcheck.watching.formats.wire_format import (
    Meaning,
    Payload,
    RecordKind,
    WireFormat,
    integer,
    member,
    string,
)
from flushcheck.watching.framing.frame import Framing


def _recognises(payload: Payload) -> bool:
    return isinstance(payload.get("done"), bool) and isinstance(payload.get("message"), dict)


def _read(payload: Payload) -> Meaning | None:
    message = payload.get("message")
    return read_ollama(
        payload,
        string(member(message, "content")),
        string(member(message, "thinking")),
        calls=bool(member(message, "tool_calls")),
    )


def read_ollama(payload: Payload, content: str, thinking: str, *, calls: bool = False) -> Meaning | None:
    """Return the meaning of a record, of /api/chat or of /api/generate; None if it is neither."""
    if not isinstance(payload.get("done"), bool):
        return None
    ends, output_tokens = payload.get("done"), integer(payload.get("eval_count"))
    if content:
        return Meaning(RecordKind.CONTENT, content, ends, output_tokens)
    if thinking:
        return Meaning(RecordKind.REASONING, thinking, ends, output_tokens)
    if calls:
        return Meaning(RecordKind.TOOL, "", ends, output_tokens)
    return Meaning(RecordKind.DONE if ends else RecordKind.OTHER, "", ends, output_tokens)


FORMAT = WireFormat(
    "Ollama chat",
    frozenset({Framing.LINES, Framing.VALUES}),
    _recognises,
    _read,
    end='"done": true',
)
