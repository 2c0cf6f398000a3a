"""The service as an OpenAPI 3.1 document, at /openapi.json.

The parameters of a stream come from `params.TABLE` and the limits in force, the schema of a Run from the
types of the model. This module adds only what neither contains: the purpose of each path and its
responses. A test compares the paths with the routes. The page's own files are left out.

Written by hand, not with flask-openapi3, apispec or flask-smorest: those want each type a second time, as a
pydantic or marshmallow model.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

from flask import Blueprint, Response

from flushcheck import __version__
from flushcheck.configs.assumptions import Assumption
from flushcheck.configs.findings import Server
from flushcheck.culprits.catalogue import FLOWS, MAX_WORDS
from flushcheck.measurement.plan import ROUTES
from flushcheck.model import Run, Transport
from flushcheck.protocol import origin
from flushcheck.reports.measured import MAX_QUERY
from flushcheck.service.page_capture import PageCapture
from flushcheck.service.responses import allow_cors, json_response
from flushcheck.service.routes.check import CheckError
from flushcheck.service.routes.origin import TRANSPORTS as ORIGIN_TRANSPORTS
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.params import CONTENT_TYPES, TABLE

JSON, TEXT, HTML, EVENTS = "application/json", "text/plain", "text/html", "text/event-stream"
PATH = "/openapi.json"

Schema = dict[str, Any]

ERROR: Schema = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
# A body that is cut off or malformed as HTTP has an error only.
CANNOT_CHECK: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "string"},
        "code": {"type": "string", "enum": list(CheckError)},
        "reason": {"type": "string"},
    },
}
ANY_OBJECT: Schema = {"type": "object"}
TEXT_BODY: Schema = {"type": "string"}

REASONS = {
    200: "success",
    204: "the client already has the whole stream",
    400: "the request is wrong: what was given, what is expected, an example",
    401: "the token is missing or wrong",
    403: "this client is not allowed",
    404: "not found",
    413: "the body is too long",
    426: "another version of the protocol is expected",
    429: "this client has reached its limit; see Retry-After",
    501: "this server cannot open WebSockets",
    503: "the process has reached its limit; see Retry-After",
}


def routes(limits: Limits) -> Blueprint:
    """The route `/openapi.json`."""
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
            "description": "Text streams over four transports, to find what holds streams back on a path.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": {**_streams(limits), **_diagnostics(), **_rest()},
        "components": {
            "schemas": {"Error": ERROR, "CannotCheck": CANNOT_CHECK, **_models(Run), **_models(PageCapture)}
        },
    }


def _streams(limits: Limits) -> Schema:
    parameters = [_parameter(name, rule.schema(limits), rule.example) for name, (_, rule) in TABLE.items()]
    of_a_poll = [parameter for parameter in parameters if parameter["name"] != "pretend"]
    last = {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string", "pattern": "^[0-9]{1,12}$"}}
    # The parameter `type` sets the content type; the body stays the text in its transport's format.
    any_type: Schema = {kind: {} for kind in CONTENT_TYPES}
    chunked = _get("The text, one piece per chunk", {200: any_type, 429: JSON, 503: JSON}, parameters)
    events = _get(
        "The text as server-sent events; resumes after Last-Event-ID",
        {200: any_type, 204: None, 429: JSON, 503: JSON},
        [*parameters, last],
    )
    # After the last piece the response is 400, at which a polling client stops.
    cnt = _parameter("cnt", {"type": "integer", "minimum": 0, "maximum": limits.max_count}, "0")
    return {
        ROUTES[Transport.CHUNKED]: chunked,
        "/xhr": {"get": {**chunked["get"], "summary": "The same after 1,024 spaces and a blank line"}},
        ROUTES[Transport.EVENTS]: events,
        "/": _get(
            "The page; with Accept: text/event-stream, the events; with `fc`, an origin (docs/protocol.md)",
            {200: {HTML: TEXT_BODY, JSON: ANY_OBJECT, **any_type}, 429: JSON, 503: JSON},
            [_parameter("fc", {"type": "string", "enum": [str(origin.VERSION), *ORIGIN_TRANSPORTS]}, "1")],
        ),
        ROUTES[Transport.POLLING]: _get("One piece of the text", {200: any_type}, [cnt, *of_a_poll]),
        ROUTES[Transport.WEBSOCKET]: _get(
            "A WebSocket (RFC 6455), one text message per piece; the message `stop` ends it",
            {403: JSON, 426: JSON, 429: JSON, 501: JSON, 503: JSON},
            parameters,
        ),
    }


def _diagnostics() -> Schema:
    run = {JSON: {"schema": {"$ref": "#/components/schemas/Run"}}}
    each = {"$ref": "#/components/schemas/Run"}
    two_runs = {
        JSON: {
            "schema": {
                "type": "object",
                "required": ["before", "after"],
                "properties": {"before": each, "after": each},
            }
        }
    }
    reads = {TEXT: {"schema": TEXT_BODY}}
    quick = _parameter("quick", {"type": "string", "enum": ["0", "1"]}, "1")
    report = {200: {JSON: ANY_OBJECT, TEXT: TEXT_BODY, HTML: TEXT_BODY}}
    return {
        "/diagnostics": _get("The service diagnoses itself", {**report, 429: JSON}, [quick]),
        "/diagnostics/control": _get(
            "Two streams that the service observes on its own loopback, for comparison",
            {200: JSON, 429: JSON},
            [quick],
        ),
        "/diagnostics/server": _get(
            "The server that runs the service, and what that means for streams", {200: JSON}
        ),
        "/diagnostics/judge": _post(
            "The report on a run, or on the output of the one-line curl command", report, run | reads
        ),
        "/diagnostics/compare": _post("What changed between two runs", {200: JSON}, two_runs),
        "/diagnostics/plan": _post("The next probes to make", {200: JSON}, run),
        "/diagnostics/observation": _post(
            "What a page read of a stream of its visitor's own, as an observation",
            {200: JSON},
            {JSON: {"schema": {"$ref": "#/components/schemas/PageCapture"}}},
        ),
        "/diagnostics/report": _post("The report on a run, as a file to keep", report, run),
    }


def _rest() -> Schema:
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    query = _parameter("q", {"type": "string", "maxLength": MAX_QUERY}, "nginx blocks")
    case = [{**name, "name": "program"}, name]
    pages = {200: {TEXT: TEXT_BODY, JSON: ANY_OBJECT, HTML: TEXT_BODY}}
    server = _parameter("server", {"type": "string", "enum": list(Server)}, "nginx")
    version = _parameter("server_version", {"type": "string"}, "1.22.1")
    assumptions = {"type": "array", "items": {"type": "string", "enum": list(Assumption)}}
    assume = {**_parameter("assume", assumptions, "chunked"), "style": "form", "explode": False}
    name_given = _parameter("name", {"type": "string", "maxLength": 200}, "nginx.conf")
    metrics = {200: {TEXT: TEXT_BODY}, 401: JSON, 403: JSON}
    return {
        "/check": _post(
            "The findings in a server's configuration",
            {
                200: {TEXT: TEXT_BODY, JSON: ANY_OBJECT},
                400: {JSON: {"$ref": "#/components/schemas/CannotCheck"}},
            },
            {TEXT: {"schema": TEXT_BODY}},
            [server, version, assume, name_given],
        ),
        "/culprits": _get("The known culprits, all or those that fit", pages, _selection()),
        "/culprits/measured": _get("What real servers do to a stream", pages, [query]),
        "/culprits/measured/{program}/{name}": _get("One measured case", {**pages, 404: JSON}, case),
        "/culprits/{name}": _get("One culprit", {**pages, 404: JSON}, [name]),
        "/healthz": _get("The process is alive", {200: JSON}),
        "/readyz": _get("The process accepts more streams", {200: JSON, 503: JSON}),
        "/metrics": _get("Metrics for Prometheus", metrics),
        PATH: _get("This document", {200: JSON}),
    }


def _selection() -> list[Schema]:
    return [
        _parameter("server", {"type": "string", "enum": list(Server)}, "nginx"),
        _parameter("symptom", {"type": "string", "enum": list(FLOWS)}, "blocks"),
        _parameter("q", {"type": "string", "maxLength": MAX_WORDS}, "gzip"),
    ]


def _parameter(name: str, schema: Mapping[str, object], example: str) -> Schema:
    return {"name": name, "in": "query", "schema": dict(schema), "example": _typed(schema, example)}


def _typed(schema: Mapping[str, object], example: str) -> object:
    kinds = {"integer": int, "number": float}
    return kinds.get(str(schema.get("type")), str)(example)


def _get(summary: str, responses: Mapping[int, Any], parameters: Iterable[Schema] = ()) -> Schema:
    return {"get": _operation(summary, {**responses, 400: JSON}, parameters)}


def _post(
    summary: str, responses: Mapping[int, Any], body: Schema, parameters: Iterable[Schema] = ()
) -> Schema:
    operation = _operation(summary, {400: JSON, 413: JSON, 503: JSON, **responses}, parameters)
    return {"post": {**operation, "requestBody": {"required": True, "content": body}}}


def _operation(summary: str, responses: Mapping[int, Any], parameters: Iterable[Schema]) -> Schema:
    return {
        "summary": summary,
        "parameters": list(parameters),
        "responses": {str(status): _response(status, kinds) for status, kinds in sorted(responses.items())},
    }


def _response(status: int, kinds: Any) -> Schema:
    """One response: no body, JSON, or a schema for each content type."""
    if kinds is None:
        return {"description": REASONS[status]}
    if kinds == JSON:
        kinds = {JSON: ANY_OBJECT if status == 200 else {"$ref": "#/components/schemas/Error"}}
    return {
        "description": REASONS[status],
        "content": {kind: {"schema": schema} for kind, schema in kinds.items()},
    }


def _models(kind: type) -> Schema:
    """The schemas of a type of the model and of all types in it, by name."""
    schemas: Schema = {}
    _schema(kind, schemas)
    return schemas


def _schema(kind: Any, schemas: Schema) -> Schema:
    """JSON Schema of a type as `codec` reads it. Dataclasses go into `schemas`, and are referred to."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        name = kind.__name__
        if name not in schemas:
            schemas[name] = {}
            schemas[name] |= _object(kind, schemas)
        return {"$ref": f"#/components/schemas/{name}"}
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(arg, schemas) for arg in args]}
    if origin is tuple:
        if args[-1] is Ellipsis:
            return {"type": "array", "items": _schema(args[0], schemas)}
        items = [_schema(arg, schemas) for arg in args]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"type": "string", "enum": list(kind)}
    names = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    return {"type": names[kind]}


def _object(kind: Any, schemas: Schema) -> Schema:
    hints, fields = get_type_hints(kind), dataclasses.fields(kind)
    required = [
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    properties = {field.name: _schema(hints[field.name], schemas) for field in fields}
    return {"type": "object", "required": required, "properties": properties}
