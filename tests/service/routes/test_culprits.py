"""The catalogue of culprits over HTTP."""

from __future__ import annotations

import json
import re
from urllib.parse import urljoin

import pytest

from flushcheck.culprits import CULPRITS

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

FORMS = [
    # Accept                content type
    (BROWSER,               "text/html"),
    ("*/*",                 "text/plain"),
    ("",                    "text/plain"),
    ("application/json",    "application/json"),
    ("text/plain",          "text/plain"),
    ("image/png",           "text/plain"),
]  # fmt: skip


@pytest.mark.parametrize("path", ["/culprits", "/culprits/nginx-gzip"])
@pytest.mark.parametrize(("accept", "kind"), FORMS)
def test_the_accept_header_selects_the_format(client, path, accept, kind):
    response = client.get(path, headers={"Accept": accept})
    assert (response.status_code, response.mimetype) == (200, kind)
    assert response.headers["Vary"] == "Accept"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "nginx-gzip" in response.text


def test_the_page_allows_only_its_own_styles(client):
    response = client.get("/culprits/nginx-gzip", headers={"Accept": BROWSER})
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    # Scripts are files of the service; the one in the page is data.
    scripts = re.findall(r"<script([^>]*)>", response.text)
    assert scripts == [
        ' type="application/json" id="settings"',
        ' type="module" src="../page/culprit-page.js"',
    ]
    assert "style=" not in response.text
    # Its links lead somewhere, also if the service is below a path.
    for link in re.findall(r'(?:href|src)="(\.\./[^"]*)"', response.text):
        target = urljoin("http://localhost/culprits/nginx-gzip", link)
        assert client.get(target, headers={"Accept": BROWSER}).status_code == 200, link


def test_every_listed_culprit_has_a_page(client):
    listed = client.get("/culprits", headers={"Accept": "application/json"}).json["culprits"]
    assert len(listed) == len(CULPRITS)
    for entry in listed:
        detail = client.get(f"/culprits/{entry['id']}", headers={"Accept": "application/json"}).json
        assert detail["title"] == entry["title"]


@pytest.mark.parametrize("name", ["nginx_gzip", "none", "%3Cscript%3E", "x" * 3000, "%00", "%ff"])
def test_an_unknown_id_is_404_and_suggests_a_similar_id(client, name):
    response = client.get(f"/culprits/{name}")
    assert (response.status_code, response.mimetype) == (404, "application/json")
    error = json.loads(response.text)["error"]
    assert "Did you mean nginx-gzip," in error if name == "nginx_gzip" else "no culprit is called" in error


FILTERED = [
    # query, ids that are shown, how many
    ("server=iis", ["iis-response-buffer", "iis-dynamic-compression"]),
    ("symptom=ticks&q=haproxy", ["haproxy-http-delay"]),
    ("q=zzz", []),
]


@pytest.mark.parametrize(("query", "expected"), FILTERED)
def test_the_list_is_filtered_in_each_format(client, query, expected):
    as_json, as_text, page = (
        client.get(f"/culprits?{query}", headers={"Accept": accept})
        for accept in ("application/json", "text/plain", BROWSER)
    )
    assert [entry["id"] for entry in as_json.json["culprits"]] == expected
    assert [name for name in CULPRITS if re.search(rf"^{name}\b", as_text.text, re.MULTILINE)] == expected
    assert re.findall(r'<li data-id="([^"]+)"><a', page.text) == expected
    assert f"{len(expected)} of {len(CULPRITS)} culprits" in page.text


@pytest.mark.parametrize("query", ["server=x", "symptom=x", f"q={'x' * 101}", "other=1"])
def test_a_wrong_filter_is_400_with_an_example(client, query):
    response = client.get(f"/culprits?{query}")
    assert response.status_code == 400
    assert "for example " in response.json["error"]


def test_only_get_and_head_are_allowed(client):
    assert client.post("/culprits/nginx-gzip").status_code == 405
    assert client.head("/culprits").status_code == 200
