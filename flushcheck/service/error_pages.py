"""An error as a page, for a person who opens an address of the service in a browser.

Each error is JSON first (`responses`), and stays that, byte for byte, unless the request is a GET that
prefers HTML to JSON, as browsers' own navigation does and no `Accept: */*` does. The page has the same
sentence, status and headers. It is one fixed text with the sentence in it: a refusal stays cheap.
"""

from __future__ import annotations

import json
from html import escape
from http import HTTPStatus

from flask import Flask, Response, request

from flushcheck.reports.page import page_html
from flushcheck.service.responses import html_response

HTML, JSON = "text/html", "application/json"
MAX_SENTENCE = 2000  # characters
BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
HEADINGS = {
    HTTPStatus.BAD_REQUEST: "This address has a wrong parameter",
    HTTPStatus.NOT_FOUND: "There is nothing at this address",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address is for programs",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests at once",
    HTTPStatus.SERVICE_UNAVAILABLE: "The service is full",
}

# No scripts; styles and images only from this service.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

_AGAIN = '<a href="">Try again</a>. '


def install_error_pages(app: Flask) -> None:
    """Show errors as pages in browsers."""

    @app.after_request
    def as_page(response: Response) -> Response:
        if response.status_code >= 400 and response.mimetype == JSON and _wants_page():
            _become_page(response)
        return response


def error_page(status: int, sentence: str, *, path: str) -> str:
    """The page.

    Args:
        status: of the response, 400 or more.
        sentence: what is wrong. Anything: it is escaped and cut.
        path: of the request, from the service's root: the links of the page lead from there.
    """
    code = HTTPStatus(status)
    root = "../" * (path.count("/") - 1) or "./"
    name = f"{int(code)} {code.phrase}"
    again = _AGAIN if code in BUSY else ""
    body = (
        f'<p class="soft">{name}</p><h1>{HEADINGS.get(code, code.phrase)}</h1>'
        f'<p class="problem">{escape(sentence[:MAX_SENTENCE])}</p>'
        f'<p>{again}<a href="{root}">To the start page</a>. Programs get this error as '
        f'JSON; <a href="{root}openapi.json">openapi.json</a> lists all addresses and their parameters.</p>'
    )
    return page_html(name, body, root, links=(("", "Test a connection"), ("culprits", "All culprits")))


def _wants_page() -> bool:
    """Whether this request comes from a browser's address bar or a link."""
    if request.method not in ("GET", "HEAD") or HTML not in request.headers.get("Accept", ""):
        return False
    accept = request.accept_mimetypes
    return accept.quality(HTML) > accept.quality(JSON)


def _become_page(response: Response) -> None:
    """Put a page in place of a JSON error; status, Retry-After and the kind of response stay."""
    sentence = str(json.loads(response.get_data()).get("error", ""))
    page = html_response(error_page(response.status_code, sentence, path=request.path))
    cache = response.headers.get("Cache-Control", "no-store")
    response.set_data(page.get_data())
    response.headers.update({name: value for name, value in page.headers if name != "Content-Length"})
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = cache
    response.vary.add("Accept")
