"""OpenAI chat completions, and the older completions: what most servers of models offer (vLLM, llama.cpp,
Azure).

Source: the API reference, "Chat completion chunk object"; `reasoning_content` is DeepSeek's and vLLM's
name, `reasoning` OpenRouter's.
"""

from __future__ import annotations

from typing import Any

from flushcheck.watching.formats.generic import DONE
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


def _recognises(payload: Payload) -> bool:
    kind = string(payload.get("object"))
    if kind in ("chat.completion.chunk", "text_completion"):
        return True
    if payload.get("choices") == [] and payload.get("prompt_filter_results"):
        return True  # Azure's first record
    return any(isinstance(choice.get("delta"), dict) for choice in objects(payload.get("choices")))


def _read(payload: Payload) -> Meaning | None:
    choices = payload.get("choices")
    if not isinstance(choices, list) or payload.get("error"):
        return None
    output_tokens = integer(member(payload.value, "usage", "completion_tokens"))
    kind, text = RecordKind.OTHER, ""
    for choice in objects(choices):
        kind, text = _choice(choice)
        if text or kind is RecordKind.TOOL:
            break
    if kind is RecordKind.OTHER and output_tokens:
        kind = RecordKind.USAGE
    return Meaning(kind, text, output_tokens=output_tokens)


def _choice(choice: dict[str, Any]) -> tuple[RecordKind, str]:
    """Return what one choice brings, and its text."""
    delta = choice.get("delta")
    delta = delta if isinstance(delta, dict) else {}
    if text := string(delta.get("content")) or string(delta.get("refusal")) or string(choice.get("text")):
        return RecordKind.CONTENT, text
    if text := string(delta.get("reasoning_content")) or string(delta.get("reasoning")):
        return RecordKind.REASONING, text
    if delta.get("tool_calls") or delta.get("function_call"):
        return RecordKind.TOOL, ""
    if choice.get("finish_reason"):
        return RecordKind.FINISH, ""
    return (RecordKind.START if delta.get("role") else RecordKind.OTHER), ""


FORMAT = WireFormat(
    "OpenAI chat completions", frozenset({Framing.EVENTS}), _recognises, _read, end=f"data: {DONE}"
)
