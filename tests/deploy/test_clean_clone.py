"""The README's commands are run in a clean clone in an empty environment, as a new user would.

What is followed is the first screen and "Five minutes", up to the reader's own proxy. Left out: `make test` (it would run
itself) and the one line of curl and perl (tests/live/test_readme.py runs it). Only the port is another one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.conftest import need
from tests.live import servers
from tests.live.servers import ROOT, Service

# The first `make run` creates the virtual environment and installs 26 packages: 12 s on a quiet machine with pip's cache.
# Eight times as much was seen on a busy one.
READY_WITHIN_S = 600.0

pytestmark = pytest.mark.timeout(900)


def empty_environment() -> dict[str, str]:
    """As `env -i` with the two that a shell needs: no virtual environment, no settings of anybody's."""
    own = Path(sys.prefix)
    path = [one for one in os.environ["PATH"].split(os.pathsep) if own not in (Path(one), *Path(one).parents)]
    return {"PATH": os.pathsep.join(path), "HOME": os.environ.get("HOME", "/")}


def run(command: str, where: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", command],
        cwd=where,
        env=empty_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("git", "make", "curl")
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout, so there is nothing to clone")
    where = tmp_path_factory.mktemp("clone") / "flushcheck"
    # safe.directory: in CI the checkout often belongs to another user.
    told = run(f"git -c safe.directory='*' clone --quiet '{ROOT}' '{where}'", where.parent)
    assert told.returncode == 0, told.stderr
    return where


@pytest.fixture(scope="module")
def commands(clone: Path) -> list[str]:
    """What the README has its reader type before it explains what it measures."""
    begin = (clone / "README.md").read_text().split("## What it measures")[0]
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", begin, re.MULTILINE | re.DOTALL)
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def service(clone: Path, commands: list[str]) -> Iterator[Service]:
    """`PORT=… make run`, which the README names as the way to another port."""
    assert "PORT=8080 make run" in (clone / "README.md").read_text()
    assert "make run" in commands
    port = servers.free_port()
    log = servers.new_folder("clone") / "output.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["env", f"PORT={port}", "make", "run"],
            cwd=clone,
            env=empty_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Service("make run", port, process, log)
    end_s = time.monotonic() + READY_WITHIN_S
    try:
        while f"flushcheck listens on http://localhost:{port}" not in running.output():
            assert process.poll() is None, running.tail()
            assert time.monotonic() < end_s, running.tail()
            time.sleep(servers.ASK_AGAIN_S)
        yield running
    finally:
        running.stop()
        shutil.rmtree(clone / ".venv", ignore_errors=True)


def placed(command: str, service: Service) -> str:
    assert "localhost:8000" in command
    return command.replace("localhost:8000", f"localhost:{service.port}")


def test_text_drips_in_the_terminal(clone, commands, service):
    (curl,) = [one for one in commands if one.startswith("curl -N ")]
    argv = ["sh", "-c", f"exec {placed(curl, service)}"]
    with subprocess.Popen(
        argv, cwd=clone, env=empty_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as dripping:
        assert dripping.stdout
        reads = [os.read(dripping.stdout.fileno(), 65536) for _ in range(5)]
        dripping.terminate()
    # Each read gives what has come since the one before: a held stream would come in one, and the rest would be empty.
    assert all(reads)


def test_the_service_itself_flows(clone, commands, service):
    (diagnose,) = [
        one for one in commands if one.startswith(".venv/bin/flushcheck diagnose http://localhost:8000")
    ]
    told = run(placed(diagnose, service), clone)
    assert (told.returncode, told.stdout.split()[0]) == (0, "FLOWING"), told.stdout + told.stderr


def test_a_port_that_is_taken_is_said_in_one_line(clone, service):
    told = run(f"env PORT={service.port} make run", clone)
    assert told.returncode != 0
    (line,) = [one for one in (told.stdout + told.stderr).splitlines() if not one.startswith("make")]
    assert line.startswith(f"port {service.port} cannot be listened on: ")
    assert line.endswith("Another one: PORT=8080 make run")


def test_what_was_made_is_not_in_the_readers_way(clone, service):
    assert run("git status --porcelain", clone).stdout == ""


def test_make_alone_says_what_there_is(clone):
    told = run("make", clone)
    assert {line.split()[1] for line in told.stdout.splitlines()} >= {"run", "test"}
