"""The whole way on real parts: gunicorn, nginx, a FastCGI server, and what flushcheck says of them.

Each case is a site as people write it. The verdict must name flow, size and culprit; the change that the
Report prints, put into that very file, must make the path flow.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from flushcheck import diagnose
from flushcheck.model import Flow, Report, Transport, TransportReport, Variant, Verdict
from tests.live import nginxconf
from tests.live.servers import (
    GOOD_FASTCGI_SITE,
    GOOD_SITE,
    Nginx,
    Service,
    busy_cores,
    start_fastcgi,
    start_nginx,
)

pytestmark = pytest.mark.live

PASS = "proxy_pass http://127.0.0.1:8000;"
WEBSOCKET = """
proxy_http_version 1.1;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection "upgrade";
"""
STREAMED = (Transport.CHUNKED, Transport.EVENTS)


@dataclass(frozen=True)
class Site:
    """One nginx in front of the service, and the truth about it."""

    name: str
    text: str
    culprits: tuple[str, ...] = ()
    flow: Flow = Flow.FLOWING  # of the streamed Transports
    hold_bytes: int | None = None
    freed_by: tuple[Variant, ...] = ()


SITES = [
    Site("the shipped file", GOOD_SITE.read_text()),
    Site(
        "as nginx comes",
        nginxconf.site(PASS),
        ("nginx-proxy-buffering", "websocket-upgrade"),
        Flow.HELD,
        4096,
        (Variant.XAB,),
    ),
    Site(
        "larger buffers",
        nginxconf.site(
            f"{PASS}\nproxy_buffers 8 64k;\nproxy_buffer_size 64k;\nproxy_busy_buffers_size 128k;"
        ),
        ("nginx-proxy-buffering", "websocket-upgrade"),
        Flow.HELD,
        65_536,
        (Variant.XAB,),
    ),
    Site(
        "the header is ignored",
        nginxconf.site(f"{PASS}\nproxy_ignore_headers X-Accel-Buffering;"),
        ("websocket-upgrade", "nginx-hint-taken", "nginx-ignore-headers"),
        Flow.HELD,
        4096,
    ),
    Site("buffering on, upstream over HTTP/1.1", nginxconf.site(f"{PASS}{WEBSOCKET}proxy_buffering on;")),
    Site(
        "the same with gzip",
        nginxconf.site(f"{PASS}{WEBSOCKET}gzip_types text/plain text/event-stream;"),
        ("nginx-gzip",),
        Flow.HELD,
        freed_by=(Variant.XAB,),
    ),
    Site(
        "no Upgrade",
        nginxconf.site(f'{PASS}\nproxy_http_version 1.1;\nproxy_set_header Connection "";'),
        ("websocket-upgrade",),
    ),
]


# How often a path is diagnosed until all is decided.
LOOKS = 3

# The share of verdicts on busy cores that may stay undecided.
MAX_OPEN = 0.1


@contextmanager
def running(site: Site, origin: Service) -> Iterator[Nginx]:
    with start_nginx(site.text, upstreams={8000: origin.port}) as nginx:
        yield nginx


def by_transport(report: Report) -> dict[Transport, TransportReport]:
    return {verdict.transport: verdict for verdict in report.transports}


def culprit_ids(report: Report) -> tuple[str, ...]:
    return tuple(culprit_report.culprit.id for culprit_report in report.culprits)


def assert_true(report: Report, site: Site, *, busy: bool = False) -> None:
    """The Report says of this site what is known of it, no more and no less."""
    assert culprit_ids(report) == site.culprits
    verdicts = by_transport(report)
    assert verdicts[Transport.POLLING].flow is Flow.FLOWING
    for transport in STREAMED:
        verdict = verdicts[transport]
        assert verdict.flow is site.flow
        assert verdict.complete
        assert set(verdict.freed_by) >= set(site.freed_by)
        if site.flow is Flow.HELD:
            assert verdict.hold_s > 1.5
        else:
            assert verdict.culprits == ()
    if site.hold_bytes:
        # A stalled reader finds blocks merged: then it may see no size, but never another one.
        sizes = {site.hold_bytes, None} if busy else {site.hold_bytes}
        assert verdicts[Transport.CHUNKED].hold_bytes in sizes
    closed = "websocket-upgrade" in site.culprits
    assert verdicts[Transport.WEBSOCKET].flow is (Flow.FAILED if closed else Flow.FLOWING)


def decided(url: str, site: Site) -> Report:
    """Diagnose until all is decided: a busy machine may leave a flow or a size open, and not each time."""
    for _ in range(LOOKS - 1):
        report = diagnose(url)
        verdicts = by_transport(report)
        is_open = Flow.UNKNOWN in {verdict.flow for verdict in report.transports}
        if not is_open and (not site.hold_bytes or verdicts[Transport.CHUNKED].hold_bytes):
            return report
    return diagnose(url)


def assert_flowing(report: Report, *transports: Transport) -> None:
    verdicts = by_transport(report)
    assert {t: verdicts[t].flow for t in transports} == dict.fromkeys(transports, Flow.FLOWING)


@pytest.mark.parametrize("site", SITES, ids=[site.name for site in SITES])
def test_the_verdict_is_true_and_the_printed_fix_frees_that_very_file(site, origin):
    with running(site, origin) as nginx:
        report = decided(nginx.url, site)
        assert_true(report, site)
        if not site.culprits:
            assert report.verdict is Verdict.FLOWING
            return
        for culprit_report in report.culprits:
            fix = culprit_report.culprit.fixes[0]
            assert "nginx" in fix.where
            nginx.apply_fix(fix.change)
        after = diagnose(nginx.url)
        assert culprit_ids(after) == ()
        assert_flowing(after, *Transport)
        assert after.verdict is Verdict.FLOWING


@pytest.mark.parametrize("number", [1, 2])
def test_every_other_fix_for_nginx_frees_it_as_well(number, origin):
    site = SITES[1]
    with running(site, origin) as nginx:
        fix = diagnose(nginx.url, only=[Transport.CHUNKED]).culprits[0].culprit.fixes[number]
        if fix.where.startswith("nginx"):
            nginx.apply_fix(fix.change)
            assert_flowing(diagnose(nginx.url, only=[Transport.CHUNKED]), Transport.CHUNKED)
        else:
            assert fix.change == "X-Accel-Buffering: no"  # what the experiment has shown already


def test_one_line_fewer_in_the_shipped_file_brings_its_culprit(origin):
    for directive, culprit in (
        ("proxy_set_header Upgrade", "websocket-upgrade"),
        ("proxy_set_header Connection", "websocket-upgrade"),
        ("proxy_http_version", "websocket-upgrade"),
    ):
        text = nginxconf.without(GOOD_SITE.read_text(), directive)
        with start_nginx(text, upstreams={8000: origin.port}) as nginx:
            assert culprit in culprit_ids(diagnose(nginx.url))


def test_of_two_in_a_row_the_outer_one_never_hears_the_hint(origin):
    with ExitStack() as stack:
        inner = stack.enter_context(start_nginx(nginxconf.site(PASS), upstreams={8000: origin.port}))
        outer = stack.enter_context(start_nginx(nginxconf.site(PASS), upstreams={8000: inner.port}))
        report = diagnose(outer.url)
        assert set(culprit_ids(report)) == {"nginx-hint-taken", "nginx-ignore-headers", "websocket-upgrade"}
        by_id = {a.culprit.id: a.culprit for a in report.culprits}
        # Freed outside, the inner one still holds: now the header reaches it, and it can be named.
        outer.apply_fix(by_id["nginx-hint-taken"].fixes[0].change)
        report = diagnose(outer.url, only=STREAMED)
        assert culprit_ids(report) == ("nginx-proxy-buffering",)
        inner.apply_fix(report.culprits[0].culprit.fixes[0].change)
        assert_flowing(diagnose(outer.url, only=STREAMED), *STREAMED)


def test_fastcgi_is_named_and_freed_by_its_own_line():
    guilty = nginxconf.without(GOOD_FASTCGI_SITE.read_text(), "fastcgi_buffering")
    with start_fastcgi() as app, start_nginx(guilty, upstreams={9000: app.port}) as nginx:
        report = diagnose(nginx.url)
        assert culprit_ids(report) == ("nginx-fastcgi-buffering", "gateway-websocket")
        verdict = by_transport(report)[Transport.CHUNKED]
        assert verdict.flow is Flow.HELD
        assert verdict.hold_bytes is not None
        # 4096 less 8 for each FastCGI record in the block: about four at a kilobyte a Piece.
        assert 4000 <= verdict.hold_bytes < 4096
        nginx.apply_fix(report.culprits[0].culprit.fixes[0].change)
        after = diagnose(nginx.url)
        assert culprit_ids(after) == ("gateway-websocket",)
        assert_flowing(after, Transport.POLLING, *STREAMED)


def test_the_shipped_fastcgi_file_flows():
    text = GOOD_FASTCGI_SITE.read_text()
    with start_fastcgi() as app, start_nginx(text, upstreams={9000: app.port}) as nginx:
        report = diagnose(nginx.url, only=[Transport.POLLING, *STREAMED])
        assert (report.verdict, culprit_ids(report)) == (Verdict.FLOWING, ())


def test_the_verdicts_hold_ten_times_in_a_row_on_busy_cores(origin):
    with ExitStack() as stack:
        paths = [(site, stack.enter_context(running(site, origin))) for site in SITES]
        stack.enter_context(busy_cores())
        pool = stack.enter_context(ThreadPoolExecutor(len(paths)))
        open_ones = []
        for _ in range(10):
            reports = pool.map(lambda path: diagnose(path[1].url, timeout_s=60), paths)
            for (site, _), report in zip(paths, reports, strict=True):
                if Flow.UNKNOWN in {verdict.flow for verdict in report.transports}:
                    open_ones.append(site.name)
                    assert set(culprit_ids(report)) <= set(site.culprits)
                else:
                    assert_true(report, site, busy=True)
        # "Could not tell" is allowed where the client is not scheduled; a wrong verdict never is.
        assert len(open_ones) <= MAX_OPEN * 10 * len(paths), open_ones


def test_quick_says_the_same(origin):
    with running(SITES[1], origin) as nginx:
        report = diagnose(nginx.url, quick=True)
        assert report.verdict is Verdict.HELD
        assert "nginx-proxy-buffering" in culprit_ids(report)
    assert diagnose(origin.url, quick=True).verdict is Verdict.FLOWING
