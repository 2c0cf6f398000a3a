"""The command where Python lacks what Windows and macOS lack: simulated, see `other_system`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flushcheck.cli import serve
from flushcheck.prober import dump
from tests.diagnosis.paths import Path as DiagnosedPath
from tests.live.servers import ROOT, child_env, free_port, start_program

SYSTEMS = ("windows", "macos")
NGINX = "location / {\n  proxy_pass http://127.0.0.1:8000;\n}\n"
PYTHON = [sys.executable, "-X", "warn_default_encoding", "-m", "tests.cli.other_system"]


def run(system: str, *arguments: str, where: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PYTHON, system, *arguments],
        capture_output=True, text=True, encoding="utf-8", timeout=60, check=False, cwd=where,
        env=child_env({"PYTHONIOENCODING": "utf-8"}),
    )  # fmt: skip


@pytest.fixture(scope="module", params=SYSTEMS)
def results(request, tmp_path_factory) -> list[tuple[int, str, str]]:
    """What the commands of FILES did, each system in one process."""
    where = tmp_path_factory.mktemp(request.param)
    (where / "nginx.conf").write_text(NGINX)
    (where / "run.json").write_text(dump(DiagnosedPath(4096).run()))
    done = run(request.param, "each", json.dumps([arguments for arguments, _, _ in FILES]), where=where)
    assert done.returncode == 0, done.stderr
    return [(code, output, errors) for code, output, errors in json.loads(done.stdout)]


FILES = [
    # arguments                                     exit code, on standard output
    (["--version"],                                 0, "flushcheck "),
    (["check", "nginx.conf"],                       1, "nginx-proxy-buffering"),
    (["check", ".", "--json"],                      1, "nginx-proxy-buffering"),
    (["judge", "run.json"],                         1, "culprit"),
    (["judge", "run.json", "-f", "markdown"],       1, "❌"),
    (["judge", "run.json", "-o", "report.txt"],     1, ""),
    (["compare", "run.json", "run.json"],           0, ""),
    (["explain", "nginx-gzip"],                     0, "nginx"),
    (["origin", "write", "php"],                    0, "<?php"),
    (["origin", "write", "node"],                   0, "node"),
    (["origin", "write", "wsgi"],                   0, "wsgi"),
    (["completion", "bash"],                        0, "flushcheck"),
    (["manual"],                                    0, ".TH"),
    (["doctor", "--", "waitress-serve", "a:b"],     1, "waitress"),
]  # fmt: skip


@pytest.mark.parametrize("row", range(len(FILES)), ids=[" ".join(row[0]) for row in FILES])
def test_a_command_on_files_runs_there(row, results):
    (_, expected, words), (code, output, errors) = FILES[row], results[row]
    assert (code, "Traceback" in errors) == (expected, False), errors
    assert words in output


@pytest.mark.live
@pytest.mark.slow  # a service, two diagnoses and a stream
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_service_and_the_prober_run_there(system, tmp_path):
    # On plain threads, as without gunicorn.
    command = [*PYTHON, system, "serve", "--threads", "--port", str(port := free_port())]
    with start_program(system, command, port=port, cwd=ROOT, ready="/healthz") as service:
        url = service.url
        commands = [
            ["diagnose", url, "--quick", "--json", "--save", str(tmp_path / "run.json")],
            ["watch", f"{url}/stream/events?count=8&interval=0.1", "--json"],
            ["judge", str(tmp_path / "run.json"), "--json"],
        ]
        done = run(system, "each", json.dumps(commands))
    assert done.returncode == 0, done.stderr
    diagnosed, watched, judged = json.loads(done.stdout)
    assert (diagnosed[0], watched[0], judged[0]) == (0, 0, 0), done.stdout
    report = json.loads(diagnosed[1])
    assert (report["verdict"], len(report["transports"])) == ("flowing", 4)
    assert json.loads(watched[1])["stream"]["records"] >= 8
    assert json.loads(judged[1])["verdict"] == "flowing"


def test_workers_cannot_share_a_folder_there():
    code = (
        "from tests.cli.other_system import become; become('windows')\n"
        "from flushcheck.service.metrics_store import MetricsStore; MetricsStore(''); MetricsStore('x')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, timeout=60, check=False, cwd=ROOT, env=child_env(),
    )  # fmt: skip
    assert "UsageError: FLUSHCHECK_METRICS_FOLDER=x: this system has no flock(2)" in done.stderr


def test_gunicorn_is_not_started_on_windows(monkeypatch):
    assert serve.runs_gunicorn()
    monkeypatch.setattr(os, "name", "nt")
    assert not serve.runs_gunicorn()


def test_what_is_taken_away_is_away():
    code = (
        "from tests.cli.other_system import become; become('windows')\n"
        "import select, os, socket\n"
        "print(hasattr(select, 'poll'), hasattr(os, 'fork'), hasattr(socket, 'AF_UNIX'))\n"
        "import fcntl"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, timeout=60, check=False, cwd=ROOT, env=child_env(),
    )  # fmt: skip
    assert done.stdout == "False False False\n"
    assert "No module named 'fcntl'" in done.stderr
