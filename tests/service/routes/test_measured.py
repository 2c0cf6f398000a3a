"""GET /culprits/measured: what real servers do, as a page, text and JSON, with a filter."""

import json

import pytest

from flushcheck.reports.measured import MAX_QUERY
from flushcheck.service.application import create_app
from flushcheck.streaming.limits import Limits


@pytest.fixture(scope="module")
def client():
    return create_app(Limits()).test_client()


def names(response) -> set[str]:
    return {case["name"] for case in response.json["cases"]}


def test_a_filter_keeps_the_cases_that_have_each_word(client):
    everything = names(client.get("/culprits/measured", headers={"Accept": "application/json"}))
    chosen = client.get("/culprits/measured?q=NGINX+http/2+blocks", headers={"Accept": "application/json"})
    assert set() < names(chosen) < everything
    for case in chosen.json["cases"]:
        assert "blocks of" in json.dumps(case), case["name"]
        assert "HTTP/2" in [row["protocol"] for row in case["streams"]], case["name"]
    assert (
        names(client.get("/culprits/measured?q=no-such-word", headers={"Accept": "application/json"}))
        == set()
    )


def test_a_filter_without_a_result_says_so(client):
    assert client.get("/culprits/measured?q=no-such-word").text == "no measured case has all of these words\n"
    empty = client.get("/culprits?q=no-such-word")
    assert empty.text.startswith("no culprit fits this selection\n")


def test_the_page_shows_the_rows_and_keeps_the_filter(client):
    page = client.get("/culprits/measured?q=haproxy+ticks", headers={"Accept": "text/html"})
    assert 'value="haproxy ticks"' in page.text
    assert "ticks of 0.26 s" in page.text
    assert "culprits/measured/haproxy/default" in page.text
    assert "nginx/bare" not in page.text
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]


def test_a_query_is_escaped(client):
    page = client.get("/culprits/measured?q=<script>", headers={"Accept": "text/html"})
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


@pytest.mark.parametrize(("length", "status"), [(MAX_QUERY, 200), (MAX_QUERY + 1, 400)])
def test_a_query_is_bounded(client, length, status):
    assert client.get(f"/culprits/measured?q={'x' * length}").status_code == status


def test_one_case_has_its_configuration_its_line_and_its_command(client):
    page = client.get("/culprits/measured/nginx/bare", headers={"Accept": "text/html"}).text
    assert "proxy_buffering off;" in page
    assert "proxy_pass" in page
    assert "make lab CASE=nginx/bare" in page
    assert "culprits/nginx-proxy-buffering" in page
    plain = client.get("/culprits/measured/nginx/bare").text
    assert plain.startswith("nginx 1.22.1: bare\n")
    assert "chunked blocks of" in plain
    assert client.get("/culprits/measured/nginx/bare", headers={"Accept": "application/json"}).json["cases"][0]["command"] == "make lab CASE=nginx/bare"  # fmt: skip


def test_an_unknown_case_is_404_with_an_example(client):
    response = client.get("/culprits/measured/nginx/none")
    assert response.status_code == 404
    assert "for example nginx/bare" in response.json["error"]
