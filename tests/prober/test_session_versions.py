"""What is fetched and not measured over each version of HTTP: the control, redirects, and `doctor URL`."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager

import pytest

from flushcheck.cli import main
from flushcheck.configs.server_setup import AppServer, ServerSetup
from flushcheck.diagnosis.app_server import examine
from flushcheck.prober.address import parse
from flushcheck.prober.redirects import follow_redirects
from flushcheck.prober.session import get_json
from flushcheck.prober.target import ConnectionOptions, Protocol, Target
from flushcheck.reports.app_server import server_report_document
from tests.prober.http2_peers import https
from tests.prober.http3_peers import http3_server
from tests.prober.peers import scripted_server

pytestmark = pytest.mark.usefixtures("trusted")

REPORT = server_report_document(
    examine(ServerSetup(AppServer.GUNICORN, worker="gevent", processes=2, concurrency=1000, gevent="26.1"))
)
TYPE = (("content-type", "application/json"),)


@pytest.fixture
def speaking(certificate, speaks_tls, speaks_http2):
    """A server of one version of HTTP. It says which one it speaks, or reports its app server."""

    @contextmanager
    def serve(version: str):
        received = []

        def body(path: str) -> bytes:
            received.append(path)
            return json.dumps(REPORT if "server" in path else {"version": version}).encode()

        def multiplexed(peer) -> None:
            while True:
                request = peer.request()
                path = request.headers[":path"]
                if path.startswith("/old"):
                    peer.head(request, 308, (("location", f"/new{path.removeprefix('/old')}"),), ends=True)
                    continue
                peer.head(request, 200, TYPE)
                peer.data(request, body(path), ends=True)

        def plain(client) -> None:
            client.respond(200, body(client.path), "application/json")

        if version == "3":
            with http3_server(certificate, multiplexed) as url:
                yield url, received
            return
        script = speaks_http2(multiplexed) if version == "2" else speaks_tls(plain, "http/1.1")
        with scripted_server(script, read_first=False) as url:
            yield https(url), received

    return serve


SPOKEN = [
    # the caller wants, the server speaks
    (Protocol.AUTO, "1.1"),
    (Protocol.HTTP1, "1.1"),
    (Protocol.HTTP2, "2"),
    (Protocol.HTTP2, "1.1"),  # a browser follows the choice
    (Protocol.HTTP3, "3"),
]


def at(url: str, protocol: Protocol, **options) -> Target:
    return Target(parse(url), ConnectionOptions(protocol=protocol, **options))


@pytest.mark.parametrize(("protocol", "version"), SPOKEN)
def test_the_version_that_the_caller_names_is_spoken(speaking, protocol, version):
    with speaking(version) as (url, _):
        fetched = get_json(at(url, protocol), "/x", deadline=time.monotonic() + 5, max_bytes=1000)
    assert (fetched.status, fetched.data) == (200, {"version": version})


@pytest.mark.parametrize(("protocol", "version"), [(Protocol.HTTP2, "2"), (Protocol.HTTP3, "3")])
def test_a_redirect_is_asked_for_over_the_same_version(speaking, protocol, version):
    with speaking(version) as (url, _):
        target = at(f"{url}/old", protocol, max_redirects=1)
        found = follow_redirects(target, "/x", time.monotonic() + 5)
    assert found.address.url == f"{url}/new"


@pytest.mark.parametrize(
    ("option", "version"), [("--http1.1", "1.1"), ("--http2", "2"), ("--http2", "1.1"), ("--http3", "3")]
)
def test_doctor_asks_a_service_over_the_version_named(speaking, certificate, option, version, capsys):
    with speaking(version) as (url, received):
        assert main(["doctor", url, option, "--cacert", str(certificate.cert)]) == 0
    assert "gevent worker, 2 processes" in capsys.readouterr().out
    assert received == ["/diagnostics/server"]


def test_doctor_says_that_nothing_speaks_http3_there(speaking, certificate, capsys):
    with speaking("1.1") as (url, received):
        arguments = ["--http3", "--timeout", "2", "--cacert", str(certificate.cert)]
        assert main(["doctor", url, *arguments]) == 3
    assert url in capsys.readouterr().err
    assert received == []


def test_doctor_says_that_http3_needs_tls(capsys):
    assert main(["doctor", "http://127.0.0.1:1", "--http3"]) == 2
    assert "--http3 without TLS" in capsys.readouterr().err


def test_doctor_says_that_http3_takes_no_proxy_of_the_environment(monkeypatch, capsys):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert main(["doctor", "https://127.0.0.1:1", "--http3", "--proxy", "env"]) == 2
    assert "through a forward proxy" in capsys.readouterr().err
