"""deploy/README.md's table names every file that ships, and only tests that exist."""

from __future__ import annotations

import re

import pytest

from tests.deploy.shipped import DEPLOY
from tests.live.servers import ROOT

# The first table; those below are about TLS.
FIRST = (DEPLOY / "README.md").read_text().partition("\n## ")[0]
TABLE = [line for line in FIRST.splitlines() if line.startswith("| ")][2:]
COLUMNS = 5

LINKED = {link for row in TABLE for link in re.findall(r"\]\(([^)#]+)\)", row.split(" | ")[1])}
NAMED = sorted({name for row in TABLE for name in re.findall(r"`(tests/[^`]+)`", row)})

# What explains, and what Python leaves behind.
NO_ROW = ("README.md", ".pyc")


def test_every_file_is_in_the_table():
    files = {path.relative_to(DEPLOY).as_posix() for path in DEPLOY.rglob("*") if path.is_file()}
    for name in sorted(files - LINKED):
        assert name.endswith(NO_ROW), (
            f"add a row to the table of deploy/README.md that links [{name}]({name})"
        )


def test_every_link_leads_to_a_file():
    assert [link for link in sorted(LINKED) if not (DEPLOY / link).is_file()] == []


@pytest.mark.parametrize("name", NAMED)
def test_every_test_that_is_named_exists(name):
    path, _, function = name.partition("::")
    assert (ROOT / path).is_file()
    assert re.search(rf"^def {function or 'test_'}", (ROOT / path).read_text(), re.MULTILINE)


def test_every_row_has_every_cell_and_a_test():
    for row in TABLE:
        cells = [cell.strip() for cell in row.strip("| ").split(" | ")]
        assert len(cells) == COLUMNS, row
        assert all(cells), row
        assert "`tests/" in cells[-1], row
