"""Watching any stream through a real nginx: the service stands for the user's own app."""

from __future__ import annotations

import pytest

from flushcheck.model import Verdict
from flushcheck.prober.watch_request import watch_request
from flushcheck.prober.watching import watch
from flushcheck.watching.analysis import Pattern
from flushcheck.watching.verdict import assess
from tests.live import nginxconf

pytestmark = pytest.mark.live

PASS = "proxy_pass http://127.0.0.1:8000;"
# As a plain app sends it: text without offsets, no anti-buffering header.
TOKENS = "/stream/events?xab=0&cache=0&nosniff=0&count=12"
LARGE = "/stream/chunked?xab=0&cache=0&nosniff=0&format=delta&count=40&interval=0.03&size=1000&spread=1400"


def test_a_holding_nginx_is_told_beside_the_apps_own_port_and_freed(origin, nginx):
    front = nginx(nginxconf.site(PASS), upstreams={8000: origin.port})
    requests = [watch_request(front.url + TOKENS), watch_request(origin.url + TOKENS)]
    report = assess(*watch(requests, timeout_s=20))
    assert report.verdict is Verdict.HELD, report.headline
    front.apply_fix("proxy_buffering off;")
    report = assess(*watch(requests, timeout_s=20))
    assert report.verdict is Verdict.FLOWING, report.headline


def test_blocks_that_cut_records_are_told_alone(origin, nginx):
    front = nginx(nginxconf.site(PASS), upstreams={8000: origin.port})
    report = assess(*watch([watch_request(front.url + LARGE)], timeout_s=20))
    assert (report.verdict, report.streams[0].pattern) == (Verdict.HELD, Pattern.BLOCKS), report.headline
    assert report.streams[0].block_bytes == 4096


def test_on_a_good_path_no_fault_is_found(origin):
    report = assess(*watch([watch_request(origin.url + TOKENS)], timeout_s=20))
    assert (report.verdict, report.streams[0].pattern) == (Verdict.FLOWING, Pattern.SINGLY), report.headline
