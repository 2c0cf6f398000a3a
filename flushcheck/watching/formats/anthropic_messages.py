"""Anthropic messages. Source: the API documentation, "Streaming messages"."""

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

_BLOCKS = frozenset({"content_block_start", "content_block_delta", "content_block_stop"})
_MESSAGES = frozenset({"message_start", "message_delta", "message_stop"})


def _recognises(payload: Payload) -> bool:
    return payload.type in _BLOCKS | _MESSAGES


def _read(payload: Payload) -> Meaning | None:
    match payload.type:
        case "message_start":
            return Meaning(RecordKind.START)
        case "content_block_start":
            return _block(payload)
        case "content_block_delta":
            return _delta(payload)
        case "message_delta":
            count = integer(member(payload.value, "usage", "output_tokens"))
            return Meaning(RecordKind.FINISH, output_tokens=count)
        case "message_stop":
            return Meaning(RecordKind.DONE, ends=True)
        case "content_block_stop":
            return Meaning(RecordKind.OTHER)
    return None


def _block(payload: Payload) -> Meaning:
    """A block begins empty; some gateways put the first text into it."""
    if text := string(member(payload.value, "content_block", "text")):
        return Meaning(RecordKind.CONTENT, text)
    return Meaning(RecordKind.START)


def _delta(payload: Payload) -> Meaning:
    delta = payload.get("delta")
    match member(delta, "type"):
        case "text_delta":
            return token(RecordKind.CONTENT, string(member(delta, "text")))
        case "thinking_delta":
            return token(RecordKind.REASONING, string(member(delta, "thinking")))
        case "input_json_delta":
            return Meaning(RecordKind.TOOL if member(delta, "partial_json") else RecordKind.OTHER)
    return Meaning(RecordKind.OTHER)  # a signature, a citation


FORMAT = WireFormat(
    "Anthropic messages", frozenset({Framing.EVENTS}), _recognises, _read, end="event: message_stop"
)
