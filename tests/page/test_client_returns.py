"""client.js through a deploy: the worker that it reads from ends or is killed, and another one responds next.

nginx stands in front of two services, the second for when the first is gone, as in a rolling restart.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from flushcheck.model import Transport
from tests.live import nginxconf, servers

PAGE = (Path(__file__).parent / "articles" / "client.html").read_text()
COUNT = 120  # pieces of 0.05 s: they are cut, and the rest comes from another process

MAP = "map $http_upgrade $connection_upgrade { default upgrade; '' close; }"
UPSTREAM = "upstream app {{ server 127.0.0.1:{first} fail_timeout=60s; server 127.0.0.1:{second} backup; }}"
LOCATION = """proxy_pass http://app;
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;"""


@contextmanager
def rolling(second: servers.Service) -> Iterator[tuple[servers.Nginx, servers.Service]]:
    """nginx, and the service behind it that is about to go."""
    with servers.start_origin() as first:
        upstream = UPSTREAM.format(first=first.port, second=second.port)
        with servers.start_nginx(nginxconf.site(LOCATION, http=f"{upstream}\n{MAP}")) as nginx:
            yield nginx, first


def begin(page: Page, other_host, url: str, order: str) -> Page:
    """Begin to read with one transport, and wait for the first pieces."""
    address = other_host.put("client.html", PAGE.replace("http://localhost:5000", url))
    page.goto(f"{address}?count={COUNT}&interval=0.05#order={order}&patience=5&return=60")
    page.wait_for_function("window.seqs.length >= 5")
    return page


def all_of_it(page: Page, transport: str) -> None:
    """Every piece, each once, in order. Over the same transport: it worked a moment ago, so it is trusted to come back."""
    expect(page.locator("#state")).to_have_text(f"complete {COUNT} {transport}")
    assert page.evaluate("window.seqs") == list(range(COUNT))


ENDINGS = [
    # how the service ends                     the signal
    ("by SIGTERM, with a close",                signal.SIGTERM),
    ("by SIGKILL, without one",                signal.SIGKILL),
]  # fmt: skip


@pytest.mark.parametrize(("how", "sent"), ENDINGS, ids=[name for name, _ in ENDINGS])
def test_no_piece_is_lost_or_repeated_when_another_service_takes_over(
    how, sent, new_page, origin, other_host
):
    with rolling(origin) as (nginx, first):
        pages = {transport: begin(new_page(), other_host, nginx.url, transport) for transport in Transport}
        os.killpg(first.pid, sent)
        first.process.wait(servers.GONE_WITHIN_S)
        for transport, page in pages.items():
            all_of_it(page, transport)
            if transport is not Transport.POLLING:
                assert (
                    "resuming after piece" in page.locator("#log").inner_text()
                )  # or nothing was cut at all


def test_a_service_that_is_away_for_a_while_is_waited_for(page, other_host):
    # nginx says 502 meanwhile: to a page of another host that is a failed fetch, as if there were no response.
    with servers.start_origin() as first:
        text = nginxconf.site(LOCATION.replace("//app", f"//127.0.0.1:{first.port}"), http=MAP)
        with servers.start_nginx(text) as nginx:
            begin(page, other_host, nginx.url, "chunked,polling")
            first.stop()
            expect(page.locator("#log")).to_contain_text("Failed to fetch")
            with servers.start_origin(args=["--bind", f"127.0.0.1:{first.port}"]):
                all_of_it(page, "chunked")
