"""How many streams at once `flushcheck doctor` says of a command line, and how many that server carries."""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from flushcheck.cli import main
from tests.live import servers
from tests.live.servers import ROOT

pytestmark = pytest.mark.live

MANY = 60  # where no limit is said
MORE = 3  # streams above the limit that is said
WITHIN_S = 20.0
QUIET_S = 0.5  # so long none of the streams above the limit begins
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[int]:
    """Run the server; gives its port."""
    port = servers.free_port()
    argv = [sys.executable, "-m", *(word.replace("PORT", str(port)) for word in command)]
    environ = {"RELEASE": str(folder / "release"), "PYTHONPATH": str(ROOT)}
    try:
        with servers.start_program(command[0], argv, port=port, cwd=folder, env=environ):
            yield port
    finally:
        (folder / "release").touch()


def connect(port: int, stack: ExitStack) -> socket.socket:
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S))
    connection.sendall(REQUEST)
    return connection


def begun(connections: list[socket.socket], *, expected: int) -> int:
    """How many of the streams have begun, when that many have, and after a moment in which more could."""
    first: set[socket.socket] = set()
    waiting = set(connections)
    deadline = time.monotonic() + WITHIN_S
    while (left_s := deadline - time.monotonic()) > 0:
        if not waiting:
            break
        readable, _, _ = select.select(waiting, [], [], QUIET_S if len(first) >= expected else left_s)
        if not readable:
            break
        for connection in readable:
            data = connection.recv(65536)
            if b"first" in data:
                first.add(connection)
            if b"first" in data or not data:
                waiting.remove(connection)
    return len(first)


SERVERS = [
    # name,                         the command behind `python -m`,                                         said
    ("waitress",                    ["waitress", "--listen=127.0.0.1:PORT", "tests.live.counted_streams:wsgi"], 4),
    ("waitress with threads",       ["waitress", "--threads=7", "--listen=127.0.0.1:PORT", "tests.live.counted_streams:wsgi"], 7),
    ("waitress with connections",   ["waitress", "--threads=20", "--connection-limit=10", "--listen=127.0.0.1:PORT", "tests.live.counted_streams:wsgi"], 8),
    ("uvicorn",                     ["uvicorn", "--port", "PORT", "--lifespan", "off", "tests.live.counted_streams:asgi"], 0),
    ("uvicorn with a WSGI app",     ["uvicorn", "--port", "PORT", "--interface", "wsgi", "--lifespan", "off", "tests.live.counted_streams:wsgi"], 10),
    ("gunicorn's threads",          ["gunicorn", "--threads", "5", "-b", "127.0.0.1:PORT", "tests.live.counted_streams:wsgi"], 5),
    ("gunicorn's connections",      ["gunicorn", "--threads", "9", "--worker-connections", "6", "-b", "127.0.0.1:PORT", "tests.live.counted_streams:wsgi"], 6),
    ("gunicorn's worker for ASGI",  ["gunicorn", "-k", "asgi", "-b", "127.0.0.1:PORT", "tests.live.counted_streams:asgi"], 0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "command", "said"), SERVERS, ids=[row[0] for row in SERVERS])
def test_a_server_carries_as_many_streams_as_doctor_says(tmp_path, monkeypatch, capsys, name, command, said):
    monkeypatch.chdir(tmp_path)
    main(["doctor", "--json", "--", "python", "-m", *command])
    report = json.loads(capsys.readouterr().out)
    assert (report["streams"], report["capacity"]) == (said, "counted" if said else "unlimited")
    with started(command, tmp_path) as port, ExitStack() as stack:
        connections = [connect(port, stack) for _ in range(said + MORE if said else MANY)]
        assert begun(connections, expected=said or MANY) == (said or MANY)
        (tmp_path / "release").touch()


def test_uvicorn_refuses_the_stream_at_its_limit(tmp_path, monkeypatch, capsys):
    command = ["uvicorn", "--port", "PORT", "--limit-concurrency", "5", "--lifespan", "off", "tests.live.counted_streams:asgi"]  # fmt: skip
    monkeypatch.chdir(tmp_path)
    main(["doctor", "--json", "--", *command])
    assert json.loads(capsys.readouterr().out)["streams"] == 4
    with started(command, tmp_path) as port, ExitStack() as stack:
        for _ in range(4):  # one by one: uvicorn counts connections, that of the check for its start too
            assert begun([connect(port, stack)], expected=1) == 1
        assert b" 503 " in connect(port, stack).recv(65536)
        (tmp_path / "release").touch()
