"""What a visitor sees before and after the first click: the host, four streams at once, the verdict in the tab."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from flushcheck.model import Transport
from tests.page.diagnosis import begin, finished


def test_the_page_says_what_it_measures_and_how_long_it_takes(page, origin):
    page.goto(origin.url)
    opening = page.locator(".opening")
    expect(opening).to_contain_text(f"tests the connection from your browser to 127.0.0.1:{origin.port}")
    expect(opening).to_contain_text("It takes about 10 seconds")
    expect(opening).to_contain_text("test streams of this service")
    expect(page.locator("#c-count")).to_be_hidden()
    expect(page.locator(".settings > summary")).to_have_text("Settings 50 pieces, one word every 0.1 s")


SCREENS = [
    # name          width  height  columns
    ("a phone",     390,   844,    1),
    ("a laptop",    1280,  800,    4),
    ("a monitor",   1920,  1080,   4),
]  # fmt: skip


@pytest.mark.parametrize(("name", "width", "height", "columns"), SCREENS, ids=[row[0] for row in SCREENS])
def test_four_streams_are_seen_at_once(name, width, height, columns, browser, bare):
    context = browser.new_context(
        viewport={"width": width, "height": height}, reduced_motion="reduce", has_touch=columns == 1
    )
    page = context.new_page()
    page.goto(f"{bare.url}/#count=10&interval=0.05")
    page.click(".hero [data-action=start-all]")
    for transport in ("polling", "chunked", "events"):
        expect(page.locator(f"#card-{transport} .status")).to_have_text(re.compile("10 pieces arrived"))
    located = [page.locator(f"#card-{transport} svg").bounding_box() for transport in Transport]
    boxes = [box for box in located if box]
    assert len(boxes) == len(Transport)
    assert all(box["y"] >= 0 and box["y"] + box["height"] <= height for box in boxes)
    assert len({box["x"] for box in boxes}) == columns
    assert len({box["y"] for box in boxes}) == 4 // columns
    assert page.evaluate("document.documentElement.scrollWidth") == width
    context.close()


def test_the_tab_says_the_verdict_and_the_report_when_and_with_which_marker(page, bare):
    begin(page, bare.url)
    expect(page).to_have_title(re.compile("^Testing · 127.0.0.1"))
    expect(page).to_have_title(re.compile("^Held so far"))
    finished(page)
    expect(page).to_have_title(re.compile("^Held · 127.0.0.1"))
    provenance = page.locator("[data-part=provenance]")
    expect(provenance).to_contain_text(
        re.compile(
            r"Measured: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, in [\d.]+ s, from a browser on Linux, by flushcheck"
        )
    )
    marker = re.search(r"nonce=(\w{8})… in the query, and the header X-Request-ID", provenance.inner_text())
    assert marker
    lines = [line for line in (bare.prefix / "access.log").read_text().splitlines() if marker[1] in line]
    assert any("/stream/events?" in line for line in lines)
    assert any("/stream/ws?" in line for line in lines)
