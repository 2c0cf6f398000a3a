"""TOML as statements: the tree and the lines of small texts, and what cannot be read."""

import pytest

from flushcheck.configs.tree import MAX_DIRECTIVES, ReadProblem
from flushcheck.files.toml_tree import parse_toml
from tests.configs.shape import shape

READ = [
    # name, text, and what stands in the document
    ("a key",              "a = 1",                           [("a", "1", 1)]),
    ("texts",              "a = 'x'\nb = \"y\\n\"\n",         [("a", "x", 1), ("b", "y\n", 2)]),
    ("yes and no",         "a = true\nb = false",             [("a", "true", 1), ("b", "false", 2)]),
    ("comments",           "# x\na = 1 # y\n\nb = '#'",       [("a", "1", 2), ("b", "#", 4)]),
    ("a table",            "[a]\nb = 1",                      [("a", 1, [("b", "1", 2)])]),
    ("a deep table",       "[a.b]\nc = 1\n[a.d]\ne = 2",      [("a", 1, [("b", 1, [("c", "1", 2)]), ("d", 3, [("e", "2", 4)])])]),
    ("an empty table",     "[a.b]\n",                         [("a", 1, [("b", 1, [])])]),
    ("a quoted name",      "[a.'b.c']\n'd e' = 1",            [("a", 1, [("b.c", 1, [("d e", "1", 2)])])]),
    ("tables in an array", "[[a]]\nb = 1\n[[a]]\nb = 2",      [("a", 1, [("-", 1, [("b", "1", 2)]), ("-", 3, [("b", "2", 4)])])]),
    ("below an array",     "[[a]]\n[a.b]\nc = 1",             [("a", 1, [("-", 1, [("b", 2, [("c", "1", 3)])])])]),
    ("dots in a key",      "a.b = 1\na.c = 2",                [("a", 1, [("b", "1", 1), ("c", "2", 2)])]),
    ("a list",             "a = ['x', 2]",                    [("a", 1, [("-", "x", 1), ("-", "2", 1)])]),
    ("an empty list",      "a = []",                          [("a", 1, [])]),
    ("an inline table",    "a = {b = {c = 1}, d = []}",       [("a", 1, [("b", 1, [("c", "1", 1)]), ("d", 1, [])])]),
    ("a list of tables",   "a = [{b = 1}]",                   [("a", 1, [("-", 1, [("b", "1", 1)])])]),
    ("lines of a list",    "a = [ # x\n 'b',\n]\nc = 1",      [("a", 1, [("-", "b", 1)]), ("c", "1", 4)]),
    ("lines of a text",    'a = """x\n[b]\n"""\nc = 1',       [("a", "x\n[b]\n", 1), ("c", "1", 4)]),
    ("lines of a literal", "a = '''x\n\"'''\nc = 1",          [("a", 'x\n"', 1), ("c", "1", 3)]),
    ("Windows",            "[a]\r\nb = 1\r\n",                [("a", 1, [("b", "1", 2)])]),
    ("a template",         "a = '{{ x }}'\n{{ y }}\nb = 1",   [("a", "⟨x⟩", 1), ("b", "1", 3)]),
    ("nothing",            "",                                []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), READ, ids=[row[0] for row in READ])
def test_a_text_is_read(name, text, expected):
    parsed = parse_toml(text, "f")
    assert shape(parsed.directives) == [("document", 1, expected)]
    assert parsed.problems == ()


def test_a_statement_ends_where_its_value_does():
    (document,) = parse_toml("a = [\n 1,\n]\nb = 2\n", "f").directives
    assert [(line.line, line.end_line) for line in document.block or ()] == [(1, 3), (4, 4)]


NOT_READ = "not understood as TOML: this line was not read"
TOO_LONG = "a key is too long, or a value too deep, to be read"
PROBLEMS = [
    # name, text, the problems, and how many statements are left
    ("no value",           "a = 1\nb =\nc = 2",                 [(2, NOT_READ)], 2),
    ("no statement",       "a\n",                               [(1, NOT_READ)], 0),
    ("not closed",         "a = [1\nb = 2",                     [(1, NOT_READ)], 0),
    ("a quote",            "a = 'x\nb = 1",                     [(1, NOT_READ)], 1),
    ("a header",           "[a\nb = 1",                         [(1, NOT_READ)], 0),
    ("below a header",     "[b]\nc = 1\n[a b]\nd = 1\n[e]\n", [(3, NOT_READ)], 2),
    ("a long key",         f"{'a' * 399}=1\n{'b' * 401}=1",     [(2, TOO_LONG)], 1),
    ("a deep value",       f"a = {'[' * 30}{']' * 30}\nb = {'[' * 31}{']' * 31}", [(2, TOO_LONG)], 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "problems", "left"), PROBLEMS, ids=[row[0] for row in PROBLEMS])
def test_what_cannot_be_read_is_a_problem(name, text, problems, left):
    parsed = parse_toml(text, "f")
    assert list(parsed.problems) == [ReadProblem("f", *problem) for problem in problems]
    assert len(parsed.directives[0].block or ()) == left


@pytest.mark.parametrize(("count", "problems"), [(MAX_DIRECTIVES, 0), (MAX_DIRECTIVES + 1, 1)])
def test_the_statements_of_a_file_are_bounded(count, problems):
    parsed = parse_toml("a = [" + "1," * (count - 1) + "]", "f")
    assert len(parsed.problems) == problems


def test_a_long_name_is_cut():
    (document,) = parse_toml(f"{'a' * 300} = 1", "f").directives
    assert [len(line.name) for line in document.block or ()] == [200]
