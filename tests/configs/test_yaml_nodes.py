"""A tree of YAML is walked by keys, paths, items and scalars; what stands elsewhere is known as such."""

import pytest

from flushcheck.configs.tree import Directive
from flushcheck.configs.yaml_nodes import (
    at,
    child,
    children,
    documents,
    is_alias,
    is_false,
    is_true,
    is_unknown,
    items,
    scalar,
    scalars,
    text_at,
    unread,
    walk,
)
from flushcheck.files.yaml_tree import parse_yaml


def tree(text):
    parsed = parse_yaml(text, "a.yaml")
    assert parsed.problems == ()
    return parsed.directives


NODES = "kind: Ingress\nmetadata:\n  name: &n chat\n  annotations:\n    a/b: 'on'\n    c: *n\n    d: {{ .x }}\n    {{ .more }}\nitems: [a, {b: c}, d]\ntext: |\n  one\n  two\nkind: List\nnone:\n"


def test_a_tree_is_walked_by_keys():
    (root,) = documents(tree(NODES))
    assert text_at(root, "kind") == "List"
    assert text_at(root, "metadata", "annotations", "a/b") == "on"
    assert text_at(root, "metadata", "labels", "a") == ""
    assert text_at(root, "none", default="x") == "x"
    assert text_at(root, "text") == "one\ntwo\n"
    assert at(root) is root
    assert at(root, "metadata", "name", "x") is None
    assert child(None, "a") is None
    assert children(None) == ()
    assert children(at(root, "kind")) == ()
    assert [scalar(line) for line in items(at(root, "items"))] == ["a", "", "d"]
    assert scalars(at(root, "items")) == ("a", "d")
    assert scalars(at(root, "kind")) == ("List",)
    assert scalars(at(root, "none")) == ()
    assert scalars(None) == ()
    annotations = at(root, "metadata", "annotations")
    assert is_alias(child(annotations, "c"))
    assert is_unknown(child(annotations, "c"))
    assert is_unknown(child(annotations, "d"))
    assert not is_unknown(child(annotations, "a/b"))
    assert not is_unknown(None)
    assert not is_alias(None)
    assert [line.line for line in unread(annotations)] == [8]
    assert unread(child(annotations, "a/b")) == ()


def entry(*args):
    return Directive("a", args, "a.yaml", 1, 1)


@pytest.mark.parametrize(
    ("text", "alias"),
    [("*name", True), ("*", False), ("*.example.org", False), ("name", False), ("*a b", False)],
)
def test_a_host_with_a_star_is_no_alias(text, alias):
    assert is_alias(entry(text)) is alias


@pytest.mark.parametrize("text", ["true", "True", "yes", "ON", "y", " on "])
def test_what_means_yes(text):
    assert is_true(text)
    assert not is_false(text)


@pytest.mark.parametrize("text", ["false", "No", "off", "n"])
def test_what_means_no(text):
    assert is_false(text)
    assert not is_true(text)


@pytest.mark.parametrize("text", ["", "1", "0", "maybe"])
def test_what_means_neither(text):
    assert not is_true(text)
    assert not is_false(text)


def test_a_walk_sees_each_entry_before_what_is_below_it():
    assert [line.name for line in walk(tree("a: {b: c, d: [e]}\nf: g\n"))] == [
        "document",
        "a",
        "b",
        "d",
        "-",
        "f",
    ]


def test_of_two_equal_keys_the_last_one_counts():
    (root,) = documents(tree("a: b\na: c\n"))
    assert text_at(root, "a") == "c"
