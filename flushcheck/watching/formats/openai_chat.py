"""OpenAI chat completions, and the older completions: what most servers of models offer (vLLM, llama.cpp,
Azure).

Source: the API reference, "Chat completion chunk object"; `reasoning_content` is DeepSeek's and vLLM's
name, `reasoning` OpenRouter's. Mistral's models that reason put a list of parts into `content`. OpenRouter
reports an error beside `choices`, and Groq counts tokens in `x_groq`.
"""

from __future__ import annotations

from typing import Any

from flushcheck.watching.formats.generic import DONE, error_text
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
    if payload.get("error"):
        return Meaning(RecordKind.ERROR, error_text(payload))
    if not isinstance(choices, list):
        return None
    output_tokens = _output_tokens(payload)
    kind, text = RecordKind.OTHER, ""
    for choice in objects(choices):
        kind, text = _choice(choice)
        if text or kind is RecordKind.TOOL:
            break
    if kind is RecordKind.OTHER and output_tokens:
        kind = RecordKind.USAGE
    # Some services say why the model stopped beside the last token, and send no end.
    finishes = any(choice.get("finish_reason") for choice in objects(choices))
    return Meaning(kind, text, output_tokens=output_tokens, finishes=finishes)


def _output_tokens(payload: Payload) -> int:
    usages = (payload.get("usage"), member(payload.get("x_groq"), "usage"))
    return max(integer(member(usage, "completion_tokens")) for usage in usages)


def _choice(choice: dict[str, Any]) -> tuple[RecordKind, str]:
    """Return what one choice brings, and its text."""
    delta = choice.get("delta")
    delta = delta if isinstance(delta, dict) else {}
    parts = objects(delta.get("content"))
    contents = (_text(parts), delta.get("content"), delta.get("refusal"), choice.get("text"))
    if text := next(filter(None, map(string, contents)), ""):
        return RecordKind.CONTENT, text
    thoughts = "".join(_text(objects(part.get("thinking"))) for part in parts)
    reasoning = (thoughts, delta.get("reasoning_content"), delta.get("reasoning"))
    if text := next(filter(None, map(string, reasoning)), ""):
        return RecordKind.REASONING, text
    if delta.get("tool_calls") or delta.get("function_call"):
        return RecordKind.TOOL, ""
    if choice.get("finish_reason"):
        return RecordKind.FINISH, ""
    return (RecordKind.START if delta.get("role") else RecordKind.OTHER), ""


def _text(parts: list[dict[str, Any]]) -> str:
    return "".join(string(part.get("text")) for part in parts)


FORMAT = WireFormat(
    "OpenAI chat completions", frozenset({Framing.EVENTS}), _recognises, _read, end=f"data: {DONE}"
)
