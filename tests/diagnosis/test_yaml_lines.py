"""Several pieces of YAML are one: a key that two of them have is written once."""

from __future__ import annotations

import pytest

from flushcheck.diagnosis.yaml_lines import merged_yaml

ROWS = [
    # name                             texts                              lines
    ("none",                           [],                                ()),
    ("one line",                       ["a: 1"],                          ("a: 1",)),
    ("other keys",                     ["a: 1", "b: 2"],                  ("a: 1", "b: 2")),
    ("the first value stays",          ["a: 1", "a: 2"],                  ("a: 1",)),
    ("both keep what is below",        ["a:\n  b: 1", "a:\n  c: 2"],      ("a:", "  b: 1", "  c: 2")),
    ("the same below is once",         ["a:\n  b: 1", "a:\n  b: 1"],      ("a:", "  b: 1")),
    ("a key below another one",        ["a:\n  b: 1", "b: 2"],            ("a:", "  b: 1", "b: 2")),
    ("back to the first level",        ["a:\n  b:\n    c: 1\nd: 2"],      ("a:", "  b:", "    c: 1", "d: 2")),
    ("back by one level",              ["a:\n  b:\n    c: 1\n  d: 2"],    ("a:", "  b:", "    c: 1", "  d: 2")),
    ("another depth of indentation",   ["a:\n    b: 1"],                  ("a:", "  b: 1")),
    ("a value with a colon",           ["a: x:1", "a: x:2"],              ("a: x:1",)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "texts", "lines"), ROWS, ids=[row[0] for row in ROWS])
def test_keys_are_merged_by_their_place(name, texts, lines):
    assert merged_yaml(texts) == lines
