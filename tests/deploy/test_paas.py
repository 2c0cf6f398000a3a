"""The Procfile does what a platform expects of it, and the notes name their sources."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flushcheck import diagnose
from flushcheck.model import Flow
from flushcheck.streaming.limits import Limits
from tests.deploy.shipped import DEPLOY, text_of
from tests.live import servers
from tests.live.servers import ROOT

NOTES = text_of("paas/README.md")
STEPS = NOTES[NOTES.index("<!-- steps") :].split("```sh\n")[1].split("```")[0].splitlines()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in NOTES.splitlines()
    if line.startswith("| ") and "---" not in line
][1:]


def test_a_platform_finds_one_process_type():
    # devcenter.heroku.com, "The Procfile": `<process type>: <command>`; only `web` gets requests.
    (line,) = text_of("paas/Procfile").splitlines()
    assert re.fullmatch(r"web: \S.*", line)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_web_command_serves_where_port_says(workers):
    command = text_of("paas/Procfile").partition(": ")[2].strip()
    port = servers.free_port()
    # As a platform runs it: by a shell, in the checkout, with the environment's programs first.
    env = {
        "PORT": str(port),
        "WEB_CONCURRENCY": workers,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": "",
    }
    with servers.start_program(
        "web", ["sh", "-c", command], port=port, cwd=ROOT, env=env, ready="/healthz"
    ) as service:
        assert f"flushcheck listens on http://localhost:{port}" in service.output()
        if workers == "1":
            report = diagnose(service.url, quick=True)
            assert {verdict.flow for verdict in report.transports} == {Flow.FLOWING}


def test_the_steps_leave_what_a_buildpack_looks_for(tmp_path):
    at = next(number for number, step in enumerate(STEPS) if step.startswith("git push"))
    identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org"}
    identity |= {key.replace("AUTHOR", "COMMITTER"): value for key, value in identity.items()}
    # What the steps read, as it is now, committed or not.
    for name in ("requirements.lock", "deploy/paas/Procfile"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    script = "\n".join(
        ["set -e", "git init --quiet", *STEPS[:at], "git status --porcelain --untracked-files=no"]
    )
    told = subprocess.run(
        ["sh", "-c", script],
        cwd=tmp_path,
        env={**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "Procfile").read_text() == text_of("paas/Procfile")
    assert (tmp_path / "requirements.txt").read_text() == (ROOT / "requirements.lock").read_text()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_limit_names_its_source_and_how_it_was_seen(row):
    platform, does, source, seen = row
    assert platform
    assert does
    assert re.search(r"\]\(https://[^)]+\)", source)
    assert re.match(r"page|quoted", seen)
    assert re.search(r"seen on 20\d\d-\d\d-\d\d", NOTES)


def test_the_heartbeat_is_below_every_limit_on_silence():
    (said,) = re.findall(r"a comment every (\d+) s", NOTES)
    assert float(said) == Limits().heartbeat_s
    assert min(float(one) for one in re.findall(r"(\d+) s without a byte", NOTES)) > Limits().heartbeat_s


def test_the_dockerfile_is_where_a_platform_looks():
    assert (DEPLOY.parent / "Dockerfile").exists()
