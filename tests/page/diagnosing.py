"""Have a page diagnose its path. A diagnosis is mostly waiting, so several pages may be at it at once."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

WITHIN_MS = 90_000  # on a quiet machine it takes 10 s
TRIES = 3


def begin(page: Page, url: str) -> Page:
    """Open the page and press the button."""
    page.goto(url)
    page.click("[data-action=diagnose]")
    return page


def finished(page: Page) -> Page:
    """Wait until there is a report, or a word on why there is none.

    A browser that gets no turn on a busy machine says that it could not tell: then it is asked again, as a person would.
    """
    told = page.locator("#report .verdict, #report .problem")
    for _ in range(TRIES):
        expect(told).to_be_visible(timeout=WITHIN_MS)
        if told.inner_text() != "Could not tell":
            break
        page.click("[data-action=diagnose]")
        expect(told).to_have_count(0)
    return page


def diagnose(page: Page, url: str) -> None:
    """Both."""
    finished(begin(page, url))


def panel(page: Page, transport: str) -> Locator:
    """What the report says of one transport."""
    return page.locator(f"[data-verdict={transport}]")
