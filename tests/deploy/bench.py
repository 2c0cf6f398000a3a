"""Look at a shipped file from both sides: what flushcheck sees through the running program, and what it reads in its file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection

from flushcheck import ConnectionOptions, diagnose
from flushcheck.model import Client, ClientReport, Flow, Report, Transport
from flushcheck.prober.target import TlsOptions
from tests.deploy import hosts
from tests.deploy.shipped import SUB_PATH
from tests.lab.tls import authority
from tests.live import servers
from tests.live.servers import Service

# A quick diagnosis waits more than it works: three side by side do not disturb each other on two cores.
JOBS = 3

# What is held is held every time; what only began late, on a machine busy with other tests, is looked at again.
LOOKS = 3

LONG = bool(os.environ.get("LONG"))  # also what takes minutes, or hundreds of streams


@dataclass(frozen=True, slots=True)
class Try:
    """One file to start: as it ships, or changed."""

    program: str  # as tests.lab.programs calls it
    text: str
    sub_path: bool = False
    only: Sequence[Transport] = tuple(Transport)
    idle_s: tuple[float, ...] = ()
    behind: str = "gunicorn"
    tls: bool = False
    version: str = ""  # of the program; "": the installed one
    options: Mapping[str, str] = field(default_factory=dict)  # for the launcher


@dataclass(frozen=True, slots=True)
class Seen:
    """The result of one diagnosis."""

    report: Report
    checked: tuple[
        str, ...
    ]  # ids that `flushcheck check --strict` finds in the file that the program runs with
    exit_code: int  # of that check

    @property
    def culprit_ids(self) -> tuple[str, ...]:
        """Ids of the culprits of the live diagnosis."""
        return tuple(culprit_report.culprit.id for culprit_report in self.report.culprits)

    @property
    def flows(self) -> dict[str, str]:
        """Transport -> how it flows."""
        return {verdict.transport.value: verdict.flow.value for verdict in self.report.transports}

    @property
    def client_flows(self) -> dict[Client, dict[str, str]]:
        """Client -> transport -> how it flows."""
        return {client: self._of(client, lambda got: got.flow.value) for client in self._clients}

    @property
    def http_versions(self) -> dict[Client, dict[str, str]]:
        """Client -> transport -> the version of HTTP that it spoke."""
        return {client: self._of(client, lambda got: got.http_version) for client in self._clients}

    @property
    def _clients(self) -> list[Client]:
        return [client for client, _ in self.report.clients]

    def _of(self, client: Client, fact: Callable[[ClientReport], str]) -> dict[str, str]:
        return {
            verdict.transport.value: fact(got)
            for verdict in self.report.transports
            for got in verdict.clients
            if got.client is client
        }


def look(one: Try, origin: Service) -> Seen:
    """Start it, diagnose it, check its file, end it.

    Raises:
        programs.Missing: the program is not installed.
        servers.ServiceError: it did not come up.
    """
    with hosts.start(
        one.program,
        one.text,
        origin=origin,
        behind=one.behind,
        sub_path=one.sub_path,
        tls=one.tls,
        version=one.version,
        options=one.options,
    ) as service:
        url = service.url + (SUB_PATH if one.sub_path else "")
        report = _diagnosed(url, one, looks=LOOKS)
        exit_code, checked = check(config_of(service))
    return Seen(report, checked, exit_code)


def _diagnosed(url: str, one: Try, *, looks: int) -> Report:
    options = ConnectionOptions(tls=TlsOptions(ca=str(authority().ca))) if one.tls else None
    report = diagnose(url, quick=True, only=one.only, idle_s=one.idle_s, options=options)
    late = _only_late({verdict.flow for verdict in report.transports})
    return _diagnosed(url, one, looks=looks - 1) if late and looks > 1 else report


def _only_late(flows: set[Flow]) -> bool:
    """Whether nothing was held or cut, and not all flowed."""
    return flows <= {Flow.FLOWING, Flow.LATE, Flow.UNKNOWN} and flows != {Flow.FLOWING}


def side_by_side(tries: Iterable[Try], origin: Service) -> list[Seen]:
    """Look at several, in their order."""
    authority()  # once, and not in each thread
    with ThreadPoolExecutor(JOBS) as pool:
        return list(pool.map(lambda one: look(one, origin), tries))


def config_of(service: Service) -> str:
    """The main file that a program was started with.

    Raises:
        LookupError: its command line names none.
    """
    argv = [str(word) for word in service.process.args]  # type: ignore[union-attr]
    for flag in ("-f", "-c", "--config"):
        if flag in argv:
            return argv[argv.index(flag) + 1]
    raise LookupError(f"no configuration in {argv}")


def check(*files: str) -> tuple[int, tuple[str, ...]]:
    """Run `flushcheck check --strict` as a person would; its exit code, and the ids it found, each once."""
    told = subprocess.run(
        [sys.executable, "-m", "flushcheck", "check", "--strict", "--json", *files],
        env=servers.child_env(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if not told.stdout:
        raise AssertionError(f"flushcheck check ended with {told.returncode}: {told.stderr}")
    found = [one["id"] for one in json.loads(told.stdout)["findings"]]
    return told.returncode, tuple(dict.fromkeys(found))


def ask(service: Service, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Message, str]:
    """GET a path, redirects not followed: status, headers, body."""
    with closing(HTTPConnection("127.0.0.1", service.port, timeout=30)) as connection:
        connection.request("GET", path, headers=dict(headers or {}))
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode(errors="replace")
