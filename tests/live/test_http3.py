"""HTTP/3 as a real server offers and speaks it: what a diagnosis makes of it, beside HTTP/2 and HTTP/1.1."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from flushcheck import judge
from flushcheck.cli import main
from flushcheck.model import Client, Report, Transport, Verdict
from flushcheck.prober import ConnectionOptions, gather
from flushcheck.prober.target import TlsOptions
from tests.live import servers
from tests.live.servers import Service
from tests.prober.certificates import self_signed, signed

PATHS = "/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin:/bin"
STREAMS = (Transport.CHUNKED, Transport.EVENTS)


class Site:
    """A Caddy in front of the service, with a certificate of the test's own authority.

    It has a name: over QUIC Caddy 2.6 finds no certificate for a client that names no host.
    """

    def __init__(self, stack: ExitStack, origin: Service, tmp_path_factory: pytest.TempPathFactory) -> None:
        self._stack, self._origin = stack, origin
        authority = self_signed(tmp_path_factory.mktemp("authority"))
        self._pair = signed(authority, tmp_path_factory.mktemp("certificate"), "DNS:localhost")
        self.ca = str(authority.cert)

    def start(self, lines: str = "", *, protocols: str = "h1 h2 h3") -> str:
        """Start it with these lines in its site. Returns: its URL."""
        binary = shutil.which("caddy", path=PATHS)
        assert binary, "caddy is not installed: `make test` installs it"
        port, folder = servers.free_port(), servers.new_folder("caddy")
        config = folder / "Caddyfile"
        config.write_text(f"""\
{{
    admin off
    auto_https disable_redirects
    servers {{
        protocols {protocols}
    }}
}}
https://localhost:{port} {{
    tls {self._pair.cert} {self._pair.key}
    {lines}
    reverse_proxy 127.0.0.1:{self._origin.port}
}}
""")
        env = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        command = [binary, "run", "--adapter", "caddyfile", "--config", str(config)]
        self._stack.enter_context(servers.start_program("caddy", command, port=port, cwd=folder, env=env))
        return f"https://localhost:{port}"

    def report(self, url: str) -> Report:
        options = ConnectionOptions(tls=TlsOptions(ca=self.ca))
        return judge(gather(url, only=STREAMS, quick=True, timeout_s=20, options=options))


@pytest.fixture
def site(origin, tmp_path_factory) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(stack, origin, tmp_path_factory)


def test_what_flows_over_http_3_is_told_to_flow_there(site):
    report = site.report(site.start())
    assert report.clients == tuple((client, Verdict.FLOWING) for client in Client)
    for transport in report.transports:
        assert [client.http_version for client in transport.clients] == ["2", "1.1", "3"]


def test_a_compressor_that_holds_is_named_for_http_3_as_for_the_others(site):
    report = site.report(site.start("encode gzip {\n minimum_length 1\n }"))
    assert report.clients == tuple((client, Verdict.HELD) for client in Client)
    (culprit,) = report.culprits
    assert (culprit.id, culprit.clients) == ("caddy-encode", tuple(Client))


def test_what_is_held_over_http_3_alone_is_told_as_such(site):
    # Caddy's matcher: a request over HTTP/3 gets a compressor that the others do not get.
    report = site.report(site.start("@quic protocol http/3\n    encode @quic gzip {\n minimum_length 1\n }"))
    assert dict(report.clients) == {
        Client.BROWSER: Verdict.FLOWING,
        Client.HTTP1: Verdict.FLOWING,
        Client.HTTP3: Verdict.HELD,
    }
    assert report.verdict is Verdict.HELD
    assert "flowing in browsers over HTTP/2 on chunked, events" in report.headline
    assert "held in browsers over HTTP/3 on chunked, events: " in report.headline


def test_a_network_without_udp_is_a_note(site):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        url = site.start(f'header Alt-Svc `h3=":{port}"`', protocols="h1 h2")
        report = site.report(url)
    assert report.clients == ((Client.BROWSER, Verdict.FLOWING), (Client.HTTP1, Verdict.FLOWING))
    # Which time ends first depends on the machine: that of the connection, or that of the whole probe.
    (note,) = [note for note in report.notes if note.startswith("offers HTTP/3 by alt-svc; no ")]
    assert note.endswith(": browsers fall back to HTTP/2")


def test_the_command_asks_over_http_3_where_it_is_told_to(site, capsys):
    url = site.start(protocols="h1 h2 h3")
    arguments = [
        "diagnose",
        url,
        "--cacert",
        site.ca,
        "--http3",
        "--only",
        "chunked,websocket",
        "--quick",
        "--json",
    ]
    assert main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["clients"] == {"http3": "flowing"}
    versions = {name: made["clients"]["http3"]["http_version"] for name, made in report["transports"].items()}
    assert versions == {"chunked": "3", "websocket": "1.1"}


def test_the_command_says_when_nothing_speaks_http_3(site, capsys):
    url = site.start(protocols="h1 h2")
    assert main(["diagnose", url, "--cacert", site.ca, "--http3", "--only", "chunked", "--quick"]) == 3
    port = url.rpartition(":")[2]
    output = " ".join(capsys.readouterr().out.split())
    assert f"nothing listens on UDP port {port} (connection refused)" in output
