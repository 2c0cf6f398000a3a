"""Answers that are not streams: JSON, errors, and the headers that every answer shares."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flask import Flask, Response, current_app, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge

from flushcheck.model import UsageError
from flushcheck.service.limits.admission import CapacityExceeded
from flushcheck.service.limits.bodies import body_deadline

BODY_TIMEOUT_S = "BODY_TIMEOUT_S"  # where the app keeps that setting
RETRY_AFTER_S = 2  # streams of the usual length end every few seconds

# What a page on another host may send and read. `Last-Event-ID` is what fetch-based clients resume by.
_PREFLIGHT = {
    "Access-Control-Allow-Headers": (
        "Accept, Cache-Control, Content-Type, Last-Event-ID, Pragma, X-Requested-With"
    ),
    "Access-Control-Max-Age": "600",
}


def json_response(
    data: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON object as a response that no cache keeps.

    Non-ASCII goes out escaped, so that no text from a stranger can be anything but a JSON string.
    """
    body = json.dumps(data) + "\n"
    response = Response(body, status, content_type="application/json; charset=utf-8")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response


def text_response(text: str) -> Response:
    """Text for people that no cache keeps."""
    # A stranger's text may hold what UTF-8 cannot say.
    response = Response(text.encode(errors="replace"), content_type="text/plain; charset=utf-8")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def retry_later(reason: str, status: int = 503) -> Response:
    """There is no place for another one now; soon there will be."""
    return json_response({"error": reason}, status, {"Retry-After": str(RETRY_AFTER_S)})


def bounded_body(max_bytes: int) -> bytes:
    """The request's body.

    Raises:
        RequestEntityTooLarge: it is longer than that.
        BadRequest: it breaks off, its chunks are none, or it takes too long to come.
    """
    # One byte more: of a body that does not say its length, Werkzeug 3.1 gives the first so many bytes
    # as if they were all.
    request.max_content_length = max_bytes + 1
    try:
        with body_deadline(request.environ, current_app.config[BODY_TIMEOUT_S]):
            body = request.get_data(cache=False)
    except ParseException as error:  # what gunicorn reads the chunks by; no OSError, so Werkzeug lets it pass
        raise BadRequest from error
    if len(body) > max_bytes:
        raise RequestEntityTooLarge
    return body


def html_response(html: str) -> Response:
    """A page of ours: no script, no style, nothing from elsewhere, in nobody's frame."""
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
    """Let pages on other hosts use this route: nothing here is private to a visitor."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "*"
    if request.method == "OPTIONS":
        response.headers.update(_PREFLIGHT)
        response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")
    return response


def register_error_handlers(app: Flask) -> None:
    """Answer everything that goes wrong in JSON."""

    @app.errorhandler(UsageError)
    def usage(error: UsageError) -> Response:
        return json_response({"error": str(error)}, 400)

    @app.errorhandler(CapacityExceeded)
    def crowded(error: CapacityExceeded) -> Response:
        return retry_later(str(error), error.status)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        # 405 comes with Allow, 413 and the rest with nothing that matters.
        allow = {name: value for name, value in error.get_headers() if name == "Allow"}
        return json_response({"error": f"{error.code} {error.name}"}, error.code or 500, allow)
