"""Pages as the field's articles publish them, with nothing changed but the host; and what a browser does to text/plain."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from flushcheck.streaming.texts import ENGLISH

ARTICLES = Path(__file__).parent / "articles"
ENDS = {
    "polling": "ended",
    "fetch": "ended",
    "events": "ended",
    "websocket": "ended 1000",
    "root": "ended",
    "xhr": "ended",
}
WITHIN_MS = 60_000  # the text once takes 7.5 s


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def test_each_shows_the_whole_text_and_comes_to_its_end(new_page: Callable[[], Page], good, other_host):
    pages = {}
    for name in ENDS:
        text = (ARTICLES / f"{name}.html").read_text().replace("localhost:5000", f"127.0.0.1:{good.port}")
        pages[name] = new_page()
        pages[name].goto(other_host.put(f"{name}.html", text))
    for name, end in ENDS.items():
        expect(pages[name].locator("#state")).to_have_text(end, timeout=WITHIN_MS)
        assert words(pages[name].locator("#out").inner_text()) == words(ENGLISH), name
    # Its events come at most every 50 ms, and it was not held: it grew in many steps.
    assert pages["xhr"].evaluate("window.steps") > 30


def test_a_websocket_page_may_stop_it(page, good, other_host):
    text = (ARTICLES / "websocket.html").read_text().replace("localhost:5000", f"127.0.0.1:{good.port}")
    page.goto(other_host.put("websocket.html", text))
    expect(page.locator("#out")).to_contain_text("Water in")
    page.click("button")
    expect(page.locator("#state")).to_have_text("ended 1000")
    assert words(page.locator("#out").inner_text()) != words(ENGLISH)


FIRST = """(url) => new Promise((resolve) => {
  const xhr = new XMLHttpRequest();
  xhr.open("GET", url);
  xhr.onprogress = () => { if (xhr.responseText) { resolve(xhr.responseText.length); xhr.abort(); } };
  xhr.onload = () => resolve(-1);
  xhr.send();
})"""

# The README says what is measured here.
SNIFFED = [
    # what is asked for                                                least and most characters of the first progress
    ("text/plain, nosniff off",      "nosniff=0",                           (1024, 1024 + 128)),
    ("text/plain, nosniff on",       "nosniff=1",                           (1, 128)),
    ("the same, 1,024 bytes ahead",  "nosniff=0&pad=1024",                  (1024, 1024 + 128)),
    ("application/json",             "nosniff=0&type=application/json",     (1, 128)),
    ("text/event-stream",            "nosniff=0&type=text/event-stream",    (1, 128)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "query", "bounds"), SNIFFED, ids=[name for name, _, _ in SNIFFED])
def test_chromium_holds_an_xhr_of_text_plain_until_1024_bytes_without_nosniff(
    name, query, bounds, page, origin
):
    page.goto(origin.url)
    # 64 characters every 0.1 s: twice the 50 ms between two progress events, so that no two pieces come in one event.
    first = page.evaluate(FIRST, f"/stream/chunked?count=40&size=64&interval=0.1&{query}")
    assert bounds[0] <= first <= bounds[1]
