"""What one record of a stream means, and what a wire format is: a name, and a reading of its records.

A format does not look at bytes: `watching.framing` has cut them into frames. Reading is a pure function of
one frame, so a format is a file of a screen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flushcheck.watching.framing.frame import Frame, Framing


class RecordKind(StrEnum):
    """What a record brings."""

    CONTENT = "content"  # of the response: text, or what stands for it in its format
    DATA = "data"  # JSON in which no text was found: content, unless other records of the stream have text
    REASONING = "reasoning"  # what a model writes before its response
    TOOL = "tool"  # a call of a tool, or a part of its arguments
    START = "start"  # a role, an id, the beginning of a message or block
    USAGE = "usage"  # counts of tokens
    FINISH = "finish"  # why the model stopped; more records may follow
    PING = "ping"  # keeps the connection open
    DONE = "done"  # the end of the format, and nothing else
    ERROR = "error"
    OTHER = "other"


# Kinds that a model has made token by token.
TOKEN_KINDS = frozenset({RecordKind.CONTENT, RecordKind.REASONING, RecordKind.TOOL})


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one record means."""

    kind: RecordKind
    text: str = ""  # what a person would be shown of it
    ends: bool = False  # with this record the stream is complete, by the rules of its format
    output_tokens: int = 0  # that the service counted by now; 0: the record does not say
    finishes: bool = False  # it says why the model stopped, whatever else it brings


@dataclass(frozen=True, slots=True)
class Payload:
    """A frame with its JSON."""

    frame: Frame
    value: Any  # None where the text is not JSON

    @property
    def type(self) -> str:
        """The member "type", by which many formats tell their records apart; "" if there is none."""
        return string(self.get("type"))

    def get(self, key: str) -> Any:
        """Return a member of the JSON object; None if there is none, or no object."""
        return self.value.get(key) if isinstance(self.value, dict) else None


@dataclass(frozen=True, slots=True)
class WireFormat:
    """One format. It is recognised by the first record that only it can have."""

    name: str
    framings: frozenset[Framing]
    recognises: Callable[[Payload], bool]
    read: Callable[[Payload], Meaning | None]  # None: a record as any format has it (an error, a ping)
    end: str = ""  # how a stream of this format says that it is complete; "": it does not
    end_methods: frozenset[str] = frozenset()  # the methods whose responses end so; empty: all

    def end_of(self, method: str) -> str:
        """How the response to a request of this method says that it is complete; "" if it does not."""
        return self.end if not self.end_methods or method in self.end_methods else ""


def integer(value: object) -> int:
    """Return a number of tokens as JSON has it; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def string(value: object) -> str:
    """Return a text as JSON has it; "" for anything else."""
    return value if isinstance(value, str) else ""


def objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a JSON array; none for anything else."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def member(value: object, *keys: str) -> Any:
    """Return what lies below these keys, one inside the other; None if one is missing."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def token(kind: RecordKind, text: str) -> Meaning:
    """Return a record of this kind; one without text brings nothing."""
    return Meaning(kind if text else RecordKind.OTHER, text)
