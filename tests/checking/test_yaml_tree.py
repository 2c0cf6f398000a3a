"""YAML as statements: any text gives a tree with the lines of the file, or a problem with its line."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flushcheck.configs.tree import MAX_DEPTH
from flushcheck.configs.yaml_nodes import (
    text_at,
    walk,
)
from flushcheck.files import yaml_events
from flushcheck.files.yaml_events import MAX_STATEMENTS, MAX_WITHOUT_LIBYAML
from flushcheck.files.yaml_tree import MAX_NAME, parse_yaml

TOO_LARGE = (0, "not read: larger than 100 kB, and PyYAML was installed without libyaml", True)


def shape(directives):
    """Name, args, first and last line of each statement, with those inside of it."""
    return [
        (line.name, line.args, line.line, line.end_line)
        if line.block is None
        else (line.name, line.line, shape(line.block))
        for line in directives
    ]


def tree(text):
    parsed = parse_yaml(text, "a.yaml")
    assert parsed.problems == ()
    return parsed.directives


TREES = [
    ("a mapping", "a: b\nc: d\n", [("a", ("b",), 1, 1), ("c", ("d",), 2, 2)]),
    ("no value", "a:\nb: ~\nc: ''\n", [("a", (), 1, 1), ("b", ("~",), 2, 2), ("c", ("",), 3, 3)]),
    ("nested", "a:\n  b:\n    c: d\n", [("a", 1, [("b", 2, [("c", ("d",), 3, 3)])])]),
    ("in one line", "a: {b: c, d: [e, f]}\n", [("a", 1, [("b", ("c",), 1, 1), ("d", 1, [("-", ("e",), 1, 1), ("-", ("f",), 1, 1)])])]),
    ("a sequence", "a:\n- b\n-\n- c: d\n  e: f\n", [("a", 1, [("-", ("b",), 2, 2), ("-", (), 3, 3), ("-", 4, [("c", ("d",), 4, 4), ("e", ("f",), 5, 5)])])]),
    ("an empty block", "a: {}\nb: []\n", [("a", 1, []), ("b", 2, [])]),
    ("a literal block", "a: |\n  b\n\n  c\n\n\nd: e\n", [("a", ("\nb\n\nc\n",), 1, 4), ("d", ("e",), 7, 7)]),
    ("a folded block", "a: >-\n  b\n  c\nd: e\n", [("a", ("\nb c",), 1, 3), ("d", ("e",), 4, 4)]),
    ("a block at the end", "a: |\n  b", [("a", ("\nb",), 1, 2)]),
    ("an empty block scalar", "a: |\nb: c\n", [("a", ("\n",), 1, 1), ("b", ("c",), 2, 2)]),
    ("a text over two lines", "a: 'b\n  c'\nd: e\n", [("a", ("b c",), 1, 2), ("d", ("e",), 3, 3)]),
    ("a value below its key", "a:\n  b\n", [("a", ("b",), 1, 2)]),
    ("an alias", "a: &x b\nc: *x\n", [("a", ("b",), 1, 1), ("c", ("*x",), 2, 2)]),
    ("an alias in a sequence", "a: &x b\nc: [*x]\n", [("a", ("b",), 1, 1), ("c", 2, [("-", ("*x",), 2, 2)])]),
    ("a merge", "a: &x {b: c}\nd:\n  <<: *x\n", [("a", 1, [("b", ("c",), 1, 1)]), ("d", 2, [("<<", ("*x",), 3, 3)])]),
    ("an alias as a key", "a: &x b\n? *x\n: c\n", [("a", ("b",), 1, 1), ("*x", ("c",), 2, 3)]),
    ("a key that is a mapping", "? {a: b}\n: c\n", [("?", ("c",), 1, 2)]),
    ("a key in a key", "? {? [a] : {b: c}}\n: d\n", [("?", ("d",), 1, 2)]),
    ("two equal keys", "a: b\na: c\n", [("a", ("b",), 1, 1), ("a", ("c",), 2, 2)]),
    ("tags", "a: !!python/object:os.system b\nc: !x {d: e}\n", [("a", ("b",), 1, 1), ("c", 2, [("d", ("e",), 2, 2)])]),
    ("a mark as a value", "a: {{ .b }}\n", [("a", ("⟨.b⟩",), 1, 1)]),
    ("a mark on a line", "a:\n  b: c\n  {{ .d }}\ne: f\n{{ .g }}\n", [("a", 1, [("b", ("c",), 2, 2), ("include", ("⟨.d⟩",), 3, 3)]), ("e", ("f",), 4, 4), ("include", ("⟨.g⟩",), 5, 5)]),
    ("marks that steer", "{{- if .a }}\nb: c\n{{- end }}\n", [("b", ("c",), 2, 2)]),
    ("CRLF", "a: |\r\n  b\r\nc: d\r\n", [("a", ("\nb\n",), 1, 2), ("c", ("d",), 3, 3)]),
    ("bytes that are no UTF-8", "a: b\udce4\n", [("a", ("b?",), 1, 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "entries"), [row[1:] for row in TREES], ids=[row[0] for row in TREES])
def test_each_entry_is_a_statement_on_its_lines(text, entries):
    (document,) = tree(text)
    assert document.name == "document"
    assert shape(document.block) == entries


def test_each_document_is_a_statement():
    assert shape(tree("# x\n---\na: b\n---\nc\n---\n- d\n...\n")) == [
        ("document", 2, [("a", ("b",), 3, 3)]),
        ("document", 4, [("-", ("c",), 5, 5)]),
        ("document", 6, [("-", ("d",), 7, 7)]),
    ]


def test_a_text_without_a_document_is_empty():
    assert tree("# nothing\n") == ()


def test_a_mark_before_every_document_stands_alone():
    assert shape(tree("{{ .a }}\nb: c\n"))[0] == ("include", ("⟨.a⟩",), 1, 1)


@pytest.mark.parametrize(("length", "kept"), [(MAX_NAME, MAX_NAME), (MAX_NAME + 1, MAX_NAME)])
def test_a_long_key_is_cut(length, kept):
    (document,) = tree(f"? {'a' * length}\n: b\n")
    assert len(document.block[0].name) == kept


def test_a_long_scalar_is_kept():
    assert len(text_at(tree(f"a: {'x' * 1_000_000}\n")[0], "a")) == 1_000_000


def nested(depth):
    return "".join(f"{' ' * level}a:\n" for level in range(depth))


DEEP = f"blocks more than {MAX_DEPTH} deep are not read"
FULL = f"more than {MAX_STATEMENTS} statements: the rest was not read"
NO_YAML = "not understood as YAML: what follows was not read"
REFUSED = [
    ("too deep", nested(MAX_DEPTH + 1), [(MAX_DEPTH, DEEP)]),
    ("keys too deep", "? [" * 1_000, [(1, DEEP)]),
    ("many brackets", "[" * 1_000_000, [(1, NO_YAML)]),
    ("many mappings", "a: {" * 250_000, [(1, DEEP)]),
    ("many items in items", "- " * 500_000, [(1, DEEP)]),
    ("too many", "a: b\n" * (MAX_STATEMENTS + 1), [(MAX_STATEMENTS, FULL)]),
    ("a bracket that stays open", "a: b\nc: [\n", [(3, NO_YAML)]),
    ("a tab", "a:\n\tb: c\n", [(2, NO_YAML)]),
    ("a control character", "a: b\nc: \x01\n", [(2, NO_YAML)]),
    ("not YAML at all", "server {\n  listen: 80;\n}\n", [(2, NO_YAML)]),
    ("a half surrogate", "\ud800: |\n x", []),
    ("an anchor without a value", "&a " * 9, [(1, NO_YAML)]),
    ("an unknown version", "%YAML 9", [(1, NO_YAML)]),
]


@pytest.mark.parametrize(("text", "problems"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_cannot_be_read_is_a_problem_with_its_line(text, problems):
    assert [(each.line, each.reason) for each in parse_yaml(text, "a.yaml").problems] == problems


def test_as_deep_as_allowed_is_read():
    assert parse_yaml(nested(MAX_DEPTH), "a.yaml").problems == ()


def test_what_stands_before_an_error_is_read():
    parsed = parse_yaml("a: b\nc: d\ne: [\n", "a.yaml")
    assert shape(parsed.directives)[0][2][:2] == [("a", ("b",), 1, 1), ("c", ("d",), 2, 2)]


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))


def test_aliases_are_not_expanded():
    assert len(list(walk(tree(BOMB)))) < 400


def test_merge_keys_are_not_expanded():
    (document,) = tree("a: &a {b: c}\nd: &d {<<: *a}\ne: {<<: [*a, *d]}\n")
    assert [line.args for line in walk((document,)) if line.args] == [("c",), ("*a",), ("*a",), ("*d",)]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    parsed = parse_yaml(text, "a.yaml")
    lines = text.count("\n") + 1
    for each in parsed.problems:
        assert 0 <= each.line <= lines + 1
    for line in walk(parsed.directives):
        assert line.line <= line.end_line


TOKENS = ["a", ": ", "- ", "\n", "  ", "[", "]", "{", "}", ",", "|", ">", "'", '"', "&a ", "*a", "<<", "? ", "#", "---", "...", "!t ", "{{ x }}", "{% if %}", "%", "\t", "\r\n", "@", "`"]  # fmt: skip


@given(st.lists(st.sampled_from(TOKENS), max_size=60))
def test_any_row_of_tokens_is_read_or_refused(tokens):
    parse_yaml("".join(tokens), "a.yaml")


@pytest.mark.parametrize(
    ("size", "problems"), [(MAX_WITHOUT_LIBYAML, []), (MAX_WITHOUT_LIBYAML + 1, [TOO_LARGE])]
)
def test_without_libyaml_a_long_text_is_not_read(size, problems, monkeypatch):
    monkeypatch.setattr(yaml_events, "_LOADER", yaml.SafeLoader)
    text = "a: b\n" + "#" * (size - 5)
    parsed = parse_yaml(text, "a.yaml")
    assert [(problem.line, problem.reason, problem.incomplete) for problem in parsed.problems] == problems
    assert len(parsed.directives) == 1 - len(problems)


def test_with_libyaml_a_long_text_is_read():
    assert len(tree("a: b\n" + "#" * MAX_WITHOUT_LIBYAML)) == 1
