"""Responses that are not streams: JSON, text, HTML and errors, with the headers that they share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge

from flushcheck.model import UsageError
from flushcheck.service.limits.admission import CapacityExceeded
from flushcheck.service.limits.bodies import body_deadline
from flushcheck.service.serving import internals

BODY_TIMEOUT_S = "BODY_TIMEOUT_S"  # the key of that setting in app.config
RETRY_AFTER_S = 2  # streams of the usual length end every few seconds

# What a page on another host may send. Clients based on fetch() resume with `Last-Event-ID`.
_PREFLIGHT = {
    "Access-Control-Allow-Headers": (
        "Accept, Cache-Control, Content-Type, Last-Event-ID, Pragma, X-Requested-With"
    ),
    "Access-Control-Max-Age": "600",
}


def json_response(
    data: Mapping[str, object],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    kind: type[Response] = Response,
) -> Response:
    """A JSON object, not to be cached.

    Non-ASCII characters are escaped: text from outside cannot be read as anything but a JSON string.
    """
    body = json.dumps(data) + "\n"
    response = kind(body, status, content_type="application/json; charset=utf-8")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response


def text_response(text: str) -> Response:
    """Plain text, not to be cached."""
    # Text from outside may hold lone surrogates, which UTF-8 cannot encode.
    response = Response(text.encode(errors="replace"), content_type="text/plain; charset=utf-8")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


class Refusal(Response):
    """A response that closes its connection.

    An idle connection keeps a place of the worker for as long as `keepalive` says: clients that are only
    refused would take the places of health checks. Without a server that hands out its Response nothing
    changes: an app must not send `Connection` itself (PEP 3333).
    """

    reason = ""  # of a CapacityExceeded
    # Called with the status, the headers and the body, as they are sent.
    on_sent: Callable[[str, tuple[tuple[str, str], ...], bytes], object] | None = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Respond as PEP 3333 prescribes."""
        internals.close_after(start_response)
        body, status, headers = self.get_wsgi_response(environ)
        if self.on_sent:
            self.on_sent(status, tuple(headers), self.get_data())
        start_response(status, headers)
        return body


def retry_later(reason: str, status: int = 503) -> Response:
    """A refusal that is over soon, with the time after which to retry."""
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    response = json_response(
        {"error": f"{reason}; retry in {RETRY_AFTER_S} s"}, status, headers, kind=Refusal
    )
    assert isinstance(response, Refusal)
    response.reason = reason
    return response


def bounded_body(max_bytes: int) -> bytes:
    """The request's body.

    Raises:
        RequestEntityTooLarge: it is longer than `max_bytes`.
        BadRequest: it is cut off, its chunks are malformed, or it does not arrive in time.
    """
    # One byte more: if a body has no length, Werkzeug 3.1 returns the first bytes up to the limit as if
    # they were all.
    request.max_content_length = max_bytes + 1
    body: bytes | None = None
    try:
        with body_deadline(request.environ, current_app.config[BODY_TIMEOUT_S]):
            body = request.get_data(cache=False)
    except RequestEntityTooLarge:  # by its Content-Length
        pass
    except internals.chunk_errors() as error:  # from gunicorn's chunk reader; Werkzeug handles OSError only
        raise BadRequest from error
    if body is None or len(body) > max_bytes:
        raise RequestEntityTooLarge(f"expected a body of at most {max_bytes} bytes")
    return body


def html_response(html: str) -> Response:
    """A page of this service, without scripts, styles, content of other hosts, or frames."""
    response = Response(html, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-cache"
    return response


def allow_cors(response: Response) -> Response:
    """Allow pages of other hosts to use this route: no response depends on who the visitor is."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "*"
    if request.method == "OPTIONS":
        response.headers.update(_PREFLIGHT)
        response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")
    return response


def register_error_handlers(app: Flask) -> None:
    """Turn every error into a JSON response."""

    @app.errorhandler(UsageError)
    def usage(error: UsageError) -> Response:
        return json_response({"error": str(error)}, 400)

    @app.errorhandler(CapacityExceeded)
    def capacity(error: CapacityExceeded) -> Response:
        return retry_later(str(error), error.status)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        # Of an error's headers only the Allow of a 405 matters.
        allow = {name: value for name, value in error.get_headers() if name == "Allow"}
        details = {
            404: "/openapi.json lists the paths",
            405: f"expected one of {allow.get('Allow')}",
            413: error.description,
        }
        detail = f": {details[error.code]}" if error.code in details else ""
        return json_response({"error": f"{error.code} {error.name}{detail}"}, error.code or 500, allow)
