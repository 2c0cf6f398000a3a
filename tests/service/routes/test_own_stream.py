"""What the page sends of a visitor's own stream, and what it gets back: no bytes, no address that is requested."""

from __future__ import annotations

import base64
import json
import logging

import pytest

from flushcheck.measurement.repeats import repeat_s
from flushcheck.model import Run, Transport
from flushcheck.model.codec import to_json
from flushcheck.service.application import create_app
from flushcheck.streaming.limits import Limits
from tests.measurement.own import GZIP, ONCE, SINGLY, observed
from tests.service.wire import json_of

PATH = "/diagnostics/observation"
TEXT = b"data: confidential\n\n"


def capture(**changes: object) -> dict[str, object]:
    return {
        "url": "http://127.0.0.1:9/chat",
        "method": "GET",
        "ending": "ended",
        "status": 200,
        "headers": [["content-type", "text/event-stream"]],
        "reads": [{"at_s": 0.1, "size_bytes": len(TEXT)}],
        "body": [base64.b64encode(TEXT).decode()],
        **changes,
    }


def test_a_capture_becomes_an_observation_without_its_text(client, caplog):
    caplog.set_level(logging.DEBUG)
    response = client.post(PATH, json=capture())
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    seen = json_of(response)["observation"]
    assert (seen["outcome"], seen["framing"]) == ("complete", "server-sent events")
    assert seen["arrivals"] == [
        {"at_s": 0.1, "size_bytes": 20, "text_bytes": 20, "records": [12], "tokens": 1}
    ]
    assert "confidential" not in response.get_data(as_text=True) + caplog.text


WRONG = [
    # name                    body                                      status  the error
    ("no JSON",               b"x",                                     400,    "the body is not JSON"),
    ("no object",             b"[]",                                    400,    "capture="),
    ("a field is missing",    b"{}",                                    400,    "capture.url is missing"),
    ("another ending",        json.dumps(capture(ending="x")).encode(), 400,    "capture.ending='x': expected one of ended, broken"),
    ("too long a string",     json.dumps(capture(body=["A" * 20_001])).encode(), 400, "capture.body[0] has 20001 characters"),
    ("too much",              b" " * (1024 * 1024 + 1),                 413,    "at most 1048576 bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "status", "words"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_capture_is_refused_with_the_reason(name, body, status, words, client):
    response = client.post(PATH, data=body, content_type="application/json")
    assert response.status_code == status
    assert words in json_of(response)["error"]


PLANS = [
    # name                  the first look                    repeats
    ("held",                observed(ONCE),                   ["events-own-event-stream"]),
    ("held, compressed",    observed(ONCE, headers=(GZIP,)),  ["events-own-identity", "events-own-event-stream"]),
    ("flowing",             observed(SINGLY),                 ["events-own-together", "events-own-together-1"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "first", "expected"), PLANS, ids=[row[0] for row in PLANS])
def test_the_plan_after_an_own_stream_is_its_repeats(name, first, expected, client):
    planned = json_of(client.post("/diagnostics/plan", json=to_json(Run("http://app/", (first,)))))
    assert [probe["id"] for probe in planned["probes"]] == expected
    assert {probe["probe"]["scenario"] for probe in planned["probes"]} == {"own"}
    assert planned["max_s"] == pytest.approx(repeat_s(first))
    assert {probe["probe"]["transport"] for probe in planned["probes"]} == {Transport.EVENTS}


def policy(response) -> dict[str, str]:
    header = response.headers["Content-Security-Policy"]
    return dict(directive.split(" ", 1) for directive in header.split("; "))


def test_the_watching_worker_alone_may_ask_other_hosts(client):
    assert policy(client.get("/", headers={"Accept": "text/html"}))["connect-src"] == "'self'"
    worker = policy(client.get("/page/watch-worker.js"))
    assert worker == {"default-src": "'none'", "script-src": "'self'", "connect-src": "http: https:"}
    assert "Content-Security-Policy" not in client.get("/page/probe-worker.js").headers


def test_the_bounds_of_the_page_follow_the_services_own():
    client = create_app(Limits(max_judge_bytes=200_000)).test_client()
    page = client.get("/", headers={"Accept": "text/html"}).get_data(as_text=True)
    settings = json.loads(page.partition('id="settings">')[2].partition("</script>")[0])
    bounds = settings["bounds"]
    assert (bounds["max_watch_reads"], bounds["max_watch_bytes"]) == (336, 90_768)
    assert (bounds["watch_s"], bounds["max_watch_s"]) == (60.0, 600.0)
    assert "token" in settings["secret_names"]
