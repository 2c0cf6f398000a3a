"""docs/origins.md says of each host what the laboratory's case of it expects."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT
from tests.lab.case import Kind, every, find

PAGE = (ROOT / "docs" / "origins.md").read_text()
ROWS = [tuple(cell.strip() for cell in line.strip("| ").split(" | ")) for line in PAGE.splitlines()]
CASES = {row[1].strip("`"): row for row in ROWS if len(row) == 4 and re.fullmatch(r"`[\w-]+/[\w-]+`", row[1])}


def test_every_case_with_an_origin_has_its_row():
    # Two mounts are another question: docs/origins.md has one example of that.
    single = {case.name for case in every() if "origin" in case.options and "outer" not in case.options}
    assert {name for name in single if find(name).kind is not Kind.PART} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_row_says_what_its_case_expects(name):
    case = find(name)
    _, _, said, fix = CASES[name]
    assert said == (" ".join(case.culprits) or "flowing")
    assert (fix == "–") == (case.kind is Kind.INNOCENT)
