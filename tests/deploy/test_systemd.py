"""The systemd unit: what systemd says of it, and each of its commands run for real, as systemd would run it.

Nothing here enters the sandbox that the unit asks for; test_systemd_boot does.
"""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from flushcheck import diagnose
from flushcheck.model import Verdict
from flushcheck.streaming.limits import Limits
from tests.deploy.bench import check
from tests.deploy.conftest import need
from tests.deploy.shipped import DEPLOY, broken, marks, text_of
from tests.deploy.unit import (
    HOME,
    PYTHON,
    SOCKET,
    UNIT,
    environment,
    here,
    settings,
    started,
    value,
    wait,
)
from tests.live import servers
from tests.live.processes import child_pids
from tests.live.servers import ROOT

pytestmark = pytest.mark.live

# Read and not run: it is made for gunicorn's process, and changes the one that runs it.
GRACEFUL_S = float(re.findall(r"^graceful_timeout = (\d+)$", text_of("gunicorn.conf.py"), re.MULTILINE)[0])

# systemd's own figure, from 0 (least) to 100; the unit has 11 or 12, as the version counts.
EXPOSURE_AT_MOST = 15


@pytest.fixture(scope="module")
def installed() -> Path:
    """The units in a folder of their own, with this checkout in the place of /opt/flushcheck."""
    folder = servers.new_folder("units")
    for name in (UNIT, SOCKET):
        text = text_of(name).replace(PYTHON, sys.executable).replace(HOME, str(ROOT))
        (folder / Path(name).name).write_text(text)
    return folder


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    need("systemd-analyze")
    argv = ["systemd-analyze", "--no-pager", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_systemd_finds_nothing_wrong_with_the_units(installed):
    told = analyze("verify", *map(str, sorted(installed.iterdir())))
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_systemd_would_find_what_is_wrong(installed):
    wrong = installed.parent / "wrong.service"
    wrong.write_text(
        (installed / "flushcheck.service").read_text().replace("KillMode=mixed", "KillMode=soft")
    )
    assert "kill mode" in analyze("verify", str(wrong)).stderr


def test_the_sandbox_leaves_little_open(installed):
    told = analyze(
        "security", "--offline=true", f"--threshold={EXPOSURE_AT_MOST}", str(installed / "flushcheck.service")
    )
    assert told.returncode == 0, told.stdout


def test_what_execstart_starts_streams_and_tells_systemd_that_it_is_ready():
    folder = servers.new_folder("notify")
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as systemd:
        systemd.bind(str(folder / "socket"))
        systemd.settimeout(30)
        with started(notify=folder / "socket") as service:
            assert value("Type") == "notify"
            assert b"READY=1" in systemd.recv(4096)
            report = diagnose(service.url, quick=True)
            assert (report.verdict, report.culprits) == (Verdict.FLOWING, ())
            # Only this machine gets a response: the proxy in front is part of it.
            assert f"listens on http://localhost:{service.port}" in service.output()
            assert f"127.0.0.1:{service.port}" in " ".join(map(str, service.process.args))  # type: ignore[arg-type]


def test_without_the_shipped_settings_streams_wait_for_each_other_and_the_report_names_it(tmp_path):
    (mark,) = marks(text_of(UNIT))
    undone = broken(text_of(UNIT), mark)
    with started(command=value("ExecStart", text=undone)) as service:
        report = diagnose(service.url, quick=True)
    assert report.verdict is Verdict.HELD
    assert tuple(reported.culprit.id for reported in report.culprits) == (mark.culprit,)
    (tmp_path / "flushcheck.service").write_text(undone)
    exit_code, found = check(str(tmp_path / "flushcheck.service"))
    assert (exit_code, mark.culprit in found) == (1, True)
    assert check(str(DEPLOY / UNIT)) == (0, ())


def test_execreload_starts_new_workers_and_refuses_no_request():
    with started() as service:
        before = child_pids(service.pid)
        refused: list[OSError] = []
        done = threading.Event()
        asking = threading.Thread(target=ask_until, args=(service.port, done, refused))
        asking.start()
        reload = here(value("ExecReload").replace("$MAINPID", str(service.pid)), service.port)
        subprocess.run(reload, check=True, timeout=30)
        try:
            wait(lambda: child_pids(service.pid) and not child_pids(service.pid) & before)
        finally:
            done.set()
            asking.join()
        assert refused == []
        assert service.process.poll() is None


def ask_until(port: int, done: threading.Event, refused: list[OSError]) -> None:
    """Request /healthz in a loop; keep the errors."""
    while not done.is_set():
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            try:
                connection.request("GET", "/healthz")
                assert connection.getresponse().status == 200
            except (OSError, http.client.HTTPException) as error:
                refused.append(error)  # type: ignore[arg-type]


def test_stopping_waits_for_open_streams_and_ends_before_systemd_kills():
    assert float(value("TimeoutStopSec")) > GRACEFUL_S + 2
    stop = signal.Signals[value("KillSignal")]
    with started() as service, closing(http.client.HTTPConnection("127.0.0.1", service.port)) as connection:
        connection.request("GET", "/stream/chunked?count=15&interval=0.1")
        response = connection.getresponse()
        assert response.read1(1)
        began_s = time.monotonic()
        # As KillMode=mixed has it: the main process alone.
        service.process.send_signal(stop)
        # To its last chunk: a stream that is cut has none, and http.client says so.
        assert response.read()
        assert service.process.wait(float(value("TimeoutStopSec"))) == 0
        assert time.monotonic() - began_s < float(value("TimeoutStopSec"))


WRONG = [
    # what is wrong                 more of the environment                   instead of wsgi:app
    ("a setting",                   {"FLUSHCHECK_MAX_COUNT": "many"},         "wsgi:app"),
    ("the app cannot be imported",  {},                                       "nowhere:app"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "more", "app"), WRONG, ids=[name for name, *_ in WRONG])
def test_an_error_that_a_restart_does_not_repair_causes_no_restart(name, more, app):
    command = value("ExecStart").replace("wsgi:app", app)
    argv = [*environment(more=more), *here(command, servers.free_port())]
    told = subprocess.run(argv, cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert str(told.returncode) in value("RestartPreventExitStatus").split()


def test_there_are_sockets_for_all_that_a_worker_may_serve():
    assert int(value("LimitNOFILE")) > 2 * Limits().max_streams


def test_the_socket_unit_hands_its_socket_over():
    """systemd-socket-activate listens as systemd would, and starts the service at the first connection."""
    need("systemd-socket-activate")
    assert value("ListenStream", text_of(SOCKET)) in value("ExecStart")
    port = servers.free_port()
    listen = ["systemd-socket-activate", "--listen", f"127.0.0.1:{port}"]
    # The --bind address is unused then: it is another port, and nothing may listen there.
    elsewhere = servers.free_port()
    argv = [
        *environment(),
        *listen,
        *(f"--setenv={name}" for name in settings()),
        *here(value("ExecStart"), elsewhere),
    ]
    with servers.start_program("socket unit", argv, port=port, cwd=ROOT, ready="/healthz") as service:
        report = diagnose(service.url, quick=True)
        assert (report.verdict, report.culprits) == (Verdict.FLOWING, ())
        with closing(socket.socket()) as probe:
            assert probe.connect_ex(("127.0.0.1", elsewhere)) != 0
