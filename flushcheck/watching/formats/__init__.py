"""What the records of a stream mean: one file per wire format, listed here by hand.

A format reads frames, not bytes (`watching.framing`), and is recognised by its records; content types only
help. Start with `wire_format.py` (the values), then `ollama_generate.py`, a small example. `generic.py`
reads what is of no format in this list. CONTRIBUTING.md has the recipe for a new one.
"""

from __future__ import annotations

from flushcheck.watching.formats import (
    anthropic_messages,
    bedrock_converse,
    gemini,
    langserve,
    mcp,
    ollama_chat,
    ollama_generate,
    openai_chat,
    openai_responses,
    vercel_data_stream,
    vercel_ui_message,
)
from flushcheck.watching.formats.wire_format import Payload, WireFormat
from flushcheck.watching.framing.frame import Framing

# No record is recognised by two of them, so their order decides nothing.
FORMATS: tuple[WireFormat, ...] = (
    openai_chat.FORMAT,
    openai_responses.FORMAT,
    anthropic_messages.FORMAT,
    bedrock_converse.FORMAT,
    gemini.FORMAT,
    ollama_chat.FORMAT,
    ollama_generate.FORMAT,
    vercel_data_stream.FORMAT,
    vercel_ui_message.FORMAT,
    langserve.FORMAT,
    mcp.FORMAT,
)


def recognise(payload: Payload, framing: Framing) -> WireFormat | None:
    """Return the format that alone has such a record; None if none has."""
    return next((known for known in FORMATS if framing in known.framings and known.recognises(payload)), None)
