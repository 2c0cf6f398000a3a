"""LangServe's /stream, /stream_log and /stream_events: events named metadata, data, error and end.

The event `end` has no data, so browsers do not dispatch it. Source: LangServe's api_handler, version 0.3.
"""

from __future__ import annotations

from typing import Any

from flushcheck.watching.formats.wire_format import (
    Meaning,
    Payload,
    RecordKind,
    WireFormat,
    member,
    objects,
    string,
    token,
)
from flushcheck.watching.framing.frame import Framing


def _recognises(payload: Payload) -> bool:
    # LangGraph's metadata has more members, and its streams another end; anything may be named "data".
    if payload.frame.name == "metadata":
        return isinstance(payload.get("run_id"), str) and len(payload.value) == 1
    if payload.frame.name != "data":
        return False
    return isinstance(payload.get("ops"), list) or (
        isinstance(payload.get("event"), str) and isinstance(payload.get("run_id"), str)
    )


def _read(payload: Payload) -> Meaning | None:
    match payload.frame.name:
        case "metadata":
            return Meaning(RecordKind.START)
        case "end":
            return Meaning(RecordKind.DONE, ends=True)
        case "data":
            return _data(payload.value)
    return None


def _data(value: Any) -> Meaning:
    if isinstance(value, str):
        return token(RecordKind.CONTENT, value)
    if isinstance(operations := member(value, "ops"), list):
        # /stream_log: patches of one document; what the chain puts out is appended to one list.
        texts = [
            _text(operation.get("value"))
            for operation in objects(operations)
            if operation.get("path") == "/streamed_output/-"
        ]
        return token(RecordKind.CONTENT, "".join(texts))
    if isinstance(name := member(value, "event"), str):
        chunk = member(value, "data", "chunk")
        return token(RecordKind.CONTENT, _text(chunk) if name.endswith("_model_stream") else "")
    if member(value, "tool_call_chunks") and not _text(value):
        return Meaning(RecordKind.TOOL)
    return token(RecordKind.CONTENT, _text(value))


def _text(chunk: Any) -> str:
    """Return the text of a chunk: a string, or a message whose content is a string or a list of blocks."""
    content = chunk if isinstance(chunk, str) else member(chunk, "content")
    if isinstance(content, list):
        return "".join(string(block.get("text")) for block in objects(content))
    return string(content) or string(member(chunk, "output"))


FORMAT = WireFormat("LangServe", frozenset({Framing.EVENTS}), _recognises, _read, end="event: end")
