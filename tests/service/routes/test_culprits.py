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
    assert "script" not in policy
    assert "unsafe" not in policy
    assert "<script" not in response.text
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


def test_only_get_and_head_are_allowed(client):
    assert client.post("/culprits/nginx-gzip").status_code == 405
    assert client.head("/culprits").status_code == 200
