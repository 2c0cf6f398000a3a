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
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.live import nginxconf, servers
from tests.live.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  # hooks
from tests.page.elsewhere import Elsewhere

CHROMIUM = shutil.which("chromium")
# No sandbox as root, and no look-ups of its maker's hosts: see Chromium's own list of switches.
SWITCHES = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

PASS = "proxy_pass http://127.0.0.1:8000;"
# What a browser says of a policy that was violated; the rest of its console is about answers such as the 400 of polling.
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
    """The service; an EventSource comes back to it soon, so that nobody waits for the loop."""
    with servers.start_origin(env={"FLUSHCHECK_RETRY_S": "0.3"}) as service:
        yield service


@pytest.fixture(scope="session")
def bare(origin: servers.Service) -> Iterator[servers.Nginx]:
    """The service behind nginx as people write it first."""
    with servers.start_nginx(nginxconf.site(PASS), upstreams={8000: origin.port}) as nginx:
        yield nginx


@pytest.fixture(scope="session")
def good(origin: servers.Service) -> Iterator[servers.Nginx]:
    """The service behind nginx with the shipped file."""
    with servers.start_nginx(servers.GOOD_SITE.read_text(), upstreams={8000: origin.port}) as nginx:
        yield nginx


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Elsewhere]:
    """Another host's pages: what people who use the service write."""
    with Elsewhere() as host:
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
    """A browser that knows nothing yet."""
    fresh = browser.new_context(viewport={"width": 1280, "height": 900})
    fresh.set_default_timeout(20_000)
    yield fresh
    fresh.close()


@pytest.fixture
def new_page(context: BrowserContext) -> Iterator[Callable[[], Page]]:
    """Open tabs; what goes wrong in one of them fails the test."""
    wrong: list[str] = []

    def look(message: ConsoleMessage) -> None:
        if message.type == "error" and any(word in message.text for word in POLICY):
            wrong.append(message.text)

    def opened() -> Page:
        page = context.new_page()
        page.on("console", look)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        return page

    yield opened
    assert wrong == []


@pytest.fixture
def page(new_page: Callable[[], Page]) -> Page:
    """One tab."""
    return new_page()
