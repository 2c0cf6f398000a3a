"""`flushcheck tap` on the command line, with apps that tell the truth about their layers and apps that do not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from flushcheck.cli import main
from tests.prober.peers import Client, pace, scripted_server
from tests.prober.test_watching import LAST, SSE

TOKEN = "0123456789abcdef"
GAP_S = 0.05
COUNT = 6


def steady(size: int = 24, late_s: float = 0.0) -> list[list[float]]:
    return [[GAP_S * number + late_s, size] for number in range(COUNT)]


END = [[GAP_S * COUNT, 24 * COUNT]]


def app(notes: Any, *, joined: bool = False, status: int = 200) -> Callable[[Client], None]:
    """A stream, and what it says of its layers: text, bytes, or a document, with the moments at which it really wrote."""
    written: list[list[float]] = []

    def script(client: Client) -> None:
        assert client.header("x-flushcheck-token") == TOKEN
        tap_id = client.header("x-flushcheck-tap")
        assert re.fullmatch("[0-9a-f]{32}", tap_id)
        if client.query.get("fc") != "tap":
            written.clear()
            client.send(SSE)
            if joined:
                for _ in pace(COUNT, GAP_S):
                    pass
                client.chunk(b"".join(b"data: %d%s\n\n" % (number, b"." * 15) for number in range(COUNT)))
            else:
                for number, at_s in client.paced(COUNT, GAP_S):
                    written.append([at_s, 24])
                    client.chunk(b'data: {"delta": "w%d "}\n\n' % number)
            client.send(LAST)
            return
        assert client.query["id"] == tap_id
        assert client.query["q"] == "1"
        body = notes if isinstance(notes, bytes) else json.dumps(notes).encode()
        if written:
            body = body.replace(json.dumps(steady()).encode(), json.dumps(written).encode())
        head = (
            f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        client.send(head.encode() + body)

    return script


def tap(script: Callable[[Client], None], *options: str) -> int:
    with scripted_server(script) as url:
        return main(["tap", f"{url}/chat?q=1", "--token", TOKEN, *options])


VIEW = {"name": "view", "chunks": steady(), "body": "async"}
CLEAN = {"places": [VIEW, {"name": "Common", "chunks": steady()}], "protocol": "asgi"}
GUILTY = {
    "places": [VIEW, {"name": "GZipMiddleware", "layer": "a.GZipMiddleware", "chunks": END}],
    "protocol": "asgi",
}


def test_a_layer_that_joins_is_named(capsys):
    assert tap(app(GUILTY, joined=True)) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert "held in the app: GZipMiddleware took 6 deliveries and passed on 1" in text
    assert "!! after GZipMiddleware 1" in text
    assert "fix: GZipMiddleware (a.GZipMiddleware) must pass on each chunk when it gets it" in text


def test_a_clean_app_flows(capsys):
    assert tap(app(CLEAN)) == 0
    text = capsys.readouterr().out
    assert "FLOWING" in text
    assert "arrived" in text.splitlines()[0]


def test_json_has_one_document(capsys):
    assert tap(app(GUILTY, joined=True), "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["place"], document["layers"][0]["name"], document["watch"]) == (
        "app",
        "GZipMiddleware",
        None,
    )


def test_a_hold_on_the_path_is_followed_by_the_report_of_watch(capsys):
    assert tap(app(CLEAN, joined=True), "--once") == 1
    text = capsys.readouterr().out
    assert "held on the path: the app handed 6 deliveries to its server, and 1 delivery arrived" in " ".join(
        text.split()
    )
    assert text.count("http://127.0.0.1") >= 2


def test_a_hold_on_the_path_is_repeated_without_taps(capsys):
    plain: list[str] = []

    def script(client: Client) -> None:
        if client.header("x-flushcheck-tap"):
            app(CLEAN, joined=True)(client)
            return
        plain.append(client.header("x-flushcheck-token"))
        client.send(SSE + b"d\r\ndata: 1\n\ndata:\r\n" + LAST)

    assert tap(script) == 1
    assert len(plain) > 1
    assert set(plain) == {""}
    assert "repeating the request" in capsys.readouterr().err


def test_a_hold_on_the_path_in_json(capsys):
    assert tap(app(CLEAN, joined=True), "--once", "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["cause"], document["watch"]["schema"]) == ("path", 2)


def test_the_run_is_saved_without_the_token(tmp_path):
    file = tmp_path / "run.json"
    assert tap(app(CLEAN), "--save", str(file)) == 0
    assert '"observations"' in file.read_text()
    assert TOKEN not in file.read_text()


LIES = [
    # name,                       notes,                                       status, among the sentence
    ("no taps, another page",      b"<html>",                                      200, "got no JSON"),
    ("no taps, no page",           b"<html>",                                      404, "got status 404"),
    ("an error",                   b"{}",                                          500, "got status 500"),
    ("a log-in page",              b"<html>",                                      403, "no tap noted the request"),
    ("no notes",                   b"{}",                                          200, "no notes of taps"),
    ("deep",                       b"[" * 100_000,                                 200, "got no JSON"),
    ("huge",                       b'{"places":[' + b'{"name":"x","chunks":[[1,1]]},' * 200_000, 200, "got no JSON"),
    ("numbers as large as text",   b'{"places":[{"name":"v","chunks":[[1e999,1]]}]}', 200, "expected two numbers"),
    ("too many digits",            b'{"places":[{"name":"v","chunks":[[' + b"9" * 5000 + b",1]]}]}", 200, "could not tell"),
    ("many places",                {"places": [VIEW] * 60},                        200, "60 places"),
    ("no places",                  {"places": []},                                 200, "passed no tap"),
    ("time that runs backwards",   {"places": [VIEW | {"chunks": [[2, 1], [1, 1]]}]}, 200, "expected one clock"),
    ("controls in names",          {"places": [{"name": "\x1b[2J", "chunks": []}]}, 200, "the view made no chunk"),
    ("bytes that are no text",     b"\xff\xfe\x00",                                200, "got no JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "notes", "status", "words"), LIES, ids=[row[0] for row in LIES])
def test_an_app_that_lies_ends_in_a_sentence(name, notes, status, words, capsys, monkeypatch):
    monkeypatch.setattr("flushcheck.prober.tapping.FETCH_S", 0.6)
    assert tap(app(notes, status=status), "--once") == 3
    text = capsys.readouterr().out
    assert "could not tell: " in text
    assert words in " ".join(text.split())
    assert "\x1b" not in text


def test_notes_that_do_not_end_are_given_up(capsys, monkeypatch):
    monkeypatch.setattr("flushcheck.prober.tapping.FETCH_S", 0.3)

    def endless(client: Client) -> None:
        if client.query.get("fc") == "tap":
            client.send(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                client.send(b" " * 65536)
        app({})(client)

    assert tap(endless) == 3
    assert "could not tell: " in capsys.readouterr().out


def test_a_connection_that_breaks_is_told(capsys):
    def breaks(client: Client) -> None:
        if client.query.get("fc") != "tap":
            app({})(client)

    assert tap(breaks) == 3
    assert "the notes of the taps did not arrive" in " ".join(capsys.readouterr().out.split())


def test_a_stream_that_is_refused_says_why(capsys, monkeypatch):
    monkeypatch.setattr("flushcheck.prober.tapping.FETCH_S", 0.3)

    def refuses(client: Client) -> None:
        client.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

    assert tap(refuses) == 3
    assert "401" in capsys.readouterr().out


WRONG = [
    ((), "no token: expected that of the app's taps in FLUSHCHECK_TAP_TOKEN or --token"),
    (("--token", "a\nb"), "the token of the taps: expected printable ASCII"),
    (("--token", "é"), "the token of the taps: expected printable ASCII"),
]


@pytest.mark.parametrize(("options", "words"), WRONG)
def test_wrong_usage_is_told(options, words, capsys):
    assert main(["tap", "http://127.0.0.1:1/chat", *options]) == 2
    assert words in capsys.readouterr().err


def test_the_token_may_come_from_the_environment(capsys, monkeypatch):
    monkeypatch.setenv("FLUSHCHECK_TAP_TOKEN", TOKEN)
    with scripted_server(app(CLEAN)) as url:
        assert main(["tap", f"{url}/chat?q=1"]) == 0


@pytest.mark.parametrize("script", [app(GUILTY, joined=True), app(CLEAN, joined=True)], ids=["layer", "path"])
def test_a_saved_run_keeps_the_notes_and_is_judged_again(script, tmp_path, capsys):
    file = tmp_path / "run.json"
    code = tap(script, "--once", "--json", "--save", str(file))
    first = json.loads(capsys.readouterr().out)
    assert TOKEN not in file.read_text()
    assert main(["judge", str(file), "--json"]) == code
    assert json.loads(capsys.readouterr().out) == first
    assert main(["judge", str(file)]) == code
    assert "after" in capsys.readouterr().out


def test_notes_in_a_file_may_be_anything(tmp_path, capsys):
    file = tmp_path / "run.json"
    tap(app(GUILTY, joined=True), "--save", str(file))
    saved = json.loads(file.read_text())
    for notes in ("", "x", "[" * 100_000, '{"places": 1}'):
        saved["tapped"]["notes"] = [notes[:3], notes[3:9000]]
        file.write_text(json.dumps(saved))
        capsys.readouterr()
        assert main(["judge", str(file)]) == 3
        assert "could not tell: no notes of taps" in capsys.readouterr().out


def test_a_run_without_notes_is_judged_as_one_of_watch(tmp_path, capsys):
    file = tmp_path / "run.json"
    tap(app("no notes", status=500), "--once", "--save", str(file))
    assert json.loads(file.read_text())["tapped"] is None
    capsys.readouterr()
    assert main(["judge", str(file)]) in (0, 3)
