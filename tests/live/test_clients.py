"""One address, two kinds of client: what browsers get over HTTP/2, and HTTP/1.1 clients over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Client, Flow, Report, Run, Transport, Verdict
from flushcheck.prober import gather
from flushcheck.prober.target import ConnectionOptions, TlsOptions
from tests.live.servers import Service, certificate, free_port, start_nginx

pytestmark = pytest.mark.live

SITE = """
server {{
    listen 127.0.0.1:{port} ssl{http2};
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    location / {{
        proxy_pass http://127.0.0.1:8000;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        {line}
    }}
}}
"""
STREAMED = (Transport.CHUNKED, Transport.EVENTS)


@contextmanager
def behind_tls(origin: Service, folder: Path, *, line: str = "", http2: str = " http2") -> Iterator[str]:
    """An nginx that ends TLS in front of the service; gives its address."""
    key, own = certificate(folder)
    port = free_port()
    site = SITE.format(port=port, certificate=own, key=key, line=line, http2=http2)
    with start_nginx(f"server {{\n    listen 80;\n}}\n{site}", upstreams={8000: origin.port}):
        yield f"https://127.0.0.1:{port}"


def run(url: str, **asked: object) -> Run:
    options = ConnectionOptions(tls=TlsOptions(verify=False))
    return gather(url, only=STREAMED, options=options, **asked)  # type: ignore[arg-type]


def flows(report: Report) -> dict[Transport, dict[Client, Flow]]:
    return {
        transport.transport: {client.client: client.flow for client in transport.clients}
        for transport in report.transports
    }


def test_what_flows_in_browsers_is_held_for_http_1_1_clients(origin, tmp_path):
    with behind_tls(origin, tmp_path) as url:
        report = judge(run(url))
        in_browsers = judge(run(url, clients="browser", quick=True))
    apart = {Client.BROWSER: Flow.FLOWING, Client.HTTP1: Flow.HELD}
    assert flows(report) == dict.fromkeys(STREAMED, apart)
    assert report.verdict is Verdict.HELD
    assert report.headline.startswith(
        "flowing in browsers over HTTP/2 on chunked, events; held for HTTP/1.1 clients"
    )
    (culprit,) = report.culprits
    assert (culprit.id, culprit.clients) == ("nginx-proxy-buffering", (Client.HTTP1,))
    # HTTP/1.1 to the app is what this nginx has already.
    assert "proxy_http_version 1.1" not in "".join(fix.change for fix in culprit.fixes)
    assert flows(in_browsers) == {transport: {Client.BROWSER: Flow.FLOWING} for transport in STREAMED}
    assert in_browsers.verdict is Verdict.FLOWING


def test_the_offered_line_frees_both_clients(origin, tmp_path):
    with behind_tls(origin, tmp_path, line="proxy_buffering off;") as url:
        report = judge(run(url))
    assert flows(report) == dict.fromkeys(
        STREAMED, dict.fromkeys((Client.BROWSER, Client.HTTP1), Flow.FLOWING)
    )
    assert (report.verdict, report.culprits) == (Verdict.FLOWING, ())


def test_where_a_browser_gets_http_1_1_one_client_stands_for_both(origin, tmp_path):
    with behind_tls(origin, tmp_path, http2="") as url:
        report = judge(run(url, quick=True))
    assert flows(report) == {transport: {Client.BROWSER: Flow.HELD} for transport in STREAMED}
    assert report.verdict is Verdict.HELD


def test_twelve_streams_of_a_page_share_one_connection(origin, tmp_path):
    with behind_tls(origin, tmp_path, line="proxy_buffering off;") as url:
        seen = run(url).observations
    together = [observation for observation in seen if "together" in observation.probe.id]
    of_browser = [observation for observation in together if observation.probe.client is Client.BROWSER]
    assert len(of_browser) == len(together) - len(of_browser) == 12
    assert {observation.http_version for observation in of_browser} == {"2"}
    assert {observation.connect_s for observation in of_browser} == {of_browser[0].connect_s}
