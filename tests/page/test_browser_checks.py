"""What only a browser can see: a real extension that holds, a real service worker that responds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.live import servers
from tests.page.conftest import CHROMIUM, SWITCHES
from tests.page.diagnosis import begin, finished, panel

EXTENSION = Path(__file__).parent / "extension"

# A service worker of another app on the same host that passes on only complete responses.
WORKER = """
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => event.respondWith(
  fetch(event.request).then(async (answer) => new Response(await answer.arrayBuffer(), answer))));
"""
OTHER_APP = """<!doctype html><title>Another app</title><p id="state">waiting</p><script>
navigator.serviceWorker.register("/worker.js").then(() => navigator.serviceWorker.ready).then(() => {
  document.getElementById("state").textContent = "installed";
});</script>"""


@contextmanager
def with_extension(browser: Browser, folder: Path) -> Iterator[Page]:
    """A tab of a browser of its own in which the extension is installed."""
    more = [f"--disable-extensions-except={EXTENSION}", f"--load-extension={EXTENSION}"]
    context = browser.browser_type.launch_persistent_context(
        folder,
        executable_path=CHROMIUM,
        args=[*SWITCHES, *more],
        ignore_default_args=["--disable-extensions"],
    )
    try:
        yield context.new_page()
    finally:
        context.close()


def beside_another_app(folder: Path) -> str:
    """The shipped site, with another app's files on the same host."""
    (folder / "worker.js").write_text(WORKER)
    (folder / "other-app.html").write_text(OTHER_APP)
    location = f"    location ~ ^/(worker.js|other-app.html)$ {{ root {folder}; }}\n    location / {{"
    return servers.GOOD_SITE.read_text().replace("    location / {", location, 1)


@pytest.fixture(scope="module")
def reports(browser, origin, good, tmp_path_factory) -> Iterator[dict[str, Page]]:
    """Two diagnoses, made at once."""
    folder = tmp_path_factory.mktemp("checks")
    upstreams = {8000: origin.port}
    with ExitStack() as stack:
        shared = stack.enter_context(servers.start_nginx(beside_another_app(folder), upstreams=upstreams))
        extended = stack.enter_context(with_extension(browser, tmp_path_factory.mktemp("profile")))
        context = browser.new_context()
        stack.callback(context.close)
        worked = context.new_page()
        worked.goto(f"{shared.url}/other-app.html")
        expect(worked.locator("#state")).to_have_text("installed")
        pages = {
            "extension": begin(extended, good.url),
            "service worker": begin(worked, shared.url),
        }
        yield {name: finished(page) for name, page in pages.items()}


def test_an_extension_that_holds_is_not_taken_for_the_path(reports):
    page = reports["extension"]
    # The extension does not change a worker's fetch(), so the verdict is the path's.
    expect(page.locator(".verdict")).to_have_text("Flowing")
    notes = page.locator("[data-part=browser-checks]")
    expect(notes).to_contain_text("most likely a browser extension, has replaced fetch in this page")
    expect(notes).to_contain_text("a worker of the same browser got every piece on time")
    expect(notes).to_contain_text("EventSource in this page: each piece arrived when it was sent")


def test_a_service_worker_that_responds_to_the_page_is_named(reports):
    page = reports["service worker"]
    expect(page.locator(".verdict")).to_have_text("Held")
    for transport in ("chunked", "events"):
        expect(panel(page, transport).locator(".chip")).to_have_text("held")
    expect(panel(page, "websocket").locator(".chip")).to_have_text("flowing")
    notes = page.locator("[data-part=browser-checks]")
    expect(notes).to_contain_text("/worker.js) responds to the requests of this page")
    expect(notes).to_contain_text("To bypass it, hold Shift while you reload")
