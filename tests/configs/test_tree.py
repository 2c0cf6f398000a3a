"""What every format shares: statements, scopes that inherit, blocks, and trees built within limits."""

import pytest

from flushcheck.configs import apache, caddy, haproxy, lighttpd, varnish
from flushcheck.configs.findings import Action, Server
from flushcheck.configs.tree import (
    MAX_ARGS,
    MAX_DEPTH,
    MAX_DIRECTIVES,
    MAX_LINES,
    Block,
    IncludeResolver,
    Parsed,
    Scope,
    TreeBuilder,
    Value,
    ellipsize,
    version,
)
from flushcheck.configs.tree.limits import MAX_PROBLEMS
from flushcheck.model import UsageError
from tests.configs.shape import line, shape


def test_a_builder_nests_what_is_added():
    builder = TreeBuilder("f")
    builder.add(line("a"))
    builder.enter(line("b"))
    builder.add(line("c"))
    assert builder.depth == 1
    assert builder.leave()
    builder.add(line("d"))
    parsed = builder.done()
    assert parsed.problems == ()
    assert shape(parsed.directives) == [("a", 1), ("b", 1, [("c", 1)]), ("d", 1)]


def test_a_builder_closes_no_block_of_another_name():
    builder = TreeBuilder("f")
    assert not builder.leave()
    builder.enter(line("a"))
    assert not builder.leave("b")
    assert builder.leave("a")
    assert builder.depth == 0


def test_blocks_that_stay_open_end_with_the_file():
    builder = TreeBuilder("f")
    builder.enter(line("a"))
    builder.enter(line("b"))
    builder.add(line("c"))
    parsed = builder.done("<{}> is not closed")
    assert shape(parsed.directives) == [("a", 1, [("b", 1, [("c", 1)])])]
    assert [problem.reason for problem in parsed.problems] == ["<b> is not closed", "<a> is not closed"]


def test_blocks_that_are_too_deep_are_skipped_with_what_is_in_them():
    builder = TreeBuilder("f")
    skipping = []
    for _ in range(MAX_DEPTH):
        builder.enter(line("a"))
    skipping.append(builder.is_skipping)
    builder.enter(line("deep"))
    builder.enter(line("deeper"))
    skipping.append(builder.is_skipping)
    assert builder.depth == MAX_DEPTH + 2
    builder.add(line("lost"))
    assert builder.leave("any name")
    assert builder.leave()
    skipping.append(builder.is_skipping)
    assert skipping == [False, True, False]
    builder.add(line("kept"))
    parsed = builder.done()
    innermost = parsed.directives
    for _ in range(MAX_DEPTH):
        innermost = innermost[0].block or ()
    assert shape(innermost) == [("kept", 1)]
    assert [problem.reason for problem in parsed.problems] == [
        f"blocks more than {MAX_DEPTH} deep are not read"
    ]


def test_a_builder_is_full_after_so_many_statements():
    builder = TreeBuilder("f")
    for _ in range(MAX_DIRECTIVES):
        builder.add(line("a"))
    assert not builder.is_full(7)
    builder.enter(line("a"))
    assert builder.is_full(7)
    (problem,) = builder.done().problems
    assert (problem.line, problem.incomplete) == (7, True)
    assert "the rest was not read" in problem.reason


def test_the_first_problems_are_kept():
    builder = TreeBuilder("f")
    for number in range(MAX_PROBLEMS + 5):
        builder.problem(number, "x", incomplete=number > 0)
    problems = builder.done().problems
    assert [problem.line for problem in problems] == list(range(MAX_PROBLEMS))
    assert [problem.incomplete for problem in problems[:2]] == [False, True]


def test_versions():
    assert version("1.22.1") == (1, 22, 1)
    assert version("nginx/1.29.7") == (1, 29, 7)
    assert version("v2") == (2,)
    assert version("2.4.71-1~deb12u1") == (2, 4, 71)
    assert version("1.99999") == (1, 99999)
    for wrong in ("", " ", "new", "1.x", "1.999999"):
        with pytest.raises(UsageError, match=r"1\.22\.1"):
            version(wrong)


SHORT = [
    # text, length, and what is shown
    ("a  b\nc",    80, "a b c"),
    ("a" * 10,     10, "a" * 10),
    ("a" * 11,     10, "aaaaaaa..."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "length", "expected"), SHORT)
def test_a_long_text_is_cut(text, length, expected):
    assert ellipsize(text, length) == expected


def test_a_scope_inherits_from_outside_in():
    outer = Scope(None, [line("a", "1"), line("b", "1"), line("b", "2"), line("list", "x")])
    inner = Scope(line("in"), [line("a", "2"), line("list", "y"), line("list", "z")], outer)
    assert inner.value("a", "0", server=Server.APACHE).args == ("2",)
    assert inner.value("b", "0", server=Server.APACHE).args == ("2",)
    assert inner.value("c", "0", server=Server.APACHE) == Value("c", ("0",), None, "Apache's default")
    assert [each.args for each in inner.nearest("list")] == [("y",), ("z",)]
    assert [each.args for each in inner.every("list")] == [("y",), ("z",), ("x",)]
    assert inner.value("B", "0", server=Server.APACHE) == Value("B", ("2",), outer.children[2])
    assert inner.level("b") is outer
    assert inner.level("c") is None


def test_of_a_name_with_many_lines_the_first_ones_are_looked_at():
    scope = Scope(None, [line("a", str(number)) for number in range(MAX_LINES + 1)])
    assert len(scope.nearest("a")) == MAX_LINES
    assert len(list(scope.every("a"))) == MAX_LINES
    assert scope.value("a", "", server=Server.NGINX).first == str(MAX_LINES)  # the last line is in force


def test_what_a_scope_computes_is_computed_once():
    scope = Scope(None, [])
    assert scope.cached("a", lambda: [1]) is scope.cached("a", lambda: [2])
    assert scope.cached("b", lambda: 3) == 3


def test_includes_that_were_not_read_are_known_further_in():
    outer = Scope(None, [line("include", str(number)) for number in range(9)])
    inner = Scope(line("in"), [line("import", "x"), line("a")], outer)
    assert [each.args[0] for each in inner.unread_includes(("include", "import"))] == [
        "x",
        "0",
        "1",
        "2",
        "3",
    ]
    assert inner.unread_includes(("other",)) == ()


def block(scope, pass_line, insert_scope=None, insert_before=None):
    return Block(
        server=Server.NGINX,
        scope=scope,
        pass_directive=pass_line,
        via="http",
        name="b",
        insert_scope=insert_scope or scope,
        insert_before=insert_before,
    )


def test_an_edit_replaces_a_line_of_its_own_block_only():
    own, outer_line, passes = line("a", "1"), line("a", "0"), line("pass")
    outer = Scope(None, [outer_line])
    scope = Scope(line("in"), [own, passes, line("nested", block=())], outer)
    assert [each.action for each in block(scope, passes).edit(own, "x")] == [Action.REPLACE]
    for other in (outer_line, None, scope.children[2]):
        (edit,) = block(scope, passes).edit(other, "x")
        assert (edit.action, edit.statement) == (Action.BEFORE, "pass")
    (edit,) = block(scope, passes, insert_scope=outer).edit(outer_line, "x")
    assert edit.action is Action.REPLACE
    (edit,) = block(scope, passes, insert_before=own).edit(None, "x")
    assert edit.statement == "a"


def test_an_include_that_is_missing_stays_in_its_place():
    resolver = IncludeResolver(
        ("include",), lambda each: None if each.args == ("gone",) else [Parsed((line("there"),))]
    )
    resolved = resolver.resolve((line("include", "gone"), line("http", block=(line("include", "here"),))))
    assert shape(resolved) == [("include", "gone", 1), ("http", 1, [("there", 1)])]


def test_nothing_is_included_in_an_opaque_block():
    resolver = IncludeResolver(("include",), lambda _: [Parsed((line("there"),))], opaque=("geo",))
    statements = (line("geo", block=(line("include", "x"),)),)
    assert resolver.resolve(statements) == statements


def test_a_loop_of_includes_ends():
    parsed = Parsed((line("before"), line("include", "self"), line("after")))
    resolver = IncludeResolver(("include",), lambda _: [parsed])
    resolved = resolver.resolve(parsed.directives)
    assert [each.name for each in resolved] == ["before", "before", "after", "after"]
    assert "loop" in resolver.problems[0].reason


def test_a_loop_does_not_end_the_rest_of_a_pattern():
    looping = Parsed((line("include", "*"),))
    resolver = IncludeResolver(("include",), lambda _: [looping, Parsed((line("other"),))])
    assert [each.name for each in resolver.resolve(looping.directives)] == ["other", "other"]


def test_includes_that_multiply_are_bounded():
    files = {str(n): Parsed(tuple(line("include", str(n + 1)) for _ in range(9))) for n in range(40)}
    resolver = IncludeResolver(
        ("include",), lambda each: [files[each.args[0]]] if each.args[0] in files else None
    )
    resolver.resolve(files["0"].directives)
    assert "the rest was not read" in resolver.problems[-1].reason


def test_includes_that_are_too_deep_are_not_read():
    resolver = IncludeResolver(
        ("include",), lambda each: [Parsed((line("read"), line("include", each.args[0] + "a")))]
    )
    assert [each.name for each in resolver.resolve((line("include", "a"),))] == ["read"] * MAX_DEPTH
    assert [problem.reason for problem in resolver.problems] == [
        f"includes more than {MAX_DEPTH} deep are not read"
    ]


def test_blocks_that_includes_make_too_deep_are_empty():
    resolver = IncludeResolver(
        ("include",), lambda each: [Parsed((line("block", block=(line("include", each.args[0] + "a"),)),))]
    )
    innermost, depth = resolver.resolve((line("include", "a"),)), 0
    while innermost:
        innermost, depth = innermost[0].block or (), depth + 1
    assert depth == MAX_DEPTH // 2
    assert len(resolver.problems) == 1


ARGUMENTS = [
    # parser, what stands before and behind the arguments
    (apache.parse,    "A",     ""),
    (caddy.parse,     "a",     " {\n}"),
    (haproxy.parse,   "global", ""),
    (lighttpd.parse,  "a =",   ""),
    (varnish.parse,   "a",     ";"),
]  # fmt: skip


@pytest.mark.parametrize(("parse", "before", "behind"), ARGUMENTS)
def test_the_arguments_of_one_statement_are_bounded(parse, before, behind):
    few, many = (parse(f"{before}{' b' * number}{behind}", "f").directives[0] for number in (9, MAX_ARGS + 9))
    assert len(few.args) == 9
    assert MAX_ARGS - 2 <= len(many.args) <= MAX_ARGS
    assert (few.block is None) == (many.block is None)
