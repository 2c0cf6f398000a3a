"""The systemd unit: what systemd says of it, and each of its commands run for real, as systemd would run it.

Without systemd as the first process nothing here enters the sandbox that the unit asks for; what does is
test_the_unit_boots_in_its_sandbox, where a container can be had.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from flushcheck import diagnose
from flushcheck.model import Verdict
from flushcheck.streaming.limits import Limits
from tests.deploy.bench import LONG, check
from tests.deploy.conftest import need
from tests.deploy.shipped import DEPLOY, broken, marks, text_of
from tests.lab import accounts
from tests.live import servers
from tests.live.processes import child_pids
from tests.live.servers import ROOT, Service

pytestmark = pytest.mark.live

UNIT = "vps/flushcheck.service"
SOCKET = "vps/flushcheck.socket"
HOME = "/opt/flushcheck"
PYTHON = f"{HOME}/.venv/bin/python"
ADDRESS = "127.0.0.1:8000"
# Read and not run: it is made for gunicorn's process, and changes the one that runs it.
GRACEFUL_S = float(re.findall(r"^graceful_timeout = (\d+)$", text_of("gunicorn.conf.py"), re.MULTILINE)[0])

# systemd's own figure, from 0 (least) to 100; the unit has 11 or 12, as the version counts.
EXPOSURE_AT_MOST = 15

# What systemd gives a system service besides what the unit says (systemd.exec(5), "Environment variables in spawned
# processes"), as far as it matters here.
GIVEN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LANG": "C.UTF-8"}


def values(key: str, text: str = "") -> list[str]:
    """What a unit, the service if no other, says under this key, each time it says it."""
    return re.findall(rf"^{key}=(.*)$", text or text_of(UNIT), re.MULTILINE)


def value(key: str, text: str = "") -> str:
    """What it says once."""
    (only,) = values(key, text)
    return only


def here(command: str, port: int) -> list[str]:
    """A command line of the unit, with its paths and its port where this run has them."""
    words = command.replace(ADDRESS, f"127.0.0.1:{port}").replace(PYTHON, sys.executable)
    return shlex.split(words.replace(HOME, str(ROOT)))


def settings() -> dict[str, str]:
    """The environment variables that the unit sets."""
    return dict(one.split("=", 1) for one in values("Environment"))


def environment(notify: Path | None = None, more: Mapping[str, str] | None = None) -> list[str]:
    """A command to put in front: nothing but what systemd and the unit set is in the environment then."""
    given = {**GIVEN, **({"NOTIFY_SOCKET": str(notify)} if notify else {}), **settings(), **(more or {})}
    return ["env", "-i", *(f"{name}={text}" for name, text in given.items())]


@contextmanager
def started(*, notify: Path | None = None, command: str | None = None) -> Iterator[Service]:
    """Run ExecStart, or a changed one, until the block ends."""
    port = servers.free_port()
    folder = Path(value("WorkingDirectory").replace(HOME, str(ROOT)))
    argv = [*environment(notify), *here(command or value("ExecStart"), port)]
    with servers.start_program("unit", argv, port=port, cwd=folder, ready="/healthz") as service:
        yield service


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
            # Only this machine is answered: the proxy in front is part of it.
            assert f"listens on http://localhost:{service.port}" in service.output()
            assert f"127.0.0.1:{service.port}" in " ".join(map(str, service.process.args))  # type: ignore[arg-type]


def test_without_the_shipped_settings_streams_wait_for_each_other_and_it_is_said(tmp_path):
    (mark,) = marks(text_of(UNIT))
    undone = broken(text_of(UNIT), mark)
    with started(command=value("ExecStart", text=undone)) as service:
        report = diagnose(service.url, quick=True)
    assert report.verdict is Verdict.HELD
    assert tuple(one.culprit.id for one in report.culprits) == (mark.culprit,)
    (tmp_path / "flushcheck.service").write_text(undone)
    exit_code, found = check(str(tmp_path / "flushcheck.service"))
    assert (exit_code, mark.culprit in found) == (1, True)
    assert check(str(DEPLOY / UNIT)) == (0, ())


def test_execreload_brings_new_workers_and_refuses_nobody():
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
    """Ask for /healthz again and again; keep what went wrong."""
    while not done.is_set():
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            try:
                connection.request("GET", "/healthz")
                assert connection.getresponse().status == 200
            except (OSError, http.client.HTTPException) as error:
                refused.append(error)  # type: ignore[arg-type]


def wait(done, within_s: float = servers.READY_WITHIN_S) -> None:
    """Return when it is so; fail when the time is up."""
    end_s = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < end_s
        time.sleep(servers.ASK_AGAIN_S)


def test_stopping_waits_for_open_streams_and_ends_before_systemd_kills():
    assert float(value("TimeoutStopSec")) > GRACEFUL_S + 2
    stop = signal.Signals[value("KillSignal")]
    with started() as service, closing(http.client.HTTPConnection("127.0.0.1", service.port)) as connection:
        connection.request("GET", "/stream/chunked?count=15&interval=0.1")
        answer = connection.getresponse()
        assert answer.read1(1)
        began_s = time.monotonic()
        # As KillMode=mixed has it: the main process alone.
        service.process.send_signal(stop)
        # To its last chunk: a stream that is cut has none, and http.client says so.
        assert answer.read()
        assert service.process.wait(float(value("TimeoutStopSec"))) == 0
        assert time.monotonic() - began_s < float(value("TimeoutStopSec"))


WRONG = [
    # what is wrong                 more of the environment                   instead of wsgi:app
    ("a setting",                   {"FLUSHCHECK_MAX_COUNT": "many"},         "wsgi:app"),
    ("the app cannot be imported",  {},                                       "nowhere:app"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "more", "app"), WRONG, ids=[name for name, *_ in WRONG])
def test_what_trying_again_does_not_mend_is_not_tried_again(name, more, app):
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


# The whole unit under a systemd of its own: this machine's files, read-only, in a container without a network.

BOOTS = """
mount --bind / {root} && exec systemd-nspawn --quiet --register=no --keep-unit --directory={root} --volatile=overlay \
  --private-network --machine=flushcheck-unit --bind-ro={home}:/opt/flushcheck --bind-ro={libraries}:/opt/libraries \
  --bind-ro={unit}:/etc/systemd/system/flushcheck.service --boot systemd.unit=flushcheck.service
"""


@pytest.fixture(scope="module")
def inside() -> Iterator[Sequence[str]]:
    """What to put before a command to have it run in there, with the service started."""
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
        # Shuts the container down in order.
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
    """What flushcheck says in there of an address."""
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
