"""No request makes the service connect anywhere but to itself and its configured public URL.

Each hostile request names the address of a listener that must stay silent. In the service's process a hook
also records each name that is resolved.
"""

from __future__ import annotations

import json
import socket
import textwrap
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests

from tests.live import servers
from tests.service.wire import OriginServer, read_rest, request

# Long enough for a whole run of /diagnostics with --quick.
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def trap() -> Iterator[socket.socket]:
    """Listens, and must never be connected to."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.setblocking(False)
        yield listener


# Records every address that the process connects to and every name that it resolves, below all libraries.
SPY = """
import os, socket, sys
import gunicorn.workers.ggevent

def report(*words):
    # In one write: names are resolved in other threads.
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def spy(event, args):
    if event == "socket.connect":
        report("CONNECTS", args[1])
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        report("RESOLVES", args[0])

sys.addaudithook(spy)
from wsgi import app
"""


@pytest.fixture(scope="module")
def spied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Service]:
    folder = tmp_path_factory.mktemp("spy")
    (folder / "spied.py").write_text(textwrap.dedent(SPY))
    with servers.start_origin(
        app="spied:app", chdir=folder, env={"FLUSHCHECK_MAX_SELF_PROBES": "1"}
    ) as service:
        yield service


def reached(service: servers.Service) -> set[str]:
    """The connections that the service opened, and the names that it resolved."""
    lines = service.output().splitlines()
    return {line for line in lines if line.startswith(("CONNECTS ", "RESOLVES "))}


def address(trap: socket.socket) -> str:
    return f"127.0.0.1:{trap.getsockname()[1]}"


def silent(trap: socket.socket) -> bool:
    try:
        trap.accept()[0].close()
    except BlockingIOError:
        return True
    return False


def lies(where: str) -> tuple[str, ...]:
    """Headers in which a client names an address."""
    return (
        f"X-Forwarded-Host: {where}",
        f"X-Forwarded-Server: {where}",
        f"X-Forwarded-For: {where}",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Port: 1",
        f"X-Original-URL: http://{where}/",
        f"X-Rewrite-URL: http://{where}/",
        f"Forwarded: for={where};host={where};proto=http",
        f"Origin: http://{where}",
        f"Referer: http://{where}/",
        f"Via: 1.1 {where}",
    )


REQUESTS = [
    # request target, Host
    ("/diagnostics?quick=1", "{trap}"),
    ("/diagnostics/control", "{trap}"),
    ("/diagnostics/control?url=http://{trap}/", "evil.example"),
    ("/diagnostics?quick=1&url=http://{trap}/", "evil.example"),
    ("http://{trap}/diagnostics/control", "{trap}"),
    ("//{trap}/diagnostics/control", "evil.example"),
    ("/http://{trap}/", "evil.example"),
    ("/diagnostics/control", "user@{trap}"),
]


@pytest.mark.parametrize(("target", "host"), REQUESTS)
def test_it_connects_only_to_itself(target, host, spied, trap):
    where = address(trap)
    lines = [
        f"GET {target.format(trap=where)} HTTP/1.1",
        f"Host: {host.format(trap=where)}",
        "Accept: application/json",
    ]
    with closing(socket.create_connection(("127.0.0.1", spied.port), timeout=PATIENCE_S)) as connection:
        connection.sendall("\r\n".join([*lines, *lies(where), "Connection: close", "", ""]).encode())
        response = read_rest(connection)
    assert int(response.split()[1]) < 500
    assert silent(trap)
    allowed = {"127.0.0.1", "localhost", "0.0.0.0"}
    assert all(f"'127.0.0.1', {spied.port}" in line for line in reached(spied) if line.startswith("CONNECTS"))
    assert {
        line.split(None, 1)[1].strip("'") for line in reached(spied) if line.startswith("RESOLVES")
    } <= allowed
    assert "evil" not in "".join(reached(spied))


def test_it_does_connect_to_itself(spied):
    # Without this, the table above would also pass if the service could not diagnose itself at all.
    control = requests.get(f"{spied.url}/diagnostics/control", timeout=PATIENCE_S).json()
    assert [observation["outcome"] for observation in control["observations"]] == ["complete"] * 2
    assert reached(spied)


@pytest.mark.parametrize("path", ["/diagnostics/judge", "/diagnostics/plan", "/diagnostics/report"])
def test_no_address_in_a_run_is_requested(path, spied, trap):
    where = f"http://{address(trap)}/"
    run = json.loads((Path(__file__).parents[1] / "recordings" / "nginx-bare.json").read_text())
    before = reached(spied)
    response = requests.post(spied.url + path, json={**run, "target": where}, timeout=PATIENCE_S)
    assert response.status_code == 200
    assert silent(trap)
    assert reached(spied) == before


def test_no_address_in_two_runs_is_requested(spied, trap):
    run = json.loads((Path(__file__).parents[1] / "recordings" / "nginx-bare.json").read_text())
    run["target"] = f"http://{address(trap)}/"
    before = reached(spied)
    runs = {"before": run, "after": run}
    response = requests.post(f"{spied.url}/diagnostics/compare", json=runs, timeout=PATIENCE_S)
    assert response.status_code == 200
    assert silent(trap)
    assert reached(spied) == before


def test_no_address_in_a_configuration_is_requested(spied, trap):
    where = address(trap)
    text = f"include /etc/passwd;\nserver {{ location / {{ proxy_pass http://{where}; include http://{where}/x; }} }}"
    before = reached(spied)
    response = requests.post(f"{spied.url}/check?server=nginx", data=text, timeout=PATIENCE_S)
    assert response.status_code == 200
    assert "root:" not in response.text
    assert silent(trap)
    assert reached(spied) == before


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "//evil.example/stream/chunked",
        "/stream/chunked/",
        "/\\evil.example",
        "/%2f%2fevil.example",
    ],
)
def test_it_never_redirects(target, spied):
    with closing(OriginServer(spied).connect()) as connection:
        connection.sendall(request(target, "Connection: close"))
        head = read_rest(connection).partition(b"\r\n\r\n")[0]
    assert not head.split()[1].startswith(b"3")
    assert b"\r\nlocation:" not in head.lower()


def test_connect_opens_no_tunnel(spied, trap):
    where = address(trap)
    with closing(socket.create_connection(("127.0.0.1", spied.port), timeout=PATIENCE_S)) as connection:
        connection.sendall(
            f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n".encode()
        )
        assert read_rest(connection).split()[1] in (b"400", b"404", b"405")
    assert silent(trap)


class Redirect(BaseHTTPRequestHandler):
    """Redirects each request at the public URL to the trap."""

    to = ""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", f"http://{self.to}{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """No log."""


def test_a_redirect_at_the_public_url_is_not_followed(trap):
    Redirect.to = address(trap)
    with ThreadingHTTPServer(("127.0.0.1", 0), Redirect) as public:
        Thread(target=public.serve_forever, daemon=True).start()
        settings = {"FLUSHCHECK_PUBLIC_URL": f"http://127.0.0.1:{public.server_port}"}
        with servers.start_origin(env=settings) as service:
            report = requests.get(f"{service.url}/diagnostics?quick=1", timeout=PATIENCE_S).json()
        public.shutdown()
    assert report["verdict"] in ("broken", "unknown")
    assert report["loopback"]["verdict"] == "flowing"
    assert silent(trap)
