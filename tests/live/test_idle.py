"""Searching for time-outs on real servers, with small seconds."""

from __future__ import annotations

import pytest

from flushcheck import diagnose
from flushcheck.model import CutCause, Transport, Verdict
from tests.live import nginxconf

pytestmark = pytest.mark.live

PASS = "proxy_pass http://127.0.0.1:8000;"
WEBSOCKET = """
proxy_http_version 1.1;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection "upgrade";
"""
OPEN = (Transport.CHUNKED, Transport.EVENTS, Transport.WEBSOCKET)


def test_a_short_read_time_out_is_found_with_its_second_and_the_printed_line_mends_it(origin, nginx):
    site = nginxconf.site(f"{PASS}{WEBSOCKET}proxy_buffering off;\nproxy_read_timeout 2s;")
    front = nginx(site, upstreams={8000: origin.port})
    report = diagnose(front.url, only=OPEN, quick=True, idle_s=[1, 3])
    assert report.verdict is Verdict.BROKEN
    assert [(one.culprit.id, one.transports) for one in report.culprits] == [("idle-timeout", OPEN)]
    for verdict in report.transports:
        assert verdict.idle is not None
        assert verdict.idle.cause is CutCause.IDLE
        assert verdict.idle.passed_s == 1
        # Nearer to the 2 s than to the silences that were tried.
        assert 1.5 <= verdict.idle.cut_after_s < 3
    front.apply_fix(report.culprits[0].culprit.fixes[0].change)
    report = diagnose(front.url, only=OPEN, quick=True, idle_s=3)
    assert (report.verdict, report.culprits) == (Verdict.FLOWING, ())


def test_a_stream_that_is_held_is_given_up_in_its_silence_as_well(origin, nginx):
    front = nginx(nginxconf.site(f"{PASS}\nproxy_read_timeout 1s;"), upstreams={8000: origin.port})
    report = diagnose(front.url, only=[Transport.CHUNKED], quick=True, idle_s=2)
    ids = [one.culprit.id for one in report.culprits]
    assert (report.verdict, "idle-timeout" in ids, "nginx-proxy-buffering" in ids) == (
        Verdict.HELD,
        True,
        True,
    )


def test_the_service_itself_may_be_silent_without_a_heartbeat(origin):
    report = diagnose(origin.url, only=OPEN, quick=True, idle_s=[1.5])
    assert report.verdict is Verdict.FLOWING
    assert {v.idle.cause for v in report.transports if v.idle} == {CutCause.NONE}
