"""Counts and lists inside sentences."""

from __future__ import annotations

import pytest

from flushcheck.model.wording import all_of, any_of, count_of

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


@pytest.mark.parametrize(("names", "text"), LISTS)
def test_things_that_belong_together_are_separated_by_commas_and_the_last_by_and(names, text):
    assert all_of(names) == text.replace(" or ", " and ")


COUNTS = [
    # number, noun         in a sentence
    (0, "piece",           "0 pieces"),
    (1, "piece",           "1 piece"),
    (2, "piece",           "2 pieces"),
    (1, "process",         "1 process"),
    (2, "process",         "2 processes"),
]  # fmt: skip


@pytest.mark.parametrize(("number", "noun", "text"), COUNTS)
def test_a_noun_is_plural_unless_there_is_one(number, noun, text):
    assert count_of(number, noun) == text
