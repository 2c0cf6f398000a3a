"""MCP, streamable HTTP: JSON-RPC messages as events; the response to the request is the last.

Source: Model Context Protocol, "Transports", 2025-06-18. Notifications before the response (progress,
logging) are what a person waits for.
"""

from __future__ import annotations

import json

from flushcheck.watching.formats.wire_format import (
    Meaning,
    Payload,
    RecordKind,
    WireFormat,
    member,
    objects,
    string,
)
from flushcheck.watching.framing.frame import Framing

_FRAMINGS = frozenset({Framing.EVENTS, Framing.LINES})

# Agents that speak A2A frame JSON-RPC alike; their results have a kind.
_OF_AGENTS = frozenset({"task", "message", "status-update", "artifact-update"})


# What else speaks JSON-RPC has other methods, and need not end with a response.
_METHODS = ("notifications/", "sampling/", "elicitation/", "roots/", "ping")


def _recognises(payload: Payload) -> bool:
    if payload.get("jsonrpc") != "2.0":
        return False
    if method := string(payload.get("method")):
        return method.startswith(_METHODS)
    kind = string(member(payload.value, "result", "kind"))
    return kind not in _OF_AGENTS


def _read(payload: Payload) -> Meaning | None:
    if payload.get("jsonrpc") != "2.0":
        return None
    match payload.get("method"):
        case "ping":
            return Meaning(RecordKind.PING)
        case "notifications/progress":
            text = string(member(payload.value, "params", "message"))
            return Meaning(RecordKind.CONTENT, text)
        case "notifications/message":
            data = member(payload.value, "params", "data")
            return Meaning(RecordKind.CONTENT, data if isinstance(data, str) else json.dumps(data))
        case str():
            return Meaning(RecordKind.OTHER)
    if payload.get("error"):
        return Meaning(RecordKind.ERROR, string(member(payload.value, "error", "message")), ends=True)
    contents = objects(member(payload.value, "result", "content"))
    text = "".join(string(content.get("text")) for content in contents)
    return Meaning(RecordKind.CONTENT, text, ends=True)


# A GET opens a stream of the server's own messages, which no response ends.
FORMAT = WireFormat(
    "MCP streamable HTTP",
    _FRAMINGS,
    _recognises,
    _read,
    end="the response with the id of the request",
    end_methods=frozenset({"POST"}),
)
