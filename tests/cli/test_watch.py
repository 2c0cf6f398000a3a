"""`flushcheck watch` on the command line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from flushcheck.cli import main
from tests.cli.test_main import in_a_terminal
from tests.live.servers import ROOT, child_env
from tests.prober.peers import PATIENCE_S, Client, scripted_server
from tests.prober.test_watching import SSE, chat, events, forever

HELD_FOR = 0.8  # seconds until a held stream begins


running: set[Client] = set()  # clients of slow streams


def held_chat(client: Client) -> None:
    """All at once, and not before the same stream is over elsewhere, which takes a busy machine longer."""
    time.sleep(HELD_FOR)
    until_s = time.monotonic() + PATIENCE_S
    while running and time.monotonic() < until_s:
        time.sleep(0.01)
    client.send(SSE)
    client.chunk(b"".join(b"data: %d\n\n" % seq for seq in range(7)))
    client.send(b"0\r\n\r\n")


def late_chat(client: Client) -> None:
    """The first byte comes after the line was drawn several times."""
    time.sleep(HELD_FOR)
    slow_chat(client)


def slow_chat(client: Client) -> None:
    running.add(client)
    try:
        client.send(SSE)
        events(client, 7, 0.1)
        client.send(b"0\r\n\r\n")
    finally:
        running.discard(client)


def test_the_live_view_shows_each_read_and_then_the_report(capsys):
    with scripted_server(chat) as url:
        assert main(["watch", url]) == 0
    live, _, report = capsys.readouterr().out.partition("\n\n")
    assert "arrived" in live.splitlines()[0]
    assert "w3" in live
    assert report.startswith("FLOWING")
    assert "flowing: the events arrive one by one" in report


def test_on_a_terminal_a_line_says_how_much_has_arrived_and_is_erased_before_the_report():
    with scripted_server(late_chat) as url:
        code, output = in_a_terminal(["watch", url, "--once"], columns=120, NO_COLOR="1")
    assert code == 0
    live, newline, report = output.partition("\nFLOWING")
    drawn = [line for part in live.split("\n") for line in part.split("\r")]
    waited_s = [float(line.split()[-2]) for line in drawn if line.startswith("waiting for the first byte, ")]
    assert waited_s == sorted(set(waited_s))
    assert any(0 < wait_s < HELD_FOR + 1 for wait_s in waited_s), drawn
    counted = re.findall(r"^(\d+) records, (\d+) bytes, ", "\n".join(drawn), re.MULTILINE)
    assert counted, drawn
    assert all(int(size) == 24 * int(records) for records, size in counted)
    assert newline
    assert "\r" not in report
    shown = [part.rpartition("\r")[2] for part in live.split("\n")]
    assert not [line for line in shown if "waiting for" in line or "records, " in line]
    assert len([line for line in shown if line.endswith(("w0", "w1", "w2", "w3", "w4", "w5", "w6"))]) == 7


def test_the_line_names_each_address():
    with scripted_server(chat) as public, scripted_server(chat) as own:
        arguments = ["watch", public, "--direct", own, "--once", "--json"]
        _, output = in_a_terminal(arguments, columns=120)
    line, _, report = output.rpartition("\r{")
    assert re.search(r"; direct \d+ records, ", line)
    assert "\rpublic " in line
    assert line.split("\r")[-1].strip() == ""
    assert json.loads("{" + report)["verdict"] == "flowing"


def test_a_text_is_not_written_over():
    with scripted_server(late_chat) as url:
        _, output = in_a_terminal(["watch", url, "--once", "--text"], columns=120, NO_COLOR="1")
    before, _, text = output.partition("w0")
    assert "waiting for the first byte" in before
    assert text.startswith(" w1 w2 w3 w4 w5 w6 \n")
    assert "records, " not in output


def test_without_a_terminal_there_is_no_line(capsys):
    with scripted_server(chat) as url:
        main(["watch", url, "--once"])
    output = capsys.readouterr()
    assert "\r" not in output.out
    assert output.err == ""


def test_with_direct_a_hold_is_detected(capsys):
    with scripted_server(held_chat) as public, scripted_server(slow_chat) as own:
        assert main(["watch", public, "--direct", own]) == 1
    text = capsys.readouterr().out
    assert "HELD" in text
    assert f"the fault is on the path, not in the app: at {own} the same streams flow" in " ".join(
        text.split()
    )


def test_with_several_addresses_the_first_that_holds_is_named(capsys):
    with (
        scripted_server(held_chat) as public,
        scripted_server(slow_chat) as own,
        scripted_server(held_chat) as ingress,
    ):
        assert main(["watch", public, "--at", f"app={own}", "--at", f"ingress={ingress}"]) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert "the stream flows at app and is held at ingress" in text
    assert "app " in text


def test_one_address_with_everything_at_once_gives_no_verdict(capsys):
    with scripted_server(held_chat) as url:
        assert main(["watch", url]) == 3
    out = " ".join(capsys.readouterr().out.split())
    said = re.search(r"7 events, all at once after (\d+\.\d) s: a slow app, or held to the end", out)
    assert said
    assert float(said[1]) >= HELD_FOR
    assert "--direct http://localhost:PORT/" in out


def test_json_has_no_live_view(capsys):
    with scripted_server(chat) as url:
        assert main(["watch", url, "--json"]) == 0
    stream = json.loads(capsys.readouterr().out)["stream"]
    assert (stream["done"], stream["records"], stream["format"]) == (True, 6, "server-sent events")


def test_a_post_is_repeated_only_if_the_user_says_so(capsys):
    requests: list[bytes] = []

    def script(client: Client) -> None:
        requests.append(client.request)
        chat(client)

    with scripted_server(script) as url:
        main(["watch", url, "-d", "{}"])
        assert len(requests) == 1
        main(["watch", url, "-d", "{}", "--repeat"])
        assert len(requests) == 1 + 5
        requests.clear()
        main(["watch", url, "--once"])
        assert len(requests) == 1
    assert "repeating the request: without compression; over HTTP/1.0" in capsys.readouterr().err


def test_where_the_request_was_not_repeated_the_report_says_how(capsys):
    with scripted_server(held_chat) as url:
        assert main(["watch", url, "-d", "{}"]) == 3
    assert "add --repeat" in " ".join(capsys.readouterr().out.split())


def test_a_saved_run_is_judged_again_and_holds_no_secret(tmp_path, capsys):
    saved = tmp_path / "run.json"
    with scripted_server(chat) as url:
        main(
            [
                "watch",
                f"{url}/?key=geheim-1",
                "-d",
                "geheim-2",
                "-H",
                "X-Key: geheim-3",
                "--save",
                str(saved),
                "--json",
            ]
        )
    report = json.loads(capsys.readouterr().out)
    assert "geheim" not in saved.read_text()
    assert main(["judge", str(saved), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == report


def test_a_ticket_is_written_about_the_users_own_stream(capsys):
    with scripted_server(held_chat) as public, scripted_server(slow_chat) as own:
        assert main(["watch", f"{public}/chat", "--direct", own, "--ticket"]) == 1
    ticket = capsys.readouterr().out
    assert f"Subject: streamed responses are held: {public}/chat" in ticket
    assert f"curl -N --compressed {public}/chat" in ticket


def test_headers_and_a_body_from_a_file_are_sent(tmp_path, capsys):
    requests: list[bytes] = []

    def script(client: Client) -> None:
        requests.append(client.request + client.sock.recv(1000))
        chat(client)

    body = tmp_path / "body.json"
    body.write_text('{"q": 1}')
    with scripted_server(script) as url:
        main(["watch", f"{url}/c?x=1", "-H", "Authorization: Bearer secret", "-d", f"@{body}", "-X", "PUT"])
    assert requests[0].startswith(b"PUT /c?x=1 ")
    assert b"Authorization: Bearer secret\r\n" in requests[0]
    assert requests[0].endswith(b'{"q": 1}')
    assert "secret" not in capsys.readouterr().out


MISUSES = [
    (["watch"], "required: URL"),
    (["watch", "somewhere"], "expected an address"),
    (["watch", "http://x", "-H", "no colon"], "a name, a colon and a value"),
    (["watch", "http://x", "-d", "@/none"], "No such file"),
    (["watch", "http://x", "--timeout", "0"], "more than 0"),
    (["watch", "http://x", "--direct", "y"], "expected an address"),
    (["watch", "http://x", "--at", "y"], "expected a name and a URL"),
    (["watch", "http://x", "--at", "http://user:pw@y?a=b"], "expected a name and a URL"),
    (["watch", "http://x", "--at", "a=y"], "expected an address"),
    (["watch", "http://x", *(["--at", "a=http://x"] * 9)], "expected at most 8"),
]


@pytest.mark.parametrize(("arguments", "expected"), MISUSES, ids=[" ".join(row[0]) for row in MISUSES])
def test_wrong_usage_is_explained(arguments, expected, capsys):
    assert main(arguments) == 2
    message = capsys.readouterr().err
    assert expected in message
    assert "example" in message


def test_after_an_interrupt_the_report_covers_what_was_received(default_sigint):
    with scripted_server(forever) as url:
        process = subprocess.Popen(
            [sys.executable, "-m", "flushcheck", "watch", url],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=child_env(), text=True,
        )  # fmt: skip
        assert process.stdout is not None
        for _ in range(8):  # the head, and some reads
            process.stdout.readline()
        os.kill(process.pid, signal.SIGINT)
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert "interrupted" in out


def test_the_text_alone_is_printed_where_it_is_asked_for(capsys):
    with scripted_server(chat) as url:
        assert main(["watch", url, "--text", "--once"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("w0 w1 w2 w3 w4 w5 \n")
    assert "FLOWING" in out
