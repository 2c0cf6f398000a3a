"""HTTP/2 as real servers speak it: what a browser gets from them, beside what a client of HTTP/1.1 gets."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from flushcheck.measurement import plan
from flushcheck.measurement.timing import measure
from flushcheck.model import Client, Flow, Observation, Outcome, Probe, Scenario, Transport, Variant
from flushcheck.prober import ConnectionOptions, observe_all
from flushcheck.prober.target import TlsOptions
from tests.lab.tls import Authority, authority
from tests.live import servers
from tests.live.servers import Service

PATHS = "/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin:/bin"

CHUNKED, EVENTS, POLLING, SOCKET = (Probe(transport) for transport in (
    Transport.CHUNKED, Transport.EVENTS, Transport.POLLING, Transport.WEBSOCKET))  # fmt: skip
SIX = [Probe(Transport.CHUNKED, variant=Variant.TOGETHER, run=run) for run in range(6)]
KILO = Probe(Transport.CHUNKED, Scenario.KILO)
KILO_HTTP1 = Probe(Transport.CHUNKED, Scenario.KILO, client=Client.HTTP1)


@pytest.fixture(scope="module")
def files() -> Authority:
    return authority()


@pytest.fixture
def started() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


Start = Callable[[ExitStack, Service, Authority], int]


def nginx(stack: ExitStack, origin: Service, files: Authority, *, buffering: str = "off") -> int:
    port = servers.free_port()
    stack.enter_context(
        servers.start_nginx(f"""\
server {{
    listen 80;
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {files.cert};
    ssl_certificate_key {files.key};
    location / {{
        proxy_pass http://127.0.0.1:{origin.port};
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $flushcheck_connection;
        proxy_buffering {buffering};
    }}
}}
map $http_upgrade $flushcheck_connection {{
    default upgrade;
    "" "";
}}
""")
    )
    return port


def haproxy(stack: ExitStack, origin: Service, files: Authority) -> int:
    return program(
        stack,
        "haproxy",
        "haproxy.cfg",
        ["-db", "-f"],
        f"""\
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 60s
frontend site
    bind 127.0.0.1:PORT ssl crt {files.both} alpn h2,http/1.1
    default_backend app
backend app
    server app 127.0.0.1:{origin.port}
""",
    )


def caddy(stack: ExitStack, origin: Service, files: Authority) -> int:
    return program(
        stack,
        "caddy",
        "Caddyfile",
        ["run", "--adapter", "caddyfile", "--config"],
        f"""\
{{
    admin off
    auto_https disable_redirects
}}
https://127.0.0.1:PORT {{
    tls {files.cert} {files.key}
    reverse_proxy 127.0.0.1:{origin.port}
}}
""",
    )


def apache(stack: ExitStack, origin: Service, files: Authority) -> int:
    modules = Path("/usr/lib/apache2/modules")
    names = ("mpm_event", "authz_core", "ssl", "http2", "proxy", "proxy_http", "socache_shmcb")
    load = "\n".join(f"LoadModule {name}_module {modules}/mod_{name}.so" for name in names)
    return program(
        stack,
        "apache2",
        "apache2.conf",
        ["-DFOREGROUND", "-f"],
        f"""\
ServerRoot FOLDER
ServerName localhost
PidFile FOLDER/apache2.pid
DefaultRuntimeDir FOLDER
Mutex file:FOLDER default
ErrorLog /dev/stderr
{load}
User www-data
Group www-data
Listen 127.0.0.1:PORT
<VirtualHost 127.0.0.1:PORT>
    Protocols h2 http/1.1
    SSLEngine on
    SSLCertificateFile {files.cert}
    SSLCertificateKeyFile {files.key}
    ProxyPass / http://127.0.0.1:{origin.port}/ flushpackets=on upgrade=websocket
</VirtualHost>
""",
    )


def program(stack: ExitStack, name: str, file: str, options: list[str], text: str) -> int:
    """Start a server with this file; PORT and FOLDER in it are filled in."""
    binary = shutil.which(name, path=PATHS)
    assert binary, f"{name} is not installed: `make test` installs it"
    port, folder = servers.free_port(), servers.new_folder(name)
    config = folder / file
    config.write_text(text.replace("PORT", str(port)).replace("FOLDER", str(folder)))
    env = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    stack.enter_context(
        servers.start_program(name, [binary, *options, str(config)], port=port, cwd=folder, env=env)
    )
    return port


def observed(port: int, files: Authority, *probes: Probe) -> tuple[Observation, ...]:
    options = ConnectionOptions(tls=TlsOptions(ca=str(files.ca)))
    seen = observe_all(probes, f"https://127.0.0.1:{port}", timeout_s=20, options=options)
    for item in seen:
        assert (item.outcome, item.detail) == (Outcome.COMPLETE, ""), (item.probe.id, item.detail)
    return seen


def frames(item: Observation) -> list[int]:
    return [size for arrival in item.arrivals for size in arrival.frame_bytes]


def records(item: Observation) -> list[int]:
    return [size for arrival in item.arrivals for size in arrival.record_bytes]


SERVERS: list[tuple[str, Start, tuple[tuple[int, int], ...], str]] = [
    # name      start    its first SETTINGS                             the protocol of a browser's WebSocket
    ("nginx",   nginx,   ((3, 128), (4, 65_536), (5, 16_777_215)),      "http/1.1"),
    ("haproxy", haproxy, ((8, 1), (3, 100)),                            "h2"),
    ("caddy",   caddy,   ((5, 1_048_576), (3, 250), (6, 1_048_896), (4, 1_048_576)), "http/1.1"),
    ("apache",  apache,  ((3, 100),),                                   "http/1.1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "start", "settings", "websocket"), SERVERS, ids=[row[0] for row in SERVERS])
def test_a_page_is_served_over_one_connection(name, start, settings, websocket, origin, files, started):
    port = start(started, origin, files)
    probes = [CHUNKED, EVENTS, POLLING, SOCKET, Probe(Transport.CHUNKED, client=Client.HTTP1)]
    seen = {item.probe: item for item in observed(port, files, *probes)}
    for probe in (CHUNKED, EVENTS, POLLING):
        assert (seen[probe].alpn, seen[probe].http_version) == ("h2", "2")
        assert {code for code, _ in seen[probe].settings} >= {code for code, _ in settings}
        assert measure(seen[probe]).flow is Flow.FLOWING
    # One piece is one frame wherever it flows; the last one carries the end record, or is empty. A busy machine may
    # join some before they are framed.
    pieces = len(seen[CHUNKED].pieces)
    arrivals = sum(1 for arrival in seen[CHUNKED].arrivals if arrival.pieces)
    assert max(arrivals, pieces / 2) <= len(frames(seen[CHUNKED])) <= pieces + 2
    assert seen[SOCKET].alpn == websocket
    assert measure(seen[SOCKET]).flow is Flow.FLOWING
    http1 = seen[probes[-1]]
    assert (http1.alpn, http1.http_version, http1.settings, frames(http1)) == ("http/1.1", "1.1", (), [])


@pytest.mark.parametrize("start", [nginx, haproxy, caddy, apache], ids=lambda start: start.__name__)
def test_six_streams_at_once_all_begin_at_once(start, origin, files, started):
    seen = observed(start(started, origin, files), files, *SIX)
    assert {item.alpn for item in seen} == {"h2"}
    begun_s = max(item.requested_s + item.headers_s for item in seen)
    assert begun_s < min(item.requested_s + item.ended_s for item in seen), (
        "none waits for the end of another"
    )


def test_nginx_holds_for_http_1_1_clients_what_flows_in_browsers(origin, files, started):
    port = nginx(started, origin, files, buffering="on")
    browser, http1 = observed(port, files, KILO, KILO_HTTP1)
    assert measure(browser).flow is Flow.FLOWING
    # Two full buffers and a rest: too few to tell blocks from ticks by their moments.
    assert measure(http1).flow in plan.HELD_FLOWS
    # ssl_buffer_size is 16 KiB: TLS 1.2 adds 24 bytes, TLS 1.3 adds 17.
    assert {16_408, 16_401} & set(records(http1)), records(http1)
    assert max(records(browser)) < 4_000
