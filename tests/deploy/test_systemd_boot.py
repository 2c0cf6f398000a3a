"""The whole unit under a systemd of its own, in its sandbox: a container with this machine's files, read-only, and no network."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.deploy.bench import LONG
from tests.deploy.shipped import DEPLOY, text_of
from tests.deploy.unit import (
    ADDRESS,
    HOME,
    PYTHON,
    UNIT,
    wait,
)
from tests.lab import accounts
from tests.live import servers
from tests.live.processes import child_pids
from tests.live.servers import ROOT

pytestmark = pytest.mark.live

BOOTS = """
mount --bind / {root} && exec systemd-nspawn --quiet --register=no --keep-unit --directory={root} --volatile=overlay \
  --private-network --machine=flushcheck-unit --bind-ro={home}:/opt/flushcheck --bind-ro={libraries}:/opt/libraries \
  --bind-ro={unit}:/etc/systemd/system/flushcheck.service --boot systemd.unit=flushcheck.service
"""


@pytest.fixture(scope="module")
def inside() -> Iterator[Sequence[str]]:
    """A command to put in front of another, which then runs in the container; the service is started there."""
    if os.geteuid() or not shutil.which("systemd-nspawn"):
        pytest.skip(
            "a container with systemd takes root and systemd-nspawn (Debian's package systemd-container)"
        )
    folder = servers.new_folder("boot")
    folder.chmod(0o755)
    (folder / "root").mkdir()
    script = BOOTS.format(
        root=folder / "root",
        home=make_home(folder / "home"),
        libraries=accounts.public_libraries(),
        unit=DEPLOY / UNIT,
    )
    log = folder / "output.log"
    with log.open("wb") as output:
        nspawn = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield entered(nspawn, log)
    finally:
        # systemd in the container stops its services first.
        nspawn.terminate()
        with suppress(subprocess.TimeoutExpired):
            nspawn.wait(30)
        nspawn.kill()
        nspawn.wait()


def make_home(home: Path) -> Path:
    """What the unit's head asks for: the checkout at /opt/flushcheck, and its virtual environment."""
    for name in ("flushcheck", "deploy"):
        shutil.copytree(ROOT / name, home / name)
    for name in ("app.py", "wsgi.py"):
        shutil.copy(ROOT / name, home)
    argv = [accounts.system_python(), "-m", "venv", "--without-pip", str(home / ".venv")]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    site = next(home.glob(".venv/lib/python*/site-packages"))
    (site / "libraries.pth").write_text("/opt/libraries\n")
    return home


def entered(nspawn: subprocess.Popen[bytes], log: Path) -> list[str]:
    """The command that enters the container, when its service is up; skips where no container can be had."""
    enter: list[str] = []

    def up() -> bool:
        if nspawn.poll() is not None:
            pytest.skip(f"no container with systemd here: {log.read_text(errors='replace')[-400:].strip()}")
        first = child_pids(nspawn.pid)
        enter[:] = ["nsenter", f"--target={min(first, default=0)}", "--all"]
        return bool(first) and run([*enter, "systemctl", "is-active", "flushcheck"]).returncode == 0

    wait(up)
    return enter


def run(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def state(inside: Sequence[str], name: str) -> str:
    """One property of the service, as systemd sees it."""
    return run([*inside, "systemctl", "show", "flushcheck", f"--property={name}", "--value"]).stdout.strip()


def verdict(inside: Sequence[str], url: str) -> str:
    """flushcheck's verdict on an address, measured in the container."""
    told = run(
        [*inside, "env", f"--chdir={HOME}", PYTHON, "-m", "flushcheck", "diagnose", url, "--quick", "--json"]
    )
    assert told.stdout, told.stderr
    return str(json.loads(told.stdout)["verdict"])


def test_the_unit_boots_in_its_sandbox_and_streams_from_there(inside):
    assert verdict(inside, f"http://{ADDRESS}") == "flowing"
    status = run([*inside, "cat", f"/proc/{state(inside, 'MainPID')}/status"]).stdout
    facts = {line.partition(":")[0]: line.split()[1:] for line in status.splitlines()}
    assert "0" not in facts["Uid"]
    assert facts["Seccomp"] == ["2"]
    assert facts["NoNewPrivs"] == ["1"]
    assert {facts[name][0] for name in ("CapEff", "CapPrm", "CapBnd")} == {"0" * 16}


def test_it_reloads_comes_back_when_killed_and_stops_in_order(inside):
    main = state(inside, "MainPID")
    assert run([*inside, "systemctl", "reload", "flushcheck"]).returncode == 0
    assert state(inside, "MainPID") == main
    run([*inside, "kill", "-KILL", main])
    wait(lambda: state(inside, "ActiveState") == "active" and state(inside, "MainPID") not in ("0", main))
    assert state(inside, "NRestarts") == "1"
    assert run([*inside, "systemctl", "stop", "flushcheck"]).returncode == 0
    assert (state(inside, "ActiveState"), state(inside, "Result")) == ("inactive", "success")


# A step in a file's head: a command, and after two spaces what is to be known of it.
STEP = re.compile(r"^# \d\. (?P<command>.+?)(?: {2,}\(.*)?$", re.MULTILINE)

SITES = [
    # its own unit    shipped site
    ("nginx",         "nginx/flushcheck.conf"),
    ("apache2",       "vps/apache.conf"),
    ("haproxy",       "vps/haproxy.cfg"),
    ("caddy",         "vps/Caddyfile"),
]  # fmt: skip


@pytest.mark.skipif(
    not LONG, reason="starts this machine's web servers with their own files in a container: LONG=1"
)
@pytest.mark.parametrize(("unit", "name"), SITES, ids=[unit for unit, _ in SITES])
def test_the_steps_in_the_file_lead_to_a_stream(unit, name, inside):
    service, *steps, last = STEP.findall(text_of(name))
    assert len(steps) + 2 <= 5
    assert service.startswith("The service runs: ")
    assert last.startswith("flushcheck diagnose ")
    # No certificate is to be had for this name, and none is asked for.
    name_it = "sed -i 's,^flushcheck.example {,http://&,' /etc/caddy/Caddyfile" if unit == "caddy" else "true"
    script = [
        "set -e",
        "grep -q flushcheck.example /etc/hosts || echo 127.0.0.1 flushcheck.example >> /etc/hosts",
        f"systemctl start flushcheck {unit}",
        f"cd {HOME}/deploy/{Path(name).parent}",
        steps[0],
        name_it,
        *steps[1:],
    ]
    told = run([*inside, "sh", "-c", "\n".join(script)])
    try:
        assert told.returncode == 0, told.stderr
        assert verdict(inside, "http://flushcheck.example") == "flowing"
    finally:
        run([*inside, "systemctl", "stop", unit])
