"""A record of no particular format, and what records of every format have in common.

Services of their own send events, lines, elements or parts with a text somewhere inside. Where its place is
not known, the whole record is the content. An error inside a 200, a ping and an end are recognised by the
names that most services give them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

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

# What chat services send last, although their protocol has an end of its own.
DONE = "[DONE]"

_PINGS = frozenset({"ping", "heartbeat", "keepalive", "keep-alive", "keep_alive"})
_ENDS = frozenset({"done", "end", "complete", "completed", "finish", "finished"})

# Where records say which of several kinds they are, besides the name of an event.
_LABELS = ("type", "event", "event_type")

# The last words of names of records that open, close or count: "message-start", "TEXT_MESSAGE_END". They may
# repeat the whole text, and are content only in a stream that has no other.
_AROUND = (
    frozenset({"start", "started", "created", "progress", "stop", "stopped", "metadata", "usage"}) | _ENDS
)
# Words in a name that say what a text is: "REASONING_MESSAGE_CONTENT", "TOOL_CALL_ARGS".
_OF_REASONING = frozenset({"reasoning", "thinking", "thought"})
_OF_TOOLS = frozenset({"tool", "function"})
_WORDS = re.compile(r"[^a-z]+")

_TEXT_KEYS = (
    *("choices", "delta", "message", "content", "text", "response", "token", "answer", "output_text"),
    *("generated_text", "value", "chunk", "data", "result", "results", "output", "artifact", "parts"),
)
_REASONING_KEYS = ("reasoning", "reasoning_content", "thinking", "thought")
_END_KEYS = ("done", "finished", "is_finished")

_NAMES = {
    Framing.PARTS: "multipart/x-mixed-replace",
    Framing.PLAIN: "plain text",
}


def plain_format(framing: Framing) -> WireFormat:
    """Return the format of a stream whose framing alone is known."""
    name = _NAMES.get(framing, framing.value)
    return WireFormat(name, frozenset({framing}), lambda payload: True, read_any)


def read_any(payload: Payload) -> Meaning:
    """Return what a record of any format means."""
    frame = payload.frame
    if frame.last:
        return Meaning(RecordKind.DONE, ends=True)
    if frame.text.strip() == DONE:
        return Meaning(RecordKind.DONE, DONE, ends=True)
    labels = _labels(payload)
    if labels & _PINGS:
        return Meaning(RecordKind.PING)
    shown = payload.value if isinstance(payload.value, str) else delta(payload.value)
    if labels & _ENDS or _says_done(payload, shown):
        return Meaning(RecordKind.DONE, frame.text, ends=True)
    if frame.silent:
        return Meaning(RecordKind.PING)
    words = [_WORDS.split(label) for label in labels]
    last_words = {split[-1] for split in words}
    if "error" in last_words or (not shown and payload.get("error")):
        return Meaning(RecordKind.ERROR, error_text(payload) or frame.text)
    if last_words & _AROUND:
        return Meaning(RecordKind.DATA, frame.text, ends=payload.get("is_finished") is True)
    if not shown and (thought := reasoning(payload.value)):
        return Meaning(RecordKind.REASONING, thought)
    if shown is None and payload.value is not None:
        return Meaning(RecordKind.DATA, frame.text)
    return token(_kind({word for split in words for word in split}), frame.text if shown is None else shown)


def _kind(words: set[str]) -> RecordKind:
    """Return the kind of a record with text, by the words in its names."""
    if words & _OF_REASONING:
        return RecordKind.REASONING
    return RecordKind.TOOL if words & _OF_TOOLS else RecordKind.CONTENT


def _labels(payload: Payload) -> frozenset[str]:
    """Return what the record says of its kind, in lower case."""
    labels = (payload.frame.name, *(string(payload.get(key)) for key in _LABELS))
    return frozenset(label.lower() for label in labels)


def _says_done(payload: Payload, shown: str | None) -> bool:
    """Whether a record without text says that it is the last. Streams of flushcheck itself end so too."""
    if isinstance(payload.get("end"), str) and integer(payload.get("count")):
        return True
    if shown == "" and payload.get("stop") is True:  # llama.cpp's last record has an empty text
        return True
    return not shown and any(payload.get(key) is True for key in _END_KEYS)


def error_text(payload: Payload) -> str:
    """Return the message of an error; "" if its place is not known."""
    error = payload.get("error")
    candidates = (
        member(error, "message"),
        error,
        payload.get("message"),
        payload.get("errorText"),
        payload.get("detail"),
        member(error, "type"),
    )
    return next((text for text in candidates if isinstance(text, str) and text), "")


def delta(data: object) -> str | None:
    """Return the bit of text in a JSON record; None if no known key holds one."""
    for level in _levels(data):
        inner = _inner(level)
        if isinstance(inner, str):
            return inner
    return None


def reasoning(data: object) -> str:
    """Return what a model thought, from a record without text; "" if no known key holds it."""
    texts = (string(level.get(key)) for level in _levels(data) for key in _REASONING_KEYS)
    return next(filter(None, texts), "")


def _levels(data: object) -> Iterator[dict[str, Any]]:
    """Yield the objects inside each other that lead to the text."""
    for _ in range(6):  # OpenAI's assistants nest deepest: delta.content[0].text.value
        if isinstance(data, list) and data:
            data = data[0]
        if not isinstance(data, dict):
            return
        yield data
        data = _inner(data)


def _inner(level: dict[str, Any]) -> object:
    return next((level[key] for key in _TEXT_KEYS if isinstance(level.get(key), str | dict | list)), None)
