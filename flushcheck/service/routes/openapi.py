"""The service as an OpenAPI 3.1 document, at /openapi.json.

What may be asked of a stream is `params.TABLE` and the limits in force; what a Run is, the model's own
types. Here stands only what neither knows: what each address is for, and how it answers. A test compares
the addresses with the routes. Addresses of the page's own files are not in it.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

from flask import Blueprint, Response

from flushcheck import __version__
from flushcheck.configs.findings import Server
from flushcheck.measurement.plan import ROUTES
from flushcheck.model import Run, Transport
from flushcheck.service.responses import allow_cors, json_response
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.params import CONTENT_TYPES, TABLE

JSON, TEXT, HTML, EVENTS = "application/json", "text/plain", "text/html", "text/event-stream"
PATH = "/openapi.json"

Schema = dict[str, Any]

ERROR: Schema = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
ANY_OBJECT: Schema = {"type": "object"}
TEXT_BODY: Schema = {"type": "string"}

REASONS = {
    200: "as asked",
    204: "the client has the whole stream already",
    400: "the request cannot be answered: what was given, what was expected, an example",
    401: "the token is missing",
    403: "not for this client",
    404: "there is no such thing",
    413: "the body is too long",
    426: "another version of the protocol is expected",
    429: "too much at once for one client",
    501: "this server cannot",
    503: "no place now; see Retry-After",
}


def routes(limits: Limits) -> Blueprint:
    """The one address."""
    blueprint = Blueprint("openapi", __name__)
    whole = document(limits)

    @blueprint.get(PATH)
    def openapi() -> Response:
        return allow_cors(json_response(whole))

    return blueprint


def document(limits: Limits) -> Schema:
    """The whole document, with the bounds in force."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "flushcheck",
            "version": __version__,
            "description": "Text streams over four transports, and what holds them on the way.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": {**_streams(limits), **_diagnostics(), **_rest()},
        "components": {"schemas": {"Error": ERROR, **_models(Run)}},
    }


def _streams(limits: Limits) -> Schema:
    asked = [_parameter(name, rule.schema(limits), rule.example) for name, (_, rule) in TABLE.items()]
    last = {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string", "pattern": "^[0-9]{1,12}$"}}
    # Whatever type is asked for, the body is the text as its transport has it.
    any_type: Schema = {kind: {} for kind in CONTENT_TYPES}
    chunked = _get("The text, one Piece a chunk", {200: any_type, 429: JSON, 503: JSON}, asked)
    events = _get(
        "The text as server-sent events; resumes behind Last-Event-ID",
        {200: any_type, 204: None, 429: JSON, 503: JSON},
        [*asked, last],
    )
    # Past the end it answers 400 as well: a polling client stops there.
    cnt = _parameter("cnt", {"type": "integer", "minimum": 0, "maximum": limits.max_count}, "0")
    return {
        ROUTES[Transport.CHUNKED]: chunked,
        "/xhr": {"get": {**chunked["get"], "summary": "The same behind 1,024 spaces and a blank line"}},
        ROUTES[Transport.EVENTS]: events,
        "/": _get(
            "The page; with Accept: text/event-stream the events", {200: {HTML: TEXT_BODY, **any_type}}
        ),
        ROUTES[Transport.POLLING]: _get("One Piece", {200: any_type}, [cnt, *asked]),
        ROUTES[Transport.WEBSOCKET]: _get(
            "A WebSocket (RFC 6455), one text message a Piece; the message `stop` ends it",
            {403: JSON, 426: JSON, 429: JSON, 501: JSON, 503: JSON},
            asked,
        ),
    }


def _diagnostics() -> Schema:
    run = {JSON: {"schema": {"$ref": "#/components/schemas/Run"}}}
    reads = {TEXT: {"schema": TEXT_BODY}}
    quick = _parameter("quick", {"type": "string", "enum": ["0", "1"]}, "1")
    report = {200: {JSON: ANY_OBJECT, TEXT: TEXT_BODY, HTML: TEXT_BODY}}
    return {
        "/diagnostics": _get("The service diagnoses itself", {**report, 429: JSON}, [quick]),
        "/diagnostics/control": _get("What the service sees on its own loopback", {200: JSON, 429: JSON}),
        "/diagnostics/server": _get("How the service is run, and what of that its streams feel", {200: JSON}),
        "/diagnostics/judge": _post(
            "A Run, or the reads of the shell's one line, judged", report, run | reads
        ),
        "/diagnostics/plan": _post("The Probes to make next", {200: JSON}, run),
        "/diagnostics/report": _post("A Run's Report to keep", report, run),
    }


def _rest() -> Schema:
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    pages = {200: {TEXT: TEXT_BODY, JSON: ANY_OBJECT, HTML: TEXT_BODY}}
    server = _parameter("server", {"type": "string", "enum": list(Server)}, "nginx")
    called = _parameter("name", {"type": "string", "maxLength": 200}, "nginx.conf")
    metrics = {200: {TEXT: TEXT_BODY}, 401: JSON, 403: JSON}
    return {
        "/check": _post(
            "A server's configuration, checked",
            {200: {TEXT: TEXT_BODY, JSON: ANY_OBJECT}},
            {TEXT: {"schema": TEXT_BODY}},
            [server, called],
        ),
        "/culprits": _get("What is known to hold a stream", pages),
        "/culprits/{name}": _get("One of them", {**pages, 404: JSON}, [name]),
        "/healthz": _get("Alive", {200: JSON}),
        "/readyz": _get("Ready for more streams", {200: JSON, 503: JSON}),
        "/metrics": _get("Counts for Prometheus", metrics),
        PATH: _get("This document", {200: JSON}),
    }


def _parameter(name: str, schema: Mapping[str, object], example: str) -> Schema:
    return {"name": name, "in": "query", "schema": dict(schema), "example": _typed(schema, example)}


def _typed(schema: Mapping[str, object], example: str) -> object:
    kinds = {"integer": int, "number": float}
    return kinds.get(str(schema.get("type")), str)(example)


def _get(summary: str, answers: Mapping[int, Any], parameters: Iterable[Schema] = ()) -> Schema:
    return {"get": _operation(summary, {**answers, 400: JSON}, parameters)}


def _post(
    summary: str, answers: Mapping[int, Any], body: Schema, parameters: Iterable[Schema] = ()
) -> Schema:
    operation = _operation(summary, {**answers, 400: JSON, 413: JSON, 503: JSON}, parameters)
    return {"post": {**operation, "requestBody": {"required": True, "content": body}}}


def _operation(summary: str, answers: Mapping[int, Any], parameters: Iterable[Schema]) -> Schema:
    return {
        "summary": summary,
        "parameters": list(parameters),
        "responses": {str(status): _answer(status, kinds) for status, kinds in sorted(answers.items())},
    }


def _answer(status: int, kinds: Any) -> Schema:
    """One answer: no body, JSON, or a schema for each content type."""
    if kinds is None:
        return {"description": REASONS[status]}
    if kinds == JSON:
        kinds = {JSON: ANY_OBJECT if status == 200 else {"$ref": "#/components/schemas/Error"}}
    return {
        "description": REASONS[status],
        "content": {kind: {"schema": schema} for kind, schema in kinds.items()},
    }


def _models(kind: type) -> Schema:
    """The schema of a type of the model, and of all that it holds, each by its name."""
    found: Schema = {}
    _schema(kind, found)
    return found


def _schema(kind: Any, found: Schema) -> Schema:
    """JSON Schema of a type as `codec` reads it. Dataclasses go to `found`, and are referred to."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        name = kind.__name__
        if name not in found:
            found[name] = {}
            found[name] |= _object(kind, found)
        return {"$ref": f"#/components/schemas/{name}"}
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(arg, found) for arg in args]}
    if origin is tuple:
        if args[-1] is Ellipsis:
            return {"type": "array", "items": _schema(args[0], found)}
        items = [_schema(arg, found) for arg in args]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"type": "string", "enum": list(kind)}
    names = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    return {"type": names[kind]}


def _object(kind: Any, found: Schema) -> Schema:
    hints, fields = get_type_hints(kind), dataclasses.fields(kind)
    needed = [
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    properties = {field.name: _schema(hints[field.name], found) for field in fields}
    return {"type": "object", "required": needed, "properties": properties}
