"""`flushcheck watch`, as it is typed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from flushcheck.cli import main
from tests.live.servers import ROOT, child_env, heed_interrupts
from tests.prober.farside import Peer, far_side
from tests.prober.test_watching import SSE, chat, events, forever


def held_chat(peer: Peer) -> None:
    time.sleep(0.8)
    peer.send(SSE)
    peer.chunk(b"".join(b"data: %d\n\n" % seq for seq in range(7)))
    peer.send(b"0\r\n\r\n")


def slow_chat(peer: Peer) -> None:
    peer.send(SSE)
    events(peer, 7, 0.1)
    peer.send(b"0\r\n\r\n")


def test_each_read_is_shown_and_then_what_it_says(capsys):
    with far_side(chat) as url:
        assert main(["watch", url]) == 0
    live, _, said = capsys.readouterr().out.partition("\n\n")
    assert "came at" in live.splitlines()[0]
    assert "w3" in live
    assert said.startswith("FLOWING")
    assert "nothing joins them" in said


def test_beside_the_apps_own_port_a_hold_is_told(capsys):
    with far_side(held_chat) as public, far_side(slow_chat) as own:
        assert main(["watch", public, "--direct", own]) == 1
    said = capsys.readouterr().out
    assert "HELD" in said
    assert "asked" in said
    assert "beside" in said


def test_alone_all_at_once_is_no_verdict(capsys):
    with far_side(held_chat) as url:
        assert main(["watch", url]) == 3
    assert "held, or an app that wrote it so?" in " ".join(capsys.readouterr().out.split())


def test_scripts_get_json_and_no_live_view(capsys):
    with far_side(chat) as url:
        assert main(["watch", url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["streams"][0]["done"] is True


def test_headers_and_a_body_from_a_file_are_sent(tmp_path, capsys):
    asked: list[bytes] = []

    def script(peer: Peer) -> None:
        asked.append(peer.request + peer.sock.recv(1000))
        chat(peer)

    body = tmp_path / "body.json"
    body.write_text('{"q": 1}')
    with far_side(script) as url:
        main(["watch", f"{url}/c?x=1", "-H", "Authorization: Bearer secret", "-d", f"@{body}", "-X", "PUT"])
    assert asked[0].startswith(b"PUT /c?x=1 ")
    assert b"Authorization: Bearer secret\r\n" in asked[0]
    assert asked[0].endswith(b'{"q": 1}')
    assert "secret" not in capsys.readouterr().out


MISUSES = [
    (["watch"], "required: URL"),
    (["watch", "localhost"], "expected an address"),
    (["watch", "http://x", "-H", "no colon"], "a name, a colon and a value"),
    (["watch", "http://x", "-d", "@/none"], "No such file"),
    (["watch", "http://x", "--timeout", "0"], "more than 0"),
    (["watch", "http://x", "--direct", "y"], "expected an address"),
]


@pytest.mark.parametrize(("arguments", "says"), MISUSES, ids=[" ".join(row[0]) for row in MISUSES])
def test_misuse_is_told(arguments, says, capsys):
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "example" in said


def test_an_interrupt_ends_the_watching_with_what_was_seen():
    with far_side(forever) as url:
        process = subprocess.Popen(
            [sys.executable, "-m", "flushcheck", "watch", url],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=child_env(), text=True,
            preexec_fn=heed_interrupts,
        )  # fmt: skip
        assert process.stdout is not None
        for _ in range(8):  # the head, and some reads
            process.stdout.readline()
        os.kill(process.pid, signal.SIGINT)
        out, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, "")
    assert "stopped by hand" in out
