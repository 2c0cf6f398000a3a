"""A stream of the visitor's own: what the page says of it, and where what was typed goes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.live import nginxconf, servers
from tests.page.own_app import COUNT, OwnApp

WITHIN_MS = 60_000
APP = 8001  # the visitor's own app, beside the service

# One host with the service and the app behind it, as a visitor would set it up; each location in its own way.
SITE = nginxconf.site(
    "proxy_pass http://127.0.0.1:8000; }\n"
    f"location /held/ {{ proxy_pass http://127.0.0.1:{APP}/; }}\n"
    f"location /flows/ {{ proxy_pass http://127.0.0.1:{APP}/; proxy_buffering off; proxy_http_version 1.1;"
)


@pytest.fixture(scope="module")
def app() -> Iterator[OwnApp]:
    with OwnApp() as own:
        yield own


@pytest.fixture(scope="module")
def site(origin: servers.Service, app: OwnApp) -> Iterator[servers.Nginx]:
    with servers.start_nginx(SITE, upstreams={8000: origin.port, APP: app.port}) as nginx:
        yield nginx


def watch(page: Page, url: str, path: str, **fields: str) -> None:
    """Open the page, fill in the form, press the button and wait for the report."""
    page.goto(url)
    fill(page, path, **fields)
    page.click("[data-action=watch]")
    expect(page.locator("#watch-report .verdict, #watch-status[data-tone=bad]")).to_be_visible(
        timeout=WITHIN_MS
    )


def fill(
    page: Page, path: str, *, method: str = "GET", headers: str = "", body: str = "", limit: str = "60"
) -> None:
    page.fill("#watch-url", path)
    page.locator("#watch-form summary").click()
    page.select_option("#watch-method", method)
    page.fill("#watch-headers", headers)
    page.fill("#watch-body", body)
    page.fill("#watch-limit", limit)


def verdict(page: Page) -> str:
    return page.locator("#watch-report .verdict").inner_text()


def headline(page: Page) -> str:
    return page.locator("#watch-report .headline").inner_text()


def number(page: Page, name: str) -> str:
    return page.locator(f"[data-part=stream] [data-number='{name}']").inner_text()


def test_a_stream_that_flows(page, site):
    watch(page, site.url, "/flows/chat")
    assert (verdict(page), headline(page)) == ("Flowing", "flowing: the events arrive one by one")
    assert number(page, "tokens") == str(COUNT)
    assert number(page, "records per delivery") == "1.0"
    stream = page.locator("[data-part=stream]")
    expect(stream).to_contain_text("OpenAI chat completions, ended with its end marker after")
    expect(stream).to_contain_text(f"{COUNT} tokens, first token after")
    assert page.locator("#watch-text").inner_text().count('"content": "word') == COUNT
