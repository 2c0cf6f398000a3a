"""Ollama's /api/generate. Source: its API documentation, "Generate a completion"."""

from __future__ import annotations

from flushcheck.watching.formats.ollama_chat import read_ollama
from flushcheck.watching.formats.wire_format import Meaning, Payload, WireFormat, string
from flushcheck.watching.framing.frame import Framing


def _recognises(payload: Payload) -> bool:
    return isinstance(payload.get("done"), bool) and isinstance(payload.get("response"), str)


def _read(payload: Payload) -> Meaning | None:
    return read_ollama(payload, string(payload.get("response")), string(payload.get("thinking")))


FORMAT = WireFormat(
    "Ollama generate",
    frozenset({Framing.LINES, Framing.VALUES}),
    _recognises,
    _read,
    end='"done": true',
)
