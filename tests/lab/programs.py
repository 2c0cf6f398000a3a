"""Starting a case of the laboratory with everything behind it.

The case's file is written with its ports and folders moved; `launchers` gives the command, and tests.live.servers
starts it, waits for it and ends it.
"""

from __future__ import annotations

import http.client
import os
import re
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from tests.lab.accounts import make_home, public_checkout
from tests.lab.case import UPSTREAMS, Case, Kind, find
from tests.lab.launchers import LAUNCHERS
from tests.lab.origins import write_origins
from tests.lab.setting import Missing, Setting
from tests.lab.tls import HOST, authority
from tests.live import servers
from tests.live.servers import Service

OWN_PORTS = range(8080, 8100)
TLS_PORT = 8443  # as is 443, where people write it: after `listen`, `*:` and `":`

__all__ = ["Missing", "start", "warm"]


@dataclass(slots=True)
class SecureService(Service):
    """A service that is reached over TLS, under the name in its certificate."""

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"


@contextmanager
def start(case: Case, *, origin: Service | None = None) -> Iterator[Service]:
    """Run a case with all that stands behind it, until the block ends.

    Args:
        case: what to run.
        origin: a running service to take instead of a new one, where the case wants the plain one.

    Raises:
        Missing: a program is not installed.
        servers.ServiceError: one did not come up.
    """
    with ExitStack() as stack:
        behind = stack.enter_context(_behind(case, origin))
        front = stack.enter_context(_front(case, behind))
        if case.kind is not Kind.PART:
            # Whatever stands behind may still be starting: a socket that accepts is not yet an app that answers.
            _wait_until_ok(front, _health(case))
        own = case.options.get("origin", "")
        address = f"{own}&fc=chunked" if own else "/stream/chunked?"
        warm(front.port, int(case.options.get("warm", "0")), address=address)
        yield front


# A process of the app begins in 0.3 s here, with busy cores in 1.5 s, and Passenger begins them one by one.
WARM_ROUNDS = 12
WARM_S = 0.4


def warm(port: int, count: int, mount: str = "", address: str = "/stream/chunked?") -> None:
    """Keep this many streams open at once until a server that starts a process for each has started them all.

    Args:
        port: where.
        count: how many.
        mount: what stands before the address.
        address: of a stream, to be followed by its parameters.
    """

    def one(first_s: list[float]) -> None:
        begun_s = time.monotonic()
        with (
            suppress(OSError),
            urlopen(f"http://127.0.0.1:{port}{mount}{address}&count=3&interval=0.4") as answer,
        ):
            answer.read(1)
            first_s.append(time.monotonic() - begun_s)
            answer.read()

    for _ in range(WARM_ROUNDS if count else 0):
        first_s: list[float] = []
        threads = [threading.Thread(target=one, args=(first_s,), daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # What holds the stream holds its first byte for the 0.8 s that it lasts.
        if len(first_s) == count and max(first_s) < 0.8 + WARM_S:
            return


@contextmanager
def _behind(case: Case, origin: Service | None) -> Iterator[Service]:
    name = case.behind
    if name == "gunicorn" and origin is not None:
        yield origin
        return
    with ExitStack() as stack:
        if name == "gunicorn":
            yield stack.enter_context(servers.start_origin())
        elif name == "fastcgi":
            yield stack.enter_context(servers.start_fastcgi())
        elif name == "nothing":
            yield Service("nothing", 0, _nobody(), Path(os.devnull))
        else:
            yield stack.enter_context(start(find(name), origin=origin))


def _health(case: Case) -> str:
    """What responds 200 once a case is up: the service says so itself, an origin tells its capabilities."""
    origin = case.options.get("origin", "")
    return f"{origin}&fc=1" if origin else "/healthz"


def _nobody() -> subprocess.Popen[bytes]:
    """A process that has already ended, for a program that is itself the origin."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process


@contextmanager
def _front(case: Case, behind: Service) -> Iterator[Service]:
    port = servers.free_port()
    folder = servers.new_folder(case.program)
    # Daemons that root starts switch to another user, which needs access.
    folder.chmod(0o777)
    if "home" in case.options:
        make_home(folder / "home")
    (folder / "origin").mkdir()
    write_origins(folder / "origin")
    if case.tls or re.search(r"/run/lab/(ca|cert|key|both)\.pem", case.text):
        authority().copy_to(folder)
    ports = {own: servers.free_port() for own in (*OWN_PORTS, TLS_PORT)}
    ports[TLS_PORT if case.tls else OWN_PORTS[0]] = port
    text = moved(case.text, folder, ports | dict.fromkeys(UPSTREAMS.values(), behind.port))
    text = re.sub(r"(?m)^(\s*listen\s+)443\b", rf"\g<1>127.0.0.1:{ports[TLS_PORT]}", text)
    text = re.sub(r"(?<=[*\"]:)443\b", str(ports[TLS_PORT]), text)
    setting = Setting(case, text, port, folder, behind)
    command = LAUNCHERS[case.program](setting)
    ready = case.options.get("ready", command.ready and _health(case))
    with servers.start_program(
        case.program,
        command.argv,
        port=port,
        cwd=folder,
        env=command.env,
        ready=None if case.tls else ready or None,
    ) as service:
        if case.tls:
            service = SecureService(service.name, service.port, service.process, service.log)
            _wait_until_ok(service, ready or "/healthz")
        yield service


def _wait_until_ok(service: Service, path: str) -> None:
    """As `servers.wait_until_ok`, over TLS where the service has it."""
    if not isinstance(service, SecureService):
        servers.wait_until_ok(service, path)
        return
    end_s = time.monotonic() + servers.READY_WITHIN_S
    context = ssl.create_default_context(cafile=str(authority().ca))
    while time.monotonic() < end_s and service.process.poll() is None:
        with (
            suppress(OSError, http.client.HTTPException),
            closing(
                http.client.HTTPSConnection(HOST, service.port, timeout=20, context=context)
            ) as connection,
        ):
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        time.sleep(servers.ASK_AGAIN_S)
    raise servers.ServiceError(f"{service.name} did not answer {path} with 200 over TLS:\n{service.tail()}")


def moved(text: str, folder: Path, ports: Mapping[int, int]) -> str:
    """The text with its ports and folders where this run has them."""
    text = text.replace("/run/lab", str(folder)).replace("/srv/flushcheck", str(public_checkout()))
    return re.sub(r"(?<![\d.])\d{4}(?![\d.]*\d)", lambda found: str(ports.get(int(found[0]), found[0])), text)
