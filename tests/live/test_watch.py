"""Watching any stream through a real nginx: the service stands for the user's own app."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from flushcheck import judge
from flushcheck.model import Client, Flow, Report, Transport, Verdict
from flushcheck.prober.target import ConnectionOptions, Protocol, TlsOptions
from flushcheck.prober.watch_request import watch_request
from flushcheck.prober.watching import watch
from tests.live import nginxconf
from tests.live.test_http2 import files
from tests.live.test_http2 import nginx as nginx_over_tls

__all__ = ["files"]

pytestmark = pytest.mark.live

PASS = "proxy_pass http://127.0.0.1:8000;"
# As a plain app sends it: text without offsets, no anti-buffering header.
TOKENS = "/stream/events?xab=0&cache=0&nosniff=0&count=12"
LARGE = "/stream/chunked?xab=0&cache=0&nosniff=0&format=delta&count=40&interval=0.03&size=1000&spread=1400"


def watched(url: str, direct: str = "") -> Report:
    return judge(
        watch(watch_request(url), watch_request(direct) if direct else None, timeout_s=20, repeat=True)
    )


def test_a_holding_nginx_is_told_beside_the_apps_own_port_and_freed(origin, nginx):
    front = nginx(nginxconf.site(PASS), upstreams={8000: origin.port})
    report = watched(front.url + TOKENS, origin.url + TOKENS)
    assert report.verdict is Verdict.HELD, report.headline
    front.apply_fix("proxy_buffering off;")
    report = watched(front.url + TOKENS, origin.url + TOKENS)
    assert report.verdict is Verdict.FLOWING, report.headline


def test_blocks_that_cut_records_are_told_alone(origin, nginx):
    front = nginx(nginxconf.site(PASS), upstreams={8000: origin.port})
    report = watched(front.url + LARGE)
    (chunked,) = report.transports
    assert (report.verdict, chunked.transport, chunked.flow) == (Verdict.HELD, Transport.CHUNKED, Flow.BLOCKS)
    assert chunked.hold_bytes == 4096


def test_on_a_good_path_no_fault_is_found(origin):
    report = watched(origin.url + TOKENS)
    assert (report.verdict, report.culprits) == (Verdict.FLOWING, ()), report.headline


def test_what_flows_in_browsers_is_held_for_http_1_1_clients(origin, files):
    options = ConnectionOptions(tls=TlsOptions(ca=str(files.ca)))
    with ExitStack() as stack:
        port = nginx_over_tls(stack, origin, files, buffering="on")
        request = watch_request(f"https://127.0.0.1:{port}{TOKENS}", options=options)
        report = judge(watch(request, timeout_s=20, repeat=True))
    assert dict(report.clients) == {Client.BROWSER: Verdict.FLOWING, Client.HTTP1: Verdict.HELD}, (
        report.headline
    )
    assert [(found.id, found.clients) for found in report.culprits] == [
        ("nginx-proxy-buffering", (Client.HTTP1,))
    ]
    (events,) = report.transports
    assert [client.http_version for client in events.clients] == ["2", "1.1"]


def test_a_client_that_chose_http_1_1_meets_it_too(origin, files):
    options = ConnectionOptions(tls=TlsOptions(ca=str(files.ca)), protocol=Protocol.HTTP1)
    with ExitStack() as stack:
        port = nginx_over_tls(stack, origin, files, buffering="on")
        public = watch_request(f"https://127.0.0.1:{port}{TOKENS}", options=options)
        report = judge(watch(public, watch_request(origin.url + TOKENS), timeout_s=20, repeat=True))
    assert dict(report.clients) == {Client.HTTP1: Verdict.HELD}, report.headline
