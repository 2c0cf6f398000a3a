"""The page's requests to its service, and how its files are served."""

from __future__ import annotations

import dataclasses
import json
import re
from html import unescape

import pytest
import requests

from flushcheck.culprits import CULPRITS
from flushcheck.diagnosis.inference import judge
from flushcheck.measurement import plan
from flushcheck.model import (
    Arrival,
    Observation,
    Outcome,
    Probe,
    ReceivedPiece,
    Run,
    Scenario,
    Transport,
    Variant,
)
from flushcheck.model.codec import from_json, to_json
from flushcheck.reports.html import html
from flushcheck.service.page_files import FOLDER, TYPES, join_client, read_page_files
from tests.measurement.arrivals import at_the_end, sent
from tests.measurement.streams import saw

WITHIN_S = 30
EMPTY: dict[str, object] = {"target": "", "observations": []}
HELD = tuple(
    Observation(
        Probe(transport, scenario),
        Outcome.COMPLETE,
        status=200,
        arrivals=tuple(
            Arrival(at_s, size, size, tuple(ReceivedPiece(seq, sent_s) for seq, sent_s in marks))
            for at_s, size, marks in at_the_end(sent(20, 0.1))
        ),
    )
    for transport in (Transport.CHUNKED, Transport.EVENTS)
    for scenario in (Scenario.TOKEN, Scenario.KILO)
)


def planned_probes(origin, observations=()):
    body = {"target": "", "observations": [to_json(observation) for observation in observations]}
    return requests.post(f"{origin.url}/diagnostics/plan", json=body, timeout=WITHIN_S).json()["probes"]


def test_the_plan_is_the_one_of_the_planner(origin):
    probes = planned_probes(origin)
    assert [planned["id"] for planned in probes] == [
        probe.id for probe in plan.baselines(Transport, quick=False)
    ]
    first = probes[1]
    assert first["path"] == plan.address(Probe(Transport.CHUNKED), "")
    assert first["path"].endswith("&nonce=")
    assert (first["count"], first["duration_s"]) == (20, 2.0)


def test_it_goes_on_with_what_a_browser_can_do(origin):
    ids = [planned["id"] for planned in planned_probes(origin, HELD)]
    assert "chunked-token-x-accel-buffering" in ids
    assert "chunked-token-identity" in ids
    assert not [name for name in ids if "http/1.0" in name]


@pytest.mark.parametrize(
    ("http_version", "at_once"), [("1.1", plan.TOGETHER), ("2", plan.TOGETHER_H2), ("3", plan.TOGETHER_H2)]
)
def test_on_a_clean_path_as_many_streams_at_once_as_the_connection_may_carry(origin, http_version, at_once):
    clean = [dataclasses.replace(saw(Transport.CHUNKED), http_version=http_version)]
    probes = [planned["probe"] for planned in planned_probes(origin, clean)]
    assert sum(probe["variant"] == Variant.TOGETHER for probe in probes) == at_once


def test_every_file_is_served_and_not_sent_again_unchanged(origin):
    for file in FOLDER.iterdir():
        if file.suffix not in TYPES:
            continue
        url = f"{origin.url}/page/{file.name}"
        response = requests.get(url, timeout=WITHIN_S)
        assert response.content == file.read_bytes()
        assert response.headers["Content-Type"].startswith(TYPES[file.suffix])
        again = requests.get(url, headers={"If-None-Match": response.headers["ETag"]}, timeout=WITHIN_S)
        assert again.status_code == 304
    client = requests.get(f"{origin.url}/client.js", timeout=WITHIN_S)
    assert client.headers["Access-Control-Allow-Origin"] == "*"
    assert client.content == join_client(read_page_files())


@pytest.mark.parametrize("path", ["/page/page.html", "/page/..%2fpages.py", "/page/nothing.js", "/page/"])
def test_no_other_file_is_served(path, origin):
    assert requests.get(f"{origin.url}{path}", timeout=WITHIN_S).status_code == 404


def test_the_page_runs_nothing_but_its_own_files(origin):
    response = requests.get(f"{origin.url}/", headers={"Accept": "text/html"}, timeout=WITHIN_S)
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert not re.search(r" (?:style|on\w+)=", response.text)
    assert not re.search(r"""(?:src|href)="(?:https?:|//)""", response.text)
    for script in re.findall("<script[^>]*>", response.text):
        assert "src=" in script or 'type="application/json"' in script
    sources = "".join(file.read_text() for file in FOLDER.glob("*.js"))
    for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert sink not in sources


NO_REPORT = "flushcheck: does streamed text arrive piece by piece?"
PREVIEWS = [
    # query                                   title                                        in the description
    ("",                                      NO_REPORT,                                   "Test whether streamed text"),
    ("?report=held",                          "Held: streamed text does not",              "A flushcheck report"),
    ("?report=held&culprit=nginx-gzip",       "Held: streamed text does not",              CULPRITS["nginx-gzip"].title),
    ("?report=held&culprit=<b>evil",          "Held: streamed text does not",              "A flushcheck report"),
    ("?report=flowing",                       "Flowing: streamed text arrives",            "A flushcheck report"),
    ("?report=broken",                        "Broken: a stream does not open",            "A flushcheck report"),
    ("?report=unknown",                       "Could not tell",                            "A flushcheck report"),
    ("?report=evil&culprit=nginx-gzip",       NO_REPORT,                                   "Test whether streamed text"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "title", "words"), PREVIEWS, ids=[query for query, *_ in PREVIEWS])
def test_a_link_has_a_preview_with_the_verdict(query, title, words, origin):
    # As the programs that make previews ask: with */*.
    page = requests.get(f"{origin.url}/{query}", headers={"Accept": "*/*"}, timeout=WITHIN_S).text
    tags = dict(re.findall('<meta (?:property|name)="([^"]+)" content="([^"]*)">', page))
    assert unescape(tags["og:title"]).startswith(title)
    assert words in unescape(tags["og:description"])
    assert tags["description"] == tags["og:description"]
    assert f"<title>{tags['og:title']}</title>" in page
    assert "evil" not in page


@pytest.mark.parametrize("host", ["evil.example'", '"><script>alert(1)</script>'])
def test_an_invalid_host_does_not_get_onto_the_page(host, origin):
    response = requests.get(f"{origin.url}/", headers={"Accept": "text/html", "Host": host}, timeout=WITHIN_S)
    assert "evil" not in response.text
    assert "alert(1)" not in response.text


def test_a_report_to_keep_is_the_one_of_the_command(origin):
    run = from_json(Run, to_json(Run("http://example.org", HELD, "test")))
    url = f"{origin.url}/diagnostics/report"
    response = requests.post(url, json=to_json(run), headers={"Accept": "text/html"}, timeout=WITHIN_S)
    assert response.text == html(judge(run))
    assert response.headers["Content-Disposition"] == "attachment"
    assert "sandbox" in response.headers["Content-Security-Policy"]
    noted = {**to_json(run), "notes": ["seen by <b>me</b>"]}
    response = requests.post(url, json=noted, headers={"Accept": "text/plain"}, timeout=WITHIN_S)
    assert response.text.startswith("HELD")
    assert "note: seen by <b>me</b>" in response.text


WRONG = [
    ("no JSON", b"{", "the body is not JSON"),
    ("no run", b"[]", "expected an object"),
    ("half a run", b'{"target": ""}', "observations is missing"),
    ("notes that are none", json.dumps({**EMPTY, "notes": 1}).encode(), "expected a list"),
]


@pytest.mark.parametrize(("name", "body", "expected"), WRONG, ids=[name for name, _, _ in WRONG])
def test_a_body_that_is_no_run_is_refused_with_a_reason(name, body, expected, origin):
    for path in ("plan", "report"):
        if name.startswith("notes") and path == "plan":
            continue
        response = requests.post(f"{origin.url}/diagnostics/{path}", data=body, timeout=WITHIN_S)
        assert response.status_code == 400
        assert expected in response.json()["error"]
