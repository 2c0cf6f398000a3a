"""The Dockerfile: what can be seen in its text on any machine, and all of it where an image can be built."""

from __future__ import annotations

import fnmatch
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from flushcheck import diagnose
from flushcheck.model import Flow
from tests.deploy import images
from tests.deploy.conftest import need
from tests.live import servers
from tests.live.servers import ROOT, Service

# On a busy machine without overlay file systems the image takes two minutes: within the first test that asks for it.
pytestmark = pytest.mark.timeout(900)

TEXT = (ROOT / "Dockerfile").read_text()
LOCKED = re.compile(r"^([a-z0-9.-]+)==(\S+) \\$", re.MULTILINE)

# Measured: 48 MB, 3 of it PyYAML. Far more would mean that something came in that no process loads.
MAX_ADDED_BYTES = 52_000_000


def instructions(text: str) -> list[tuple[str, str]]:
    """The Dockerfile's instructions, each on one line: (name, the rest)."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines)
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in joined.splitlines() if line.strip()]


STEPS = instructions(TEXT)


def only(name: str) -> str:
    """What the one instruction of that name says."""
    (said,) = [rest for step, rest in STEPS if step == name]
    return said


# On any machine.


def test_both_stages_stand_on_one_pinned_base():
    assert [rest.split(" AS ")[0] for name, rest in STEPS if name == "FROM"] == ["${PYTHON_IMAGE}"] * 2
    default = next(rest for name, rest in STEPS if name == "ARG" and "=" in rest)
    assert re.fullmatch(r"PYTHON_IMAGE=python:\d+\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", default)


def test_every_installation_is_locked_by_hash_or_asks_no_index():
    runs = " && ".join(rest for name, rest in STEPS if name == "RUN").split(" && ")
    installs = [run for run in runs if re.search(r"\bpip\b.* (install|wheel) ", run)]
    assert len(installs) == 4
    for run in installs:
        assert "--require-hashes" in run or ("--no-index" in run and "--no-deps" in run), run


@pytest.mark.parametrize("lock", images.LOCKS, ids=lambda path: path.name)
def test_a_lock_has_a_hash_for_every_package(lock):
    text = lock.read_text()
    packages = LOCKED.findall(text)
    assert packages
    for entry in re.split(r"\n(?=\S)", text.strip()):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry
    assert len(re.split(r"\n(?=\S)", text.strip())) == len(packages)


def test_the_builder_that_is_locked_is_one_that_the_package_takes():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    locked = dict(LOCKED.findall(images.LOCKS[1].read_text()))
    assert [re.split("[><=]", name)[0] for name in wanted] == list(locked)
    assert int(locked["setuptools"].split(".")[0]) >= int(re.split(">=", wanted[0])[1])


def test_it_says_the_version_of_the_package():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert ("ARG", f"VERSION={version}") in STEPS


def test_what_is_copied_is_there_and_not_ignored():
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    for rest in (rest for name, rest in STEPS if name == "COPY" and not rest.startswith("--from")):
        for source in rest.split()[:-1]:
            path = source.removeprefix("./")
            assert (ROOT / path).exists(), path
            # The last rule that fits a path or one of its parents decides (docs.docker.com, "dockerignore files").
            parts = [str(Path(*Path(path).parts[: n + 1])) for n in range(len(Path(path).parts))]
            ruling = [r for r in rules if any(fnmatch.fnmatch(part, r.lstrip("!")) for part in parts)]
            assert ruling[-1].startswith("!"), f"{path} is kept out by {ruling[-1]}"


def test_it_runs_as_a_number_that_is_not_root():
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", only("USER"))


def test_its_command_and_its_health_check_need_no_shell(tmp_path):
    argv = json.loads(only("CMD"))
    check = json.loads(only("HEALTHCHECK").partition("CMD ")[2])
    port = servers.free_port()
    env = servers.child_env({"PORT": str(port)})

    def healthy() -> int:
        return subprocess.run(
            [sys.executable, *check[1:]], env=env, capture_output=True, timeout=30, check=False
        ).returncode

    assert check[0] == "python"
    assert healthy() == 1
    assert argv[0] == "gunicorn"
    command = [sys.executable, "-m", *argv]
    with servers.start_program(
        "command", command, port=port, cwd=ROOT, env={"PORT": str(port)}, ready="/healthz"
    ):
        assert healthy() == 0
    assert healthy() == 1


# Where an image can be built.


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[images.Image]:
    if not os.geteuid():
        need(*images.TOOLS)
    reason = images.why_not()
    if reason:
        pytest.skip(reason)
    with images.built(tmp_path_factory.mktemp("image")) as built:
        yield built


@pytest.fixture(scope="module")
def container(image: images.Image) -> Iterator[tuple[Service, int]]:
    with image.start({"WEB_CONCURRENCY": "2"}) as running:
        yield running


def test_the_image_holds_what_the_lock_names_and_nothing_else(image):
    code = (
        "from importlib.metadata import distributions as d; [print(x.name.lower(), x.version) for x in d()]"
    )
    told = image.run(["python", "-c", code])
    found = {re.sub(r"[._]", "-", line.split()[0]): line.split()[1] for line in told.stdout.splitlines()}
    assert found.pop("flushcheck") == image.config["Labels"]["org.opencontainers.image.version"]
    assert found == dict(LOCKED.findall(images.LOCKS[0].read_text()))


def test_nothing_in_the_image_that_is_not_needed(image):
    assert not [
        name
        for name in ("pip", "setuptools")
        if list(image.root.glob(f"opt/flushcheck/lib/*/site-packages/{name}"))
    ]
    assert not list(image.root.glob("opt/flushcheck/**/tests"))
    assert sorted(path.name for path in (image.root / "app").rglob("*") if path.is_file()) == [
        "app.py",
        "gunicorn.conf.py",
        "wsgi.py",
    ]
    assert image.added_bytes < MAX_ADDED_BYTES


def test_what_was_taken_out_is_not_missed(image):
    code = "import brotli, zstandard; print(zstandard.backend, zstandard.decompress(zstandard.compress(b'whole')))"
    assert image.run(["python", "-c", code]).stdout.split() == ["cext", "b'whole'"]


def test_the_labels_say_what_it_is(image):
    labels = {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in image.config["Labels"].items()
    }
    assert labels["licenses"] == "MIT"
    assert labels["base.name"] == f"docker.io/library/{images.base_name()}"
    assert {"title", "description", "version", "revision", "created"} < set(labels)


def test_root_is_nowhere_and_nothing_can_be_written(image):
    told = image.run(
        ["sh", "-c", "id -u; touch /app/x || touch /tmp/x || touch /opt/flushcheck/x || echo refused"]
    )
    assert told.stdout.split() == ["10001", "refused"]


def test_everything_flows_out_of_the_container(container):
    service, _ = container
    report = diagnose(service.url, quick=True)
    assert {verdict.transport.value: verdict.flow for verdict in report.transports} == dict.fromkeys(
        ("polling", "chunked", "events", "websocket"), Flow.FLOWING
    )


def test_the_containers_own_command_says_the_same(image, container):
    told = image.run(["flushcheck", "diagnose", container[0].url, "--quick", "--only", "chunked"])
    assert (told.returncode, told.stdout.split()[0]) == (0, "FLOWING"), told.stdout + told.stderr


def test_as_many_workers_as_the_environment_says(container):
    _, process = container
    assert len(Path(f"/proc/{process}/task/{process}/children").read_text().split()) == 2


def test_the_health_check_knows_up_from_down(image, container):
    service, _ = container
    test = image.config["Healthcheck"]["Test"]
    assert test[0] == "CMD"
    for port, expected in ((service.port, 0), (servers.free_port(), 1)):
        assert image.run(test[1:], {"PORT": str(port)}).returncode == expected


def test_sigterm_ends_a_stream_by_its_protocol_and_the_container_with_it(image):
    with image.start() as (service, process):
        client = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
        # Longer than the 10 s after which `docker stop` kills.
        client.request("GET", "/stream/chunked?count=300&interval=0.1")
        response = client.getresponse()
        assert response.read1()
        os.kill(process, signal.SIGTERM)
        # Raises IncompleteRead, if the last chunk does not come.
        response.read()
        client.close()
        assert service.process.wait(servers.GONE_WITHIN_S) == 0
