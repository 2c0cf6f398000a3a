"""`flushcheck URL`: what is there decides what happens, and a site without flushcheck gets no culprit."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from flushcheck.cli import main
from flushcheck.cli.arguments import transport_names
from flushcheck.cli.first_words import ANY_URL, is_address, nearest, with_command
from flushcheck.cli.scheme import is_local
from flushcheck.model import UsageError
from tests.prober.peers import OK, Client, Script, scripted_server
from tests.prober.test_gather import no_control, service
from tests.prober.test_not_flushcheck import OTHER, PAGE, slow_page, status, to

COMMANDS = ("diagnose", "watch", "check")

WORDS = [
    # word                            is an address
    ("http://x",                      True),
    ("localhost",                     True),
    ("localhost:8000/chat",           True),
    ("example.org",                   True),
    ("example.org/chat?model=x",      True),
    ("app:8000",                      True),
    ("127.0.0.1",                     True),
    ("[::1]:8000",                    True),
    ("app",                           False),
    ("diagnos",                       False),
    ("app:",                          False),
    ("x y.org",                       False),
]  # fmt: skip


@pytest.mark.parametrize(("word", "address"), WORDS)
def test_a_word_is_an_address_by_its_form(word, address):
    assert is_address(word) is address


FIRST = [
    # given                                     with the command
    ([],                                        []),
    (["--help"],                                ["--help"]),
    (["watch", "http://x"],                     ["watch", "http://x"]),
    (["http://x", "--quick"],                   [ANY_URL, "http://x", "--quick"]),
    (["--quick", "http://x"],                   [ANY_URL, "--quick", "http://x"]),
    (["localhost:8000"],                        [ANY_URL, "localhost:8000"]),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), FIRST)
def test_an_address_needs_no_command(given, expected):
    assert with_command(given, COMMANDS) == expected


@pytest.mark.parametrize("given", [["--quick", "watch", "http://x"], ["--quick"], ["wach"]])
def test_other_first_words_are_refused(given):
    with pytest.raises(UsageError):
        with_command(given, COMMANDS)


@pytest.mark.parametrize(("word", "meant"), [("wach", "watch"), ("diagnoze", "diagnose"), ("zzz", "")])
def test_the_nearest_command_is_offered(word, meant):
    assert nearest(word, COMMANDS) == meant


def test_only_understands_the_names_that_people_use():
    assert transport_names("sse, ws,xhr,HTTP") == ["events", "websocket", "polling", "chunked"]


LOCAL = [
    ("localhost:8000", True), ("app.localhost", True), ("127.8.0.1", True), ("[::1]:80", True),
    ("example.org", False), ("10.0.0.1:80", False), ("localhost.example.org", False),
]  # fmt: skip


@pytest.mark.parametrize(("url", "local"), LOCAL)
def test_loopback_names_are_local(url, local):
    assert is_local(url) is local


def report(url: str, capsys: pytest.CaptureFixture[str], code: int, *options: str) -> dict[str, object]:
    assert main([url, "--json", "--timeout", "5", *options]) == code
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def events(count: int, gap_s: float, kind: str = "text/event-stream") -> Callable[[Client], object]:
    def script(client: Client) -> None:
        client.send(
            OK.replace(b"text/plain", kind.encode()) + b"Server: demo/1\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for number in range(count):
            time.sleep(gap_s)
            client.chunk(b"data: %d\n\n" % number)
        client.send(b"0\r\n\r\n")

    return script


def counted(script: Script) -> tuple[Script, list[str]]:
    """The script, and the request lines that come to it."""
    asked: list[str] = []

    def counting(client: Client) -> object:
        asked.append(client.request.split(b"\r\n")[0].decode())
        return script(client)

    return counting, asked


CAPABILITIES = {
    "flushcheck": 1,
    "transports": ["chunked", "events"],
    "max": {"streams": 10, "duration_s": 60, "bytes": 1_000_000},
    "paths": True,
}
SERVER = {"runs_under": "gunicorn", "remarks": []}


@pytest.mark.parametrize(("asked", "says"), [("/", CAPABILITIES), ("/diagnostics/server", SERVER)])
def test_a_service_is_diagnosed(asked, says, capsys):
    streams = service(no_control, held=True)

    def script(client: Client) -> object:
        if client.path.startswith("/stream/"):
            return streams(client)
        body = json.dumps(says).encode()
        client.respond(200 if client.path == asked else 404, body if client.path == asked else b"")
        return None

    with scripted_server(script, is_origin=True) as url:
        found = report(url, capsys, 1, "--quick", "--only", "chunked")
    assert found["verdict"] == "held"
    assert found["transports"]


SITES = [
    # name                     what it does                                        in the headline
    ("not found",              status(404, extra="Server: nginx\r\n"),             "it responded 404 text/html, server nginx. Start one there"),
    ("a login",                status(401),                                        "it asks for a login (status 401)"),
    ("a login page",           to("/login?next=/"),                                "it redirects to /login?next=/ (status 302). If that is a login page"),
    ("a captive portal",       to("http://portal.test/"),                          "the captive portal of a network"),
    ("its own status",         status(511),                                        "the network asks for a login first"),
    ("a page for every path",  status(200),                                        "it responded 200 text/html"),
    ("the same, in parts",     slow_page,                                          "it responded 200 text/html"),
    ("JSON",                   status(200, b'{"a": 1}', "application/json"),       "it responded 200 application/json"),
    ("capabilities of another", status(200, b'{"runs_under": 1}', "application/json"), "it responded 200 application/json"),
    ("a file",                 status(200, PAGE, "application/pdf"),               "it responded 200 application/pdf"),
    ("an error",               status(500),                                        "it responded 500"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "script", "words"), SITES, ids=[row[0] for row in SITES])
def test_a_site_without_flushcheck_is_described_in_one_sentence_and_has_no_culprit(
    name, script, words, capsys
):
    script, asked = counted(script)
    with scripted_server(script, is_origin=True) as url:
        found = report(url, capsys, 3)
    assert str(found["headline"]).startswith(f"no flushcheck service at {url}")
    assert words in str(found["headline"])
    assert (found["verdict"], found["culprits"], found["hops"]) == ("unknown", [], [])
    assert len(asked) <= 3, "what is there is asked with a few requests"


TLS = [row for row in OTHER if row[1] == "https"]


@pytest.mark.parametrize(("name", "scheme", "script", "words"), TLS, ids=[row[0] for row in TLS])
def test_a_tls_failure_has_no_culprit(name, scheme, script, words, capsys):
    with scripted_server(script, read_first=False) as url:
        found = report(url.replace("http:", "https:"), capsys, 3)
    assert words in str(found["headline"])
    assert found["culprits"] == []


def test_a_stream_is_watched_and_the_report_says_that_it_is_no_service(capsys):
    script, asked = counted(events(20, 0.03))
    with scripted_server(script, is_origin=True) as url:
        found = report(f"{url}/chat?model=x", capsys, 0)
    assert found["verdict"] == "flowing"
    assert (
        str(found["notes"]).count(
            "it responded 200 text/event-stream, server demo/1; the response streams, so"
        )
        == 1
    )
    assert found["stream"]
    assert asked[0].startswith("GET /chat?model=x&fc=1&nonce=")
    assert "GET /chat?model=x HTTP/1.1" in asked[1:]


def test_a_late_response_without_a_length_may_be_a_held_stream(capsys):
    with scripted_server(events(10, 0.08, "text/plain"), is_origin=True) as url:
        found = report(f"{url}/chat?model=x", capsys, 0)
    assert found["stream"]


def test_without_a_scheme_a_local_address_is_http_and_that_is_said(capsys):
    with scripted_server(status(404), is_origin=True) as url:
        assert main([url.removeprefix("http://"), "--timeout", "3"]) == 3
    output = capsys.readouterr()
    assert f"no flushcheck service at {url}" in " ".join(output.out.split())
    assert "has no scheme: using http://, since it is a local address" in output.err


def test_diagnose_completes_an_address_too(capsys):
    with scripted_server(status(404), is_origin=True) as url:
        assert main(["diagnose", url.removeprefix("http://"), "--quick", "--timeout", "3"]) == 3
    assert "using http://" in capsys.readouterr().err


SCHEMES = [
    # name             what is there                scheme
    ("plain HTTP",     status(404),                           "http"),
    ("nothing",        lambda client: None,                   "http"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "script", "scheme"),
    [(row[0], row[1], row[2]) for row in SCHEMES],
    ids=[row[0] for row in SCHEMES],
)
def test_without_a_scheme_another_address_is_https_only_where_tls_is_spoken(name, script, scheme, capsys):
    with scripted_server(script, read_first=False) as url:
        port = url.rpartition(":")[2]
        main([f"site.test:{port}", "--timeout", "3", "--resolve", f"site.test:{port}:127.0.0.1"])
    assert f"using {scheme}://, since it does not speak TLS" in capsys.readouterr().err


def test_an_address_with_the_token_of_an_origin_is_diagnosed_and_the_token_is_not_shown(capsys):
    with scripted_server(to("/login?k=TOKEN-x"), is_origin=True) as url:
        assert main([f"{url}/flushcheck.php?k=TOKEN-x", "-v", "--timeout", "5"]) == 3
    output = capsys.readouterr()
    assert "no flushcheck origin at" in " ".join(output.out.split())
    assert "TOKEN-x" not in output.out + output.err
