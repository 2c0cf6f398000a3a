"""Lists inside sentences."""

from __future__ import annotations

import pytest

from flushcheck.model.wording import any_of

LISTS = [
    # names               in a sentence
    ([],                  ""),
    (["A"],               "A"),
    (["A", "B"],          "A or B"),
    (["A", "B", "C"],     "A, B or C"),
]  # fmt: skip


@pytest.mark.parametrize(("names", "text"), LISTS)
def test_alternatives_are_separated_by_commas_and_the_last_by_or(names, text):
    assert any_of(names) == text
