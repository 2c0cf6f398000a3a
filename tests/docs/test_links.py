"""Every relative link of every Markdown file leads to a file, and to a heading of it. Independent of the site's tool."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.docs.test_site import PAGES

LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
CODE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ +(.+)$", CODE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page: Path):
    dead = []
    for target, anchor in LINK.findall(CODE.sub("", (ROOT / page).read_text())):
        file = (ROOT / page).parent / target if target else ROOT / page
        if not file.exists():
            dead.append(target)
        elif anchor and anchor not in anchors(file):
            dead.append(f"{target}#{anchor}")
    assert dead == [], f"{page}: these links lead nowhere"


HEADINGS = [
    # heading                          anchor
    ("## On the internet",             "on-the-internet"),
    ("### `--json` and `--sarif`",     "--json-and---sarif"),
    ("## The app, or the path?",       "the-app-or-the-path"),
]  # fmt: skip


@pytest.mark.parametrize(("heading", "anchor"), HEADINGS)
def test_an_anchor_is_made_as_code_hosts_make_it(heading: str, anchor: str, tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text(f"{heading}\n\n```sh\n# no heading\n```\n")
    assert anchors(page) == {anchor}
