"""Input stays data: text in a stream, a string in JSON, text on a page, and absent from the log."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from flushcheck.service.application import create_app
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.params import TABLE
from flushcheck.streaming.transports.events import EventParser
from tests.service.wire import WITHIN_S, OriginServer, json_of

CLIENT = create_app(Limits()).test_client()
RECORDING = json.loads((Path(__file__).parents[1] / "recordings" / "nginx-bare.json").read_text())

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'--><svg/onload=alert(3)>]]>&lt;"
SPLIT = "x\r\nX-Injected: yes\r\n\r\n<script>"
HOSTILE = [
    MARKUP,
    SPLIT,
    "x\nevent: injected\ndata: yes\n\n",
    "x\rid: 99\rretry: 1\r\r",
    "\u2028event: x\u2029",
    "\x1b[2J\x1b]0;x\x07",
]

STREAMS = ["/stream/chunked", "/xhr", "/stream/events", "/stream/polling", "/stream/ws", "/"]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("path", STREAMS)
def test_no_parameter_injects_headers_or_markup(path, name, value):
    response = CLIENT.get(
        path,
        query_string={name: value, "interval": "0"} if name != "interval" else {name: value},
        headers={"Accept": "text/event-stream"},
    )
    assert response.status_code in (200, 400)
    assert "X-Injected" not in response.headers
    assert not response.content_type.startswith("text/html")
    if response.status_code == 400:
        assert response.content_type.startswith("application/json")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert json_of(response)["error"]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60))
@settings(max_examples=150)
def test_a_text_in_the_request_stays_event_data(text):
    response = CLIENT.get(
        "/stream/events", query_string={"say": text, "interval": "0", "end": "over", "unit": "char"}
    )
    *pieces, end = EventParser().feed(response.data)
    assert {event.name for event in pieces} <= {"message"}
    ids = [line for line in re.split(b"\r\n|\r|\n", response.data) if line.startswith(b"id")]
    assert ids == [b"id: %d" % seq for seq in range(len(pieces))]
    assert (end.name, end.data) == ("over", str(len(pieces)))
    # Only the kind of line break may differ.
    same = re.sub("\r\n|\r", "\n", text)
    assert re.sub("\r\n|\r", "\n", "".join(event.data for event in pieces)).replace("\n", "") == same.replace(
        "\n", ""
    )


class Markup(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def with_hostile_text(data: Any, text: str) -> Any:
    """The same run, with this text in each field that the other side controls."""
    if isinstance(data, dict):
        free = {"detail", "target", "tool", "via", "server", "connection", "upgrade", "gateway"}
        return {
            key: text if key in free and isinstance(value, str) else with_hostile_text(value, text)
            for key, value in data.items()
        }
    if isinstance(data, list):
        if len(data) == 2 and all(isinstance(item, str) for item in data):  # a header
            return [data[0], text]
        return [with_hostile_text(item, text) for item in data]
    return data


REPORTS = [
    # path, Accept, query
    ("/diagnostics/report", "text/html", ""),
    ("/diagnostics/report", "text/plain", ""),
    ("/diagnostics/report", "text/plain", "?as=ticket"),
    ("/diagnostics/judge", "application/json", ""),
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(("path", "accept", "query"), REPORTS)
def test_no_observation_injects_headers_or_markup(path, accept, query, text):
    run = {**with_hostile_text(RECORDING, text), "notes": [text]}
    response = CLIENT.post(path + query, json=run, headers={"Accept": accept})
    assert response.status_code == 200
    assert "X-Injected" not in response.headers
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    if accept != "text/html":
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", response.text), (
            "control characters reach a terminal"
        )
    if accept == "text/html":
        harmless = CLIENT.post(path, json=RECORDING, headers={"Accept": accept})
        allowed = {tag for tag, _ in Markup(harmless.text).tags}
        tags = Markup(response.text).tags
        assert {tag for tag, _ in tags} <= allowed
        assert not [attributes for _, attributes in tags if any(name.startswith("on") for name in attributes)]
        assert response.headers["Content-Disposition"] == "attachment"
        assert "sandbox" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "host", ["<script>alert(1)</script>", "a\"onload='x'", "x.example/<b>", "evil.example\\@x"]
)
def test_a_hostile_host_never_appears_on_a_page(host):
    for path in ("/", "/diagnostics", "/culprits", "/culprits/nginx-gzip"):
        page = CLIENT.get(
            path,
            headers={
                "Host": host,
                "Accept": "text/html",
                "X-Forwarded-Proto": "javascript",
                "X-Forwarded-Host": host,
            },
        )
        assert host not in page.text


PAGES = ["/", "/diagnostics", "/culprits", "/culprits/nginx-gzip"]


@pytest.mark.parametrize("path", PAGES)
def test_pages_have_restrictive_headers(path):
    page = CLIENT.get(path, headers={"Accept": "text/html"})
    assert page.content_type == "text/html; charset=utf-8"
    policy = page.headers["Content-Security-Policy"]
    # The catalogue has a form, its filter, which goes to this service.
    forms = "form-action 'self'" if path.startswith("/culprits") else "form-action 'none'"
    for rule in ("default-src 'none'", "base-uri 'none'", forms, "frame-ancestors 'none'"):
        assert rule in policy
    assert "unsafe" not in policy
    for name, value in {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }.items():
        assert page.headers[name] == value
    assert "Set-Cookie" not in page.headers


def test_no_input_reaches_the_log(brief):
    origin, secret = OriginServer(brief), "s3cr3t\x1b[31m"
    for path in (
        "/stream/chunked",
        "/stream/events",
        "/stream/polling",
        f"/{secret}",
        "/check",
        "/culprits/" + secret,
        "/metrics",
    ):
        for method in ("GET", "POST", "S3CR3T"):
            requests.request(
                method,
                brief.url + path,
                params={"say": secret, "cnt": secret, "name": secret},
                headers={
                    "User-Agent": "s3cr3t",
                    "X-Forwarded-For": "s3cr3t",
                    "Referer": "s3cr3t",
                    "Host": "s3cr3t.example",
                },
                data=secret.encode(),
                timeout=WITHIN_S,
            )
    assert len(origin.lines()) >= 21
    assert "s3cr3t" not in origin.service.output().lower()
