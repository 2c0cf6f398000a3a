"""Amazon Bedrock's ConverseStream: messages of an event stream, named as what they bring.

Source: the API reference, "ConverseStream". Usage comes behind `messageStop`; an exception inside the stream
is a message of its own.
"""

from __future__ import annotations

from flushcheck.watching.formats.generic import error_text
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

_KINDS = {
    "messageStart": RecordKind.START,
    "contentBlockStart": RecordKind.START,
    "contentBlockDelta": RecordKind.CONTENT,
    "contentBlockStop": RecordKind.OTHER,
    "messageStop": RecordKind.FINISH,
}


def _recognises(payload: Payload) -> bool:
    return payload.frame.name in _KINDS


def _read(payload: Payload) -> Meaning | None:
    name = payload.frame.name
    if name == "contentBlockDelta":
        return _delta(payload.get("delta"))
    if name == "messageStop":
        return Meaning(RecordKind.FINISH, ends=True)
    if name == "metadata":
        count = integer(member(payload.value, "usage", "outputTokens"))
        return Meaning(RecordKind.USAGE, output_tokens=count)
    if name.endswith("Exception"):
        return Meaning(RecordKind.ERROR, error_text(payload) or name)
    return Meaning(_KINDS[name]) if name in _KINDS else None


def _delta(delta: object) -> Meaning:
    if text := string(member(delta, "text")):
        return Meaning(RecordKind.CONTENT, text)
    if text := string(member(delta, "reasoningContent", "text")):
        return Meaning(RecordKind.REASONING, text)
    return token(RecordKind.TOOL, string(member(delta, "toolUse", "input")))


FORMAT = WireFormat(
    "Amazon Bedrock Converse", frozenset({Framing.AWS}), _recognises, _read, end="messageStop"
)
