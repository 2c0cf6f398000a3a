"""The README's pictures, taken anew: `python -m tests.page.screenshots` writes docs/*.png.

Real Chromium, real gunicorn, and nginx with its defaults between them, so that a stream is held.
"""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, FloatRect, Page, expect, sync_playwright

from tests.live import nginxconf, servers
from tests.page.conftest import CHROMIUM, PASS, SWITCHES

DOCS = servers.ROOT / "docs"
WIDTH = 1100
WIDE = 1280  # from here on all four streams stand side by side
WITHIN_MS = 40_000
TRIES = 10


def take(browser: Browser, url: str, folder: Path) -> None:
    """Take all pictures."""
    streams(browser.new_page(viewport={"width": WIDE, "height": 800}), url, folder / "page-streams.png")
    dark = browser.new_context(viewport={"width": WIDTH, "height": 800}, color_scheme="dark")
    report(dark.new_page(), url, folder / "page-report.png")
    check(browser.new_page(viewport={"width": WIDTH, "height": 800}), url, folder / "page-check.png")


def streams(page: Page, url: str, file: Path) -> None:
    """The four streams, side by side, behind a proxy that holds two and refuses one."""
    page.goto(f"{url}/#count=30&interval=0.1")
    deliveries = page.locator("[data-part=deliveries]")
    for _ in range(TRIES):
        page.click("#controls [data-action=start-all]")
        expect(page.locator("#card-events .status")).to_have_text(re.compile("Held"))
        expect(page.locator("#card-events [data-part=protocol]")).to_have_text("HTTP/1.1")
        if deliveries.all_inner_texts()[:3] == ["30", "1", "1"]:
            break  # a busy machine makes single pieces late, and the picture is of the path
    page.evaluate(
        "document.querySelectorAll('#streams > :not(.cards)').forEach((part) => (part.hidden = true))"
    )
    cut(page, ".cards", file)


def report(page: Page, url: str, file: Path) -> None:
    """What the diagnosis says of it."""
    page.goto(url)
    page.click("[data-action=diagnose]")
    page.emulate_media(reduced_motion="reduce")
    expect(page.locator("#report .verdict")).to_be_visible(timeout=WITHIN_MS)
    cut(page, "#report", file, most=1200)


def check(page: Page, url: str, file: Path) -> None:
    """What a configuration shows."""
    page.goto(url)
    page.click("[data-action=check-example]")
    expect(page.locator("[data-part=passed]")).to_be_visible()
    cut(page, "#check", file, most=1000)


def cut(page: Page, selector: str, file: Path, *, most: float = 4000) -> None:
    """A picture of one element with some room around it, with a bounded height."""
    page.evaluate("scrollTo(0, 0)")
    box = page.locator(selector).bounding_box()
    assert box
    height = min(box["height"] + 32, most)
    clip: FloatRect = {"x": box["x"] - 16, "y": box["y"] - 16, "width": box["width"] + 32, "height": height}
    page.screenshot(path=file, full_page=True, clip=clip)


def main() -> None:
    """Start everything, take the pictures, say where they are."""
    DOCS.mkdir(exist_ok=True)
    with (
        servers.start_origin() as origin,
        servers.start_nginx(nginxconf.site(PASS), upstreams={8000: origin.port}) as nginx,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        take(browser, nginx.url, DOCS)
        browser.close()
    for file in sorted(DOCS.glob("page-*.png")):
        print(f"{file.relative_to(servers.ROOT)}: {file.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
