"""Each Python origin on a real server: by the rules of the protocol, and by the verdict of a run."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from flushcheck import diagnose
from flushcheck.model import Report, Transport, Verdict
from flushcheck.origins.writing import origin_file
from flushcheck.prober.conformance import check_origin
from flushcheck.protocol.conformance import CheckResult, Result
from tests.live.origin_apps import TOKEN
from tests.live.servers.process import connects, free_port, new_folder, running, wait_until

pytestmark = pytest.mark.live

GUNICORN = (sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "12", "-b", "127.0.0.1:{port}")
UVICORN = (sys.executable, "-m", "uvicorn", "--ws", "wsproto", "--log-level", "warning", "--port", "{port}")
LIGHTTPD = "/usr/sbin/lighttpd"
# Without its last line lighttpd collects a response: docs/config-check.md.
CGI_HOST = """\
server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{folder}"
server.errorlog = "{folder}/error.log"
server.modules = ("mod_cgi")
cgi.assign = (".py" => "{python}")
server.stream-response-body = 2
"""
APPS = "tests.live.origin_apps:"
HTTP = (Transport.POLLING, Transport.CHUNKED, Transport.EVENTS)

ROWS = [
    # name           arguments                                                          path            transports
    ("wsgi",         (*GUNICORN, f"{APPS}wsgi()"),                                      "/flushcheck",  HTTP),
    ("flask",        (*GUNICORN, f"{APPS}flask()"),                                     "/flushcheck",  HTTP),
    ("django wsgi",  (*GUNICORN, f"{APPS}django_wsgi()"),                               "/flushcheck",  HTTP),
    ("django asgi",  (*UVICORN, "--factory", f"{APPS}django_asgi"),                     "/flushcheck",  HTTP),
    ("fastapi",      (*UVICORN, "--factory", f"{APPS}fastapi"),                         "/flushcheck",  tuple(Transport)),
    ("asgi file",    (*UVICORN, "--app-dir", "{folder}", "asgi_file:application"),      "/any?route=a", tuple(Transport)),
    ("cgi file",     (LIGHTTPD, "-D", "-f", "{folder}/lighttpd.conf"),
                                                                                        "/cgi-bin/cgi_file.py", HTTP),
]  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """What was seen of one origin."""

    results: tuple[CheckResult, ...]
    report: Report
    status: int  # of a request without a token
    body: bytes


@pytest.fixture(scope="module")
def seen() -> Iterator[dict[str, Seen]]:
    """All origins side by side: nearly all of the time they wait."""
    folder = new_folder("origins")
    for kind in ("asgi", "cgi"):
        where = folder / "cgi-bin" if kind == "cgi" else folder
        where.mkdir(exist_ok=True)
        file = where / f"{kind}_file.py"
        file.write_text(origin_file(kind, TOKEN, "2099-12-31"))
        file.chmod(0o755)
    with ExitStack() as stack, ThreadPoolExecutor(len(ROWS)) as pool:
        addresses = {}
        for name, argv, path, _ in ROWS:
            port = free_port()
            filled = [word.format(port=port, folder=folder) for word in argv]
            if name == "cgi file":
                host = CGI_HOST.format(port=port, folder=folder, python=sys.executable)
                (folder / "lighttpd.conf").write_text(host)
            cwd = Path(__file__).parents[2]
            service = stack.enter_context(running(name.replace(" ", "-"), port, filled, cwd=cwd))
            addresses[name] = (service, f"http://127.0.0.1:{port}{path}")
        for service, _ in addresses.values():
            wait_until(service, lambda service=service: connects(service.port), "listen")  # type: ignore[misc]
        found = pool.map(lambda row: _look(addresses[row[0]][1]), ROWS)
        yield dict(zip((row[0] for row in ROWS), found, strict=True))


def _look(url: str) -> Seen:
    mark = "&" if "?" in url else "?"
    results = check_origin(f"{url}{mark}k={TOKEN}")
    report = diagnose(f"{url}{mark}k={TOKEN}", quick=True)
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request("GET", f"/{path}{mark}fc=1")
    response = connection.getresponse()
    return Seen(results, report, response.status, response.read())


@pytest.mark.parametrize("name", [row[0] for row in ROWS])
def test_an_origin_keeps_every_rule(seen, name):
    failed = [result for result in seen[name].results if result.result is Result.FAILED]
    assert failed == []


@pytest.mark.parametrize(
    ("name", "transports"), [(row[0], row[3]) for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_an_origin_is_measured_as_it_is(seen, name, transports):
    report = seen[name].report
    assert report.verdict is Verdict.FLOWING, report.headline
    assert tuple(transport.transport for transport in report.transports) == transports
    assert report.culprits == ()


@pytest.mark.parametrize("name", [row[0] for row in ROWS])
def test_without_the_token_the_hosts_own_404_comes(seen, name):
    assert seen[name].status == 404
    assert b"flushcheck" not in seen[name].body


def test_the_service_speaks_the_protocol_too(origin):
    failed = [result for result in check_origin(origin.url) if result.result is Result.FAILED]
    assert failed == []
