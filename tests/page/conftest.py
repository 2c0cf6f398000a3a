"""Real browsers in front of real servers.

    def test_a_thing(page, good):
        page.goto(good.url)

`page` is a tab of Debian's Chromium. A script error, a refused resource or a policy violation in it fails the test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.live import nginxconf, servers
from tests.live.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  # hooks
from tests.page.other_host import OtherHost

CHROMIUM = shutil.which("chromium")
# No sandbox as root, and no requests to the vendor's hosts. Source: Chromium's list of command line switches.
SWITCHES = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

# Playwright's own 5 s are too short for a busy machine. What does not come at all fails as well after this.
WITHIN_MS = 60_000
expect.set_options(timeout=WITHIN_MS)

PASS = "proxy_pass http://127.0.0.1:8000;"
# How a browser reports a violated policy. The rest of its console is about responses such as the 400 of polling.
POLICY = ("Content Security Policy", "Refused to", "TrustedScript", "TrustedHTML")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip where there is no browser or no nginx, but never in CI."""
    reason = servers.why_not_live() or (
        None if CHROMIUM else "chromium is not installed (`make test` installs it)"
    )
    for item in items:
        if item.path.parent.name == "page":
            item.add_marker(pytest.mark.live)
            if reason and not os.environ.get("CI"):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def origin() -> Iterator[servers.Service]:
    """The service; an EventSource reconnects to it soon, so that the loop takes little time."""
    with servers.start_origin(env={"FLUSHCHECK_RETRY_S": "0.3"}) as service:
        yield service


@pytest.fixture(scope="session")
def bare(origin: servers.Service) -> Iterator[servers.Nginx]:
    """The service behind nginx with its defaults: proxy_pass and nothing else."""
    with servers.start_nginx(nginxconf.site(PASS), upstreams={8000: origin.port}) as nginx:
        yield nginx


@pytest.fixture(scope="session")
def good(origin: servers.Service) -> Iterator[servers.Nginx]:
    """The service behind nginx with the shipped file."""
    with servers.start_nginx(servers.GOOD_SITE.read_text(), upstreams={8000: origin.port}) as nginx:
        yield nginx


@pytest.fixture(scope="session")
def other_host() -> Iterator[OtherHost]:
    """Another host with pages: users of the service write such pages."""
    with OtherHost() as host:
        yield host


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser without any data."""
    fresh = browser.new_context(viewport={"width": 1280, "height": 900})
    fresh.set_default_timeout(WITHIN_MS)
    yield fresh
    fresh.close()


@pytest.fixture
def new_page(context: BrowserContext) -> Iterator[Callable[[], Page]]:
    """Open tabs; an error in one of them fails the test."""
    errors: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and any(word in message.text for word in POLICY):
            errors.append(message.text)

    def open_tab() -> Page:
        page = context.new_page()
        page.on("console", on_console)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_tab
    assert errors == []


@pytest.fixture
def page(new_page: Callable[[], Page]) -> Page:
    """One tab."""
    return new_page()
