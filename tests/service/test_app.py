"""Settings and the text file at start; a wrong one gives one line, not a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from flushcheck.model import UsageError
from flushcheck.service.start import MAX_TEXT_FILE_BYTES, build, read_text
from tests.live.servers import ROOT, start_origin
from tests.service.wire import WITHIN_S, json_of


def test_the_environment_sets_the_limits(tmp_path: Path) -> None:
    text = tmp_path / "own.txt"
    text.write_text("\ufeffMein Text", encoding="utf-8")
    app = build({"FLUSHCHECK_MAX_COUNT": "3", "FLUSHCHECK_TEXT_FILE": str(text)})
    client = app.test_client()
    assert "from 1 to 3" in json_of(client.get("/stream/chunked?count=4"))["error"]
    assert client.get("/stream/chunked?text=file&interval=0").text == "Mein Text"


TEXTS = [
    # name, content (None: no file), in the message
    ("missing", None, "No such file"),
    ("empty", b"", "empty"),
    ("blank", b" \n\t", "empty"),
    ("binary", b"a\0b", "binary"),
    ("another encoding", "Grüße".encode("latin-1"), "expected UTF-8, but byte 2 is not"),
    ("too large", b"x" * (MAX_TEXT_FILE_BYTES + 1), "at most 1048576 bytes"),
]


@pytest.mark.parametrize(("name", "content", "words"), TEXTS, ids=[name for name, *_ in TEXTS])
def test_an_unusable_text_file_is_named(tmp_path, name, content, words):
    path = tmp_path / "own.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        read_text(str(path))


def test_a_folder_is_refused_as_text_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="FLUSHCHECK_TEXT_FILE="):
        read_text(str(tmp_path))
    with pytest.raises(UsageError, match="FLUSHCHECK_TEXT_FILE="):
        read_text("a\0b")


BAD = [
    {"FLUSHCHECK_MAX_STREAMS": "many"},
    {"FLUSHCHECK_TEXT_FILE": "/nowhere/own.txt"},
    {"FLUSHCHECK_PUBLIC_URL": "https://user:secret@example.org"},
    {"FLUSHCHECK_LOOPBACK_URL": "http://"},
]


@pytest.mark.parametrize("setting", BAD, ids=[next(iter(setting)) for setting in BAD])
def test_a_wrong_setting_stops_the_start_with_one_line(setting):
    process = subprocess.run(
        [sys.executable, "-c", "import wsgi"],
        cwd=ROOT,
        env={**os.environ, **setting},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert process.returncode == 4
    assert process.stdout == ""
    assert process.stderr.startswith(f"flushcheck: {next(iter(setting))}")
    assert process.stderr.count("\n") == 1


def test_gunicorn_does_not_restart_workers_after_a_wrong_setting() -> None:
    process = subprocess.run(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "-c",
            "deploy/gunicorn.conf.py",
            "--bind",
            "127.0.0.1:0",
            "wsgi:app",
        ],
        cwd=ROOT,
        env={**os.environ, "FLUSHCHECK_MAX_STREAMS": "many"},
        capture_output=True,
        text=True,
        timeout=3 * WITHIN_S,
        check=False,
    )
    assert process.returncode == 4
    assert "flushcheck: FLUSHCHECK_MAX_STREAMS=many: expected a number above 0" in process.stderr
    assert "Traceback" not in process.stderr


SERVERS = [
    ("threads", ["--worker-class", "gthread", "--threads", "8"]),
    ("one at a time", ["--worker-class", "sync"]),
]


@pytest.mark.parametrize(("name", "arguments"), SERVERS, ids=[name for name, _ in SERVERS])
def test_the_same_code_streams_without_gevent(name, arguments):
    import websocket

    with start_origin(args=arguments) as origin:
        response = requests.get(f"{origin.url}/stream/events?count=4&interval=0.05", timeout=WITHIN_S)
        assert response.text.endswith("id: 3\ndata:  pipe\n\ndata: END\n\n")
        for message, code in (("stop", 1000), ("x" * 5000, 1009)):
            ws = websocket.create_connection(
                f"ws://127.0.0.1:{origin.port}/stream/ws?interval=5", timeout=WITHIN_S
            )
            assert ws.recv() == "Water"
            ws.send(message)
            opcode, data = ws.recv_data()
            assert (opcode, int.from_bytes(data[:2])) == (8, code)
            ws.shutdown()
        assert "Traceback" not in origin.output()
