"""Errors in a browser are pages; for all other clients they stay the JSON that they were."""

from __future__ import annotations

import json
import re
from html import unescape
from urllib.parse import urljoin

import pytest

from flushcheck.service import create_app
from flushcheck.service.error_pages import error_page
from flushcheck.streaming.limits import Limits

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

ERRORS = [
    # path                                status  heading                              among the sentence
    ("/nothing",                          404,    "There is nothing at this address",  "404 Not Found"),
    ("/stream/nothing/at/all",            404,    "There is nothing at this address",  "404 Not Found"),
    ("/page/nothing.js",                  404,    "There is nothing at this address",  "404 Not Found"),
    ("/culprits/nginx_gzip",              404,    "There is nothing at this address",  "Did you mean nginx-gzip"),
    ("/stream/chunked?interval=999",      400,    "This address has a wrong parameter", "interval=999: expected 0 to 300 seconds"),
    ("/stream/events?nope=1",             400,    "This address has a wrong parameter", "nope"),
    ("/stream/polling?cnt=99999",         400,    "This address has a wrong parameter", "cnt"),
    ("/stream/ws",                        400,    "This address has a wrong parameter", "WebSocket handshake: expected GET"),
    ("/diagnostics?quick=2",              400,    "This address has a wrong parameter", "for example quick=1"),
    ("/diagnostics/judge",                405,    "This address is for programs",      "expected one of"),
]  # fmt: skip
IDS = [row[0] for row in ERRORS]


def title(page: str) -> str:
    found = re.search("<title>(.*?)</title>", page)
    assert found
    return found[1]


@pytest.mark.parametrize(("path", "status", "heading", "words"), ERRORS, ids=IDS)
def test_a_browser_gets_the_same_sentence_as_a_page(path, status, heading, words, client):
    # With a browser's own header the page responds.
    accept = "text/html;q=0.9, text/plain" if path.startswith("/diagnostics?") else BROWSER
    response = client.get(path, headers={"Accept": accept})
    assert (response.status_code, response.content_type) == (status, "text/html; charset=utf-8")
    assert title(response.text).startswith(f"{status} ")
    assert f"<h1>{heading}</h1>" in response.text
    shown = re.search('<p class="problem">(.*?)</p>', response.text)
    assert shown
    assert words in unescape(shown[1])
    as_json = json.loads(client.get(path, headers={"Accept": "application/json, text/html"}).text)
    assert unescape(shown[1]) == as_json["error"]
    assert "Accept" in response.headers["Vary"]
    assert "script" not in response.headers["Content-Security-Policy"]
    # Every link leads to something, from wherever the error is.
    for link in re.findall('(?:href|src)="([^"]+)"', response.text):
        target = urljoin(f"http://localhost{path}", link)
        assert client.get(target, headers={"Accept": BROWSER}).status_code == 200, target


JSON_CLIENTS = [
    # name                    Accept
    ("curl",                  "*/*"),
    ("nothing",               ""),
    ("a program",             "application/json"),
    ("a program that takes both", "application/json, text/html"),
    ("a program that likes JSON more", "text/html;q=0.5, application/json"),
    ("an EventSource",        "text/event-stream"),
    ("a type that looks like it", "text/htmlx"),
]  # fmt: skip


@pytest.mark.parametrize("path", ["/nothing", "/stream/chunked?interval=999", "/stream/polling?cnt=99999"])
@pytest.mark.parametrize(("name", "accept"), JSON_CLIENTS, ids=[name for name, _ in JSON_CLIENTS])
def test_another_client_gets_the_json_unchanged(name, accept, path, client):
    plain = client.get(path)
    response = client.get(path, headers={"Accept": accept})
    assert response.mimetype == "application/json"
    known = {"accept"}  # the end of a poll repeats what arrived
    assert {**response.json, **dict.fromkeys(known)} == {**plain.json, **dict.fromkeys(known)}
    assert list(response.headers) == list(plain.headers)


def test_what_is_posted_gets_json_in_a_browser_too(client):
    response = client.post("/diagnostics/report", data=b"{", headers={"Accept": "text/html"})
    assert (response.status_code, response.mimetype) == (400, "application/json")


def test_head_has_the_headers_of_the_page_and_no_body(client):
    response = client.head("/nothing", headers={"Accept": BROWSER})
    assert (response.status_code, response.mimetype, response.data) == (404, "text/html", b"")


def test_a_service_that_is_full_says_when_to_try_again():
    full = create_app(Limits(max_streams=1)).test_client()
    first = full.get("/stream/chunked?count=2&interval=1", buffered=False)
    response = full.get("/stream/chunked", headers={"Accept": BROWSER})
    assert (response.status_code, response.mimetype) == (503, "text/html")
    assert response.headers["Retry-After"] == "2"
    assert "<h1>The service is full</h1>" in response.text
    assert '<a href="">Try again</a>' in response.text
    first.close()


def test_markup_in_a_sentence_is_text():
    page = error_page(404, '<script>alert(1)</script> "quoted"', path="/")
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &quot;quoted&quot;" in page


@pytest.mark.parametrize("query", ["<script>=1", "interval=<script>", "say=\"'>&end=<script>"])
def test_no_parameter_puts_markup_onto_the_page(query, client):
    response = client.get(f"/stream/events?{query}", headers={"Accept": BROWSER})
    assert (response.status_code, response.mimetype) == (400, "text/html")
    assert "<script" not in response.text


def test_a_sentence_is_cut():
    assert f'<p class="problem">{"x" * 2000}</p>' in error_page(400, "x" * 2001, path="/")


ROOTS = [
    # path             what leads to the root
    ("/",              "./"),
    ("/nothing",       "./"),
    ("/a/b",           "../"),
    ("/a/b/",          "../../"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "root"), ROOTS, ids=[path for path, _ in ROOTS])
def test_links_lead_from_the_depth_of_the_address(path, root):
    page = error_page(404, "", path=path)
    assert f'<a href="{root}">To the start page</a>' in page
    assert "Try again" not in page
