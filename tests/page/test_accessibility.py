"""axe-core finds nothing on any page of the service, light or dark, and the keyboard reaches everything in order."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.page.diagnosis import diagnose
from tests.page.own_app import OwnApp
from tests.page.test_diagnose import packed
from tests.page.test_watch import watch

AXE = Path(sys.prefix) / "page-js" / "node_modules" / "axe-core" / "axe.min.js"
RECORDING = Path(__file__).parents[1] / "recordings" / "nginx-bare.json"

needs_axe = pytest.mark.skipif(
    not AXE.exists() and not os.environ.get("CI"),
    reason="axe-core is not installed (`make test` installs it)",
)

FOUND = """async (kinds) => {
  const results = await axe.run(document, { resultTypes: kinds });
  return kinds.flatMap((kind) => results[kind]).map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120))}`);
}"""


@pytest.fixture(params=["light", "dark"])
def checked(request, browser) -> Iterator[Page]:
    """A tab in which axe-core may run: the page's own policy allows no other script."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900},
        bypass_csp=True,
        color_scheme=request.param,
        reduced_motion="reduce",
    )
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def found(page: Page, *kinds: str) -> list[str]:
    """What axe-core finds, and what it cannot decide."""
    page.add_script_tag(content=AXE.read_text())
    found: list[str] = page.evaluate(FOUND, list(kinds or ("violations", "incomplete")))
    return found


ADDRESSES = [
    # name                  path
    ("the start page",      "/"),
    ("a wrong parameter",   "/stream/chunked?interval=999"),
    ("an unknown address",  "/nothing"),
    ("all culprits",        "/culprits"),
    ("one culprit",         "/culprits/nginx-gzip"),
]  # fmt: skip


@needs_axe
@pytest.mark.parametrize(("name", "path"), ADDRESSES, ids=[name for name, _ in ADDRESSES])
def test_nothing_is_found_on(name, path, checked, origin):
    checked.goto(origin.url + path)
    assert found(checked) == []


@needs_axe
def test_nothing_is_wrong_on_the_table_of_what_was_measured(checked, origin):
    # Its cells reach over several rows: there axe-core cannot tell what colour is behind a text.
    checked.goto(f"{origin.url}/culprits/measured")
    assert found(checked, "violations") == []


@needs_axe
def test_nothing_is_found_on_a_report_and_on_what_was_unfolded(checked, bare):
    run = json.loads(RECORDING.read_text())
    checked.goto(f"{bare.url}/#run={packed({**run, 'target': f'{bare.url}/'})}")
    expect(checked.locator(".verdict")).to_be_visible()
    checked.click("#copy-run")
    expect(checked.locator("#long-link")).to_be_visible()
    diagnose(checked, f"{bare.url}/?compared")
    expect(checked.locator("[data-part=comparison]")).to_be_visible()
    checked.click("[data-action=check-example]")
    expect(checked.locator("[data-part=passed]")).to_be_visible()
    for details in checked.locator("details > summary").all():
        if details.is_visible():  # the watch shows one of its own only with a result
            details.click()
    assert found(checked) == []


@needs_axe
def test_nothing_is_found_on_the_report_on_an_own_stream(checked, origin):
    with OwnApp("*") as app:
        watch(checked, origin.url, f"{app.url}/chat")
    assert found(checked) == []


ORDER = """() => {
  const focus = document.activeElement;
  return focus.dataset.action ?? focus.id ?? "";
}"""


def test_the_keyboard_goes_from_the_test_to_the_settings_to_the_cards(page, origin):
    page.goto(origin.url)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(ORDER))
    assert reached[:3] == ["diagnose", "start-all", "open-run"]
    assert reached[3:7] == ["", "start-all", "stop-all", "toggle"]  # the first is the summary of the settings
