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
    assert {case.name for case in every() if case.kind is not Kind.PART and "origin" in case.options} == set(
        CASES
    )


@pytest.mark.parametrize("name", CASES)
def test_a_row_says_what_its_case_expects(name):
    case = find(name)
    _, _, said, fix = CASES[name]
    assert said == (" ".join(case.culprits) or "flowing")
    assert (fix == "–") == (case.kind is Kind.INNOCENT)


@pytest.mark.parametrize(("program", "file"), [("php", "php.php"), ("node", "node.mjs")])
def test_a_file_has_one_place_for_its_token_and_one_for_its_date(program, file):
    text = (ROOT / "flushcheck" / "origins" / "files" / file).read_text()
    assert (text.count("@@TOKEN@@"), text.count("@@UNTIL@@")) == (1, 1)
    assert f"flushcheck origin write {program}" in PAGE
