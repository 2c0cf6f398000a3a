"""A hosting account, and the host's servers around it: for the files of deploy/shared-hosting/.

The account has what the README there makes: the checkout with its virtual environment, and a public folder. What the
host has set for all accounts is the test's own text; what the user puts there is the shipped file, with the one change
that the README asks for: /home/you becomes the account's home.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlsplit
from urllib.request import Request, urlopen

import pytest
import sseclient

from flushcheck import diagnose
from flushcheck.configs.findings import Level, Server
from flushcheck.files import check_text
from flushcheck.measurement.plan import ROUTE_DEFAULTS, ROUTES
from flushcheck.model import Flow, Report, Transport
from flushcheck.reports.terminal import terminal
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.params import parse
from flushcheck.streaming.source import source
from tests.deploy.hosts import APACHE_MODULES, AROUND
from tests.deploy.shipped import DEPLOY
from tests.lab import accounts, programs
from tests.lab.case import Case, Kind
from tests.live import servers
from tests.live.processes import title
from tests.live.servers import Service

FOLDER = DEPLOY / "shared-hosting"
YOU = "/home/you"

# What passes every server here; a WebSocket passes none of them.
HTTP = (Transport.POLLING, Transport.CHUNKED, Transport.EVENTS)

# What a host sets for every account. Which words .htaccess may use is one of them.
HOST = """\
<VirtualHost *:80>
    DocumentRoot /home/you/public_html
    <Directory /home/you/public_html>
        AllowOverride All
        Require all granted
    </Directory>
{more}
</VirtualHost>
"""

# The streams whose text must arrive exactly: short, of every kind of character, and quick.
TEXTS = (
    "text=zh&count=40&interval=0.005",
    "say=a%20b%0A%0Ac%E2%80%A8d%F0%9F%9A%B0%20&unit=char&interval=0.005",
)


@dataclass(frozen=True, slots=True)
class Account:
    """A home folder that the web server can enter."""

    home: Path

    def moved(self, text: str) -> str:
        """The text as the README has it changed: with this home instead of /home/you."""
        return text.replace(YOU, str(self.home))

    def put(self, name: str, where: str, text: str | None = None) -> Path:
        """Copy a shipped file to a folder of the account, as the README says.

        Args:
            name: its path below deploy/shared-hosting/.
            where: the folder, below the home; made if it is not there.
            text: what to write instead of the shipped text.
        """
        folder = self.home / where
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / Path(name).name
        path.write_text(self.moved(shipped(name) if text is None else text))
        path.chmod(0o644 if path.name.startswith(".") else 0o755)
        return path


def shipped(name: str) -> str:
    """A shipped file, by its path below deploy/shared-hosting/."""
    return (FOLDER / name).read_text()


@contextmanager
def hosting() -> Iterator[Account]:
    """An account. Skips the test where no Python that the web server's user may run fits the libraries."""
    home = servers.new_folder("home")
    checkout = home / "flushcheck"
    for folder in (checkout / "public", home / "public_html"):
        folder.mkdir(parents=True)
    with _skipping():
        for name in ("flushcheck", "app.py", "wsgi.py"):
            (checkout / name).symlink_to(accounts.public_checkout() / name)
        argv = [accounts.system_python(), "-m", "venv", "--without-pip", str(checkout / ".venv")]
        subprocess.run(argv, check=True, capture_output=True, timeout=60)
    site = next(checkout.glob(".venv/lib/python*/site-packages"))
    # Instead of installing the very same libraries once more.
    (site / "libraries.pth").write_text(f"{accounts.public_libraries()}\n")
    home.chmod(0o755)
    yield Account(home)


@contextmanager
def _skipping() -> Iterator[None]:
    """Skip the test where a program is missing, but never in CI."""
    try:
        yield
    except programs.Missing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@contextmanager
def start(program: str, text: str, *, ready: str = "/healthz", modules: str = "") -> Iterator[Service]:
    """Run one of the laboratory's programs with this text, until the block ends; skips where it is not installed.

    Args:
        program: its name there.
        text: its configuration; ports and folders are moved as in the laboratory's cases.
        ready: the path that responds 200 when it is up; "": its port accepts connections.
        modules: Apache's, besides those that Debian loads into every Apache.

    Raises:
        servers.ServiceError: it did not come up.
    """
    options = {"modules": f"{APACHE_MODULES} {modules}".strip(), "ready": ready}
    case = Case(f"{program}/shared", FOLDER, Kind.PART, "", (), (), "nothing", options, {}, text)
    with _skipping(), programs.start(case) as service:
        yield service


@contextmanager
def apache(
    account: Account, modules: str, more: str = "", *, mount: str = "", server: str = "", warm: int = 0
) -> Iterator[Service]:
    """Run the host's Apache for this account, until the block ends.

    Args:
        account: whose site it serves.
        modules: what the host has enabled.
        more: lines in the virtual host.
        mount: a path at which the app is served.
        server: lines outside of the virtual host.
        warm: streams at once that must not wait for a process to be started.
    """
    site = account.moved(AROUND["apache"] + server + HOST.format(more=more))
    with start("apache", site, ready=f"{mount}/healthz", modules=modules) as service:
        programs.warm(service.port, warm, mount)
        yield service


# On a machine that is busy with something else a process may not come to run for seconds, and its stream begins late.
# What is held is held every time; what was only late is looked at again.
LOOKS = 4


def diagnosed(*urls: str, only: Sequence[Transport] = tuple(Transport), looks: int = LOOKS) -> list[Report]:
    """The verdicts on these addresses, looked at side by side.

    Args:
        urls: roots of the service.
        only: the Transports to look at.
        looks: how often at most, where a stream only began late.
    """

    def one(url: str) -> Report:
        for _ in range(looks - 1):
            report = diagnose(url, only=only, quick=True, timeout_s=60)
            if Flow.LATE not in flows(report).values():
                return report
        return diagnose(url, only=only, quick=True, timeout_s=60)

    with ThreadPoolExecutor(len(urls)) as pool:
        return list(pool.map(one, urls))


def flows(report: Report) -> Mapping[Transport, Flow]:
    """What the Report says of each Transport."""
    return {verdict.transport: verdict.flow for verdict in report.transports}


def culprit_ids(report: Report) -> set[str]:
    """Ids of the culprits that it names."""
    return {culprit_report.culprit.id for culprit_report in report.culprits}


def assert_as_the_table_says(report: Report) -> None:
    """All transports flow except WebSocket, and the report says why not."""
    expected = {**dict.fromkeys(HTTP, Flow.FLOWING), Transport.WEBSOCKET: Flow.FAILED}
    assert flows(report) == expected, terminal(report, width=100, color=False)
    assert culprit_ids(report) == {"gateway-websocket"}, terminal(report, width=100, color=False)


def found(text: str, kind: Server, name: str) -> set[str]:
    """Ids of the culprits that `flushcheck check` finds, notes excepted."""
    findings = check_text(text, server=kind, name=name).findings
    return {finding.culprit.id for finding in findings if finding.level is not Level.NOTE}


def assert_right_below(root: str, *, shown: str = "", texts: Sequence[str] = TEXTS) -> None:
    """Page, streams and errors at this address are the app's own, and it knows its address; texts are exact.

    Args:
        root: the address.
        shown: the address as the app must print it; "": the same.
        texts: queries whose text must arrive to its last character.
    """
    assert "<title>" in get(f"{root}/", "text/html")[1]
    assert get(f"{root}/nowhere") == (404, '{"error": "404 Not Found: /openapi.json lists the paths"}\n')
    # The address in the line for a shell is where the app was put, whatever its script is called.
    line = get(f"{root}/diagnostics", "text/plain")[1]
    assert f"'{shown or root}/stream/chunked" in line, line
    assert_refuses_websocket(root)
    for query in texts:
        assert_exact(root, query)


def assert_doctor_says(root: str, runs_under: str, *, processes: int, streams: int) -> None:
    """The service knows what runs it, and how many streams that takes; 0 where only the web server knows."""
    told = json.loads(get(f"{root}/diagnostics/server")[1])
    assert (told["runs_under"], told["processes"], told["streams_per_process"]) == (
        runs_under,
        processes,
        streams,
    )
    assert told["websocket"] is False
    assert [remark["id"] for remark in told["remarks"] if remark["level"] != "note"] == []


def assert_refuses_websocket(root: str) -> None:
    """The response to a handshake is 501, with the reason and what to do."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    address = urlsplit(root)
    with closing(HTTPConnection(address.netloc, timeout=60)) as connection:
        connection.request("GET", address.path + ROUTES[Transport.WEBSOCKET], headers=headers)
        response = connection.getresponse()
        told = response.read().decode()
    assert response.status == 501, told
    assert json.loads(told)["error"].endswith(
        "it does not hand out the connection; the other transports work"
    )


def assert_exact(root: str, query: str) -> None:
    """The three transports carry the text of this query to its last character, piece by piece."""
    params = parse(parse_qsl(query), limits=Limits(), defaults=ROUTE_DEFAULTS[Transport.CHUNKED])
    pieces = [piece.text for piece in source(params, own_text="", limits=Limits()).pieces()]
    assert len(pieces) > 5
    assert get(f"{root}{ROUTES[Transport.CHUNKED]}?{query}") == (200, "".join(pieces))
    with urlopen(f"{root}{ROUTES[Transport.EVENTS]}?{query}", timeout=60) as response:
        events = [event.data for event in sseclient.SSEClient(response).events()]
    assert events == [*pieces, "END"]
    # A poll costs a process under CGI, so the last one and the end stand for all.
    cnt = len(pieces) - 1
    assert (
        json.loads(get(f"{root}{ROUTES[Transport.POLLING]}?{query}&cnt={cnt}")[1])["message"] == pieces[cnt]
    )
    assert get(f"{root}{ROUTES[Transport.POLLING]}?{query}&cnt={len(pieces)}")[0] == 400


def assert_leaving_ends_the_stream(root: str, service: Service) -> None:
    """A reader that goes away ends the work for it: the app's own log says so."""
    before = service.output().count('"ended": "gone"')
    with urlopen(
        f"{root}{ROUTES[Transport.CHUNKED]}?count=2000&interval=0.05&size=200", timeout=60
    ) as response:
        assert response.read1(10)
    wait_until(lambda: service.output().count('"ended": "gone"') > before, service)


def wait_until(done: Callable[[], bool], service: Service) -> None:
    """Ask until it is so.

    Raises:
        AssertionError: it takes longer than a server may take to come up; holds the end of its log.
    """
    until_s = time.monotonic() + servers.READY_WITHIN_S
    while not done():
        assert time.monotonic() < until_s, service.tail()
        time.sleep(servers.ASK_AGAIN_S)


def running(script: str) -> bool:
    """Whether a process has this script on its command line. Linux only: reads /proc."""
    return any(script in title(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit())


def get(url: str, accept: str = "*/*") -> tuple[int, str]:
    """Status and body of a GET."""
    try:
        with urlopen(Request(url, headers={"Accept": accept}), timeout=60) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
