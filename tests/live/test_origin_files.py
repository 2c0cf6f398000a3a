"""The files of `flushcheck origin write` keep to docs/protocol.md: asked directly, on `php -S` and on Node."""

from __future__ import annotations

import http.client
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from flushcheck.model import EndRecord, Piece, Transport
from flushcheck.prober.conformance import check_origin
from flushcheck.protocol.capabilities import read_capabilities
from flushcheck.protocol.conformance import CheckResult, Result
from flushcheck.streaming.transports import STREAMS
from tests.lab.origins import FILES, TOKEN, UNTIL
from tests.live.servers import free_port, new_folder, start_program

pytestmark = pytest.mark.live

PHP, NODE = "php.php", "node.mjs"
PROGRAMS = {PHP: "php", NODE: "node"}
GOOD = {"X-Flushcheck-Token": TOKEN}
UTF8 = "; charset=utf-8"


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class File:
    """A file that runs."""

    port: int

    def get(self, query: str, headers: dict[str, str] = GOOD, method: str = "GET") -> Response:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, f"/?{query}", headers=headers)
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Response(response.status, named, response.read())
        finally:
            connection.close()


@contextmanager
def running(name: str, token: str = TOKEN, until: str = UNTIL) -> Iterator[File]:
    """The file on its own server, with this token and date."""
    program = PROGRAMS[name]
    if shutil.which(program) is None and not os.environ.get("CI"):
        pytest.skip(f"{program} is not installed")
    folder = new_folder(program)
    path = Path(folder) / name
    path.write_text((FILES / name).read_text().replace("@@TOKEN@@", token).replace("@@UNTIL@@", until))
    port = free_port()
    argv = ["php", "-n", "-S", f"127.0.0.1:{port}"] if name == PHP else ["node"]
    argv += [str(path)] if name == PHP else [str(path), str(port)]
    with start_program(program, argv, port=port, cwd=folder, ready=None):
        yield File(port)


@pytest.fixture(scope="module", params=list(PROGRAMS))
def file(request: pytest.FixtureRequest) -> Iterator[File]:
    with running(request.param) as served:
        yield served


def test_it_keeps_every_rule(file: File) -> None:
    failed = _failed(file)
    for _ in range(2):  # on a busy machine a piece is late by chance, and not each time
        failed = {
            check: found for check, found in (_failed(file) if failed else {}).items() if check in failed
        }
    assert not failed


def _failed(file: File) -> dict[str, CheckResult]:
    results = check_origin(f"http://127.0.0.1:{file.port}/?route=a&k={TOKEN}")
    return {result.check: result for result in results if result.result is Result.FAILED}


def test_it_says_what_it_can(file: File) -> None:
    response = file.get("fc=1&unknown=1")
    assert (response.status, response.headers["cache-control"]) == (200, "no-store")
    assert response.headers["content-type"] == "application/json"
    found = read_capabilities(response.body)
    assert found.transports == (Transport.POLLING, Transport.CHUNKED, Transport.EVENTS)
    assert {"pad", "xab", "cache", "nosniff", "type", "delay"} <= set(found.params)
    assert found.until == UNTIL
    assert found.flush in ((), ("never", "flush", "both", "endclean"))


HIDDEN = [
    # name                        query               headers                                          method
    ("without a token",           "fc=1",             {},                                              "GET"),
    ("with a wrong token",        "fc=1",             {"X-Flushcheck-Token": TOKEN[:-1] + "!"},         "GET"),
    ("with half a token",         "fc=1",             {"X-Flushcheck-Token": TOKEN[:-1]},               "GET"),
    ("an empty token",            "fc=1&k=",          {},                                              "GET"),
    ("the header counts",         f"fc=1&k={TOKEN}",  {"X-Flushcheck-Token": "x" * len(TOKEN)},         "GET"),
    ("no question",               "count=3",          GOOD,                                            "GET"),
    ("another method",            "fc=1",             GOOD,                                            "POST"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "query", "headers", "method"), HIDDEN, ids=[row[0] for row in HIDDEN])
def test_for_others_it_does_not_exist(file, name, query, headers, method):
    response = file.get(query, headers, method)
    shown = f"{response.headers} {response.body!r}".lower()
    assert response.status == 404
    assert not any(word in shown for word in ("flushcheck", "token", "x-powered-by"))


def test_the_token_may_stand_in_the_query(file):
    assert file.get(f"fc=1&k={TOKEN}", {}).status == 200


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize(
    ("token", "until"),
    [("@@TOKEN@@", UNTIL), (TOKEN[:15], UNTIL), (TOKEN, "2020-01-01"), (TOKEN, "@@UNTIL@@")],
    ids=["no token", "a short token", "its day is over", "no day"],
)
def test_it_serves_nothing_until_it_is_set_and_after_its_last_day(name, token, until):
    with running(name, token, until) as served:
        assert served.get("fc=1", {"X-Flushcheck-Token": token}).status == 404


REFUSED = [
    # query                                          the parameter that the error names
    ("fc=websocket",                                 "fc"),
    ("fc=2",                                         "fc"),
    ("fc=chunked&fc=events",                         "fc"),
    ("fc=chunked&count=3&count=4",                   "count"),
    ("fc=chunked&count=0",                           "count"),
    ("fc=chunked&count=1001",                        "count"),
    ("fc=chunked&count=2.0",                         "count"),
    ("fc=chunked&count[]=2x&count=%2B2",             "count"),
    ("fc=chunked&interval=-1",                       "interval"),
    ("fc=chunked&interval=1e1",                      "interval"),
    ("fc=chunked&interval=301",                      "interval"),
    ("fc=chunked&interval=0.1234567890123",          "interval"),
    ("fc=chunked&interval=.",                        "interval"),
    ("fc=chunked&interval=1&jitter=1.1",             "jitter"),
    ("fc=chunked&size=0",                            "size"),
    ("fc=chunked&size=65537",                        "size"),
    ("fc=chunked&size=65536&spread=2",               "size"),
    ("fc=chunked&size=10&spread=19",                 "spread"),
    ("fc=chunked&pad=65537",                         "pad"),
    ("fc=chunked&xab=2",                             "xab"),
    ("fc=chunked&type=text/html",                    "type"),
    ("fc=chunked&delay=31",                          "delay"),
    ("fc=chunked&count=3&interval=300",              "interval"),
    ("fc=events&count=1000&size=2000",               "size"),
    ("fc=polling&cnt=-1",                            "cnt"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "parameter"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_out_of_bounds_is_refused_without_an_echo(file, query, parameter):
    response = file.get(f"{query}&evil=%3Cscript%3E")
    body = json.loads(response.body)
    assert (response.status, response.headers["content-type"]) == (400, "application/json")
    assert body["error"].startswith(f"{parameter}: expected")
    assert body["request_at_app"]["protocol"] == "HTTP/1.1"
    assert b"script" not in response.body
    assert b"1e1" not in response.body


def test_flush_is_taken_where_it_is_offered(file):
    offered = read_capabilities(file.get("fc=1").body).flush
    status = file.get("fc=chunked&count=1&flush=violently").status
    assert status == (400 if offered else 200)
    for flush in offered:
        assert file.get(f"fc=chunked&count=2&interval=0&flush={flush}").status == 200


@pytest.mark.parametrize("transport", [Transport.CHUNKED, Transport.EVENTS])
def test_a_stream_is_what_was_asked_for(file, transport):
    response = file.get(
        f"fc={transport}&count=40&interval=0.002&jitter=0.002&size=1000&spread=1400&pad=50&delay=0.01"
    )
    decoder = STREAMS[transport].decoder()
    *records, end = decoder.feed(response.body)
    pieces = [record for record in records if isinstance(record, Piece)]
    assert response.headers["content-type"] == STREAMS[transport].content_type + UTF8
    assert not set(response.headers) & {"x-accel-buffering", "cache-control", "x-content-type-options"}
    assert "content-length" not in response.headers
    assert [piece.seq for piece in pieces] == list(range(40))
    sizes = [len(piece.text.encode()) for piece in pieces]
    assert min(sizes) >= 300
    assert max(sizes) <= 1700
    assert max(sizes) - min(sizes) > 700
    moments = [piece.at_s for piece in pieces]
    assert moments == sorted(moments)
    assert isinstance(end, EndRecord)
    assert end.count == 40
    assert moments[0] - 0.01 >= -0.002
    assert end.at_s >= 39 * 0.002
    assert end.request_at_app.server.startswith(("PHP/", "Node/"))
    assert response.body.startswith(
        b" " * 50 + b"\n\n" if transport is Transport.CHUNKED else b":" + b" " * 50
    )


def test_a_header_is_sent_where_it_is_asked_for(file):
    response = file.get("fc=chunked&count=1&xab=1&cache=1&nosniff=1&type=application/octet-stream")
    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-type"] == f"application/octet-stream{UTF8}"


def test_a_poll_and_its_end(file):
    response = file.get("fc=polling&count=10&cnt=3&size=20&pad=4")
    body = json.loads(response.body)
    assert (response.status, body["cnt"], body["count"], len(body["message"])) == (200, 3, 10, 20)
    assert response.body.startswith(b"    {")
    past = file.get("fc=polling&count=10&cnt=10")
    assert (past.status, json.loads(past.body)["error"]) == (400, "cnt: expected 0 to 9")


def test_what_arrived_of_the_request_is_told_in_ascii_and_cut(file):
    headers = {
        **GOOD,
        "Via": "1.1 ü" + "x" * 300,
        "X-Forwarded-For": "10.0.0.1, 10.0.0.2",
        "X-Real-IP": "10.0.0.1",
    }
    response = file.get("fc=chunked&count=1", headers)
    request = json.loads(response.body.splitlines()[-1])["request_at_app"]
    assert response.body.isascii()
    assert 0 < len(request["via"]) <= 200
    assert (request["forwarded"], request["forwarded_hops"]) == (["x-forwarded-for", "x-real-ip"], 2)
    assert b"10.0.0" not in response.body
