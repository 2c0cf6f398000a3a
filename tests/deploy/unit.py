"""The shipped systemd unit: what it says, and its commands as this run starts them."""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.deploy.shipped import text_of
from tests.live import servers
from tests.live.servers import ROOT, Service

UNIT = "vps/flushcheck.service"
SOCKET = "vps/flushcheck.socket"
HOME = "/opt/flushcheck"
PYTHON = f"{HOME}/.venv/bin/python"
ADDRESS = "127.0.0.1:8000"

# What systemd gives a system service besides what the unit says (systemd.exec(5), "Environment variables in spawned
# processes"), as far as it matters here.
GIVEN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LANG": "C.UTF-8"}


def values(key: str, text: str = "") -> list[str]:
    """All values of a key in a unit's text; of the service's unit if no text is given."""
    return re.findall(rf"^{key}=(.*)$", text or text_of(UNIT), re.MULTILINE)


def value(key: str, text: str = "") -> str:
    """The value of a key that occurs once."""
    (only,) = values(key, text)
    return only


def here(command: str, port: int) -> list[str]:
    """A command line of the unit, with its paths and its port where this run has them."""
    words = command.replace(ADDRESS, f"127.0.0.1:{port}").replace(PYTHON, sys.executable)
    return shlex.split(words.replace(HOME, str(ROOT)))


def settings() -> dict[str, str]:
    """The environment variables that the unit sets."""
    return dict(setting.split("=", 1) for setting in values("Environment"))


def environment(notify: Path | None = None, more: Mapping[str, str] | None = None) -> list[str]:
    """A command to put in front of another: its environment holds only what systemd and the unit set."""
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


def wait(done, within_s: float = servers.READY_WITHIN_S) -> None:
    """Poll until it is done; fail when the time is up."""
    end_s = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < end_s
        time.sleep(servers.ASK_AGAIN_S)
