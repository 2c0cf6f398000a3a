"""Run the test of a page's connection. It mostly waits, so several pages may run it at once."""

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
    """Wait until the page shows a report or a problem.

    On a busy machine the browser may get too little time for a verdict. Then the test is run again, as a person would.
    """
    result = page.locator("#report .verdict, #report .problem")
    for _ in range(TRIES):
        expect(result).to_be_visible(timeout=WITHIN_MS)
        if result.inner_text() != "Could not tell":
            break
        page.click("[data-action=diagnose]")
        expect(result).to_have_count(0)
    return page


def diagnose(page: Page, url: str) -> None:
    """Open the page, run the test and wait for its end."""
    finished(begin(page, url))


def panel(page: Page, transport: str) -> Locator:
    """What the report says of one transport."""
    return page.locator(f"[data-verdict={transport}]")
