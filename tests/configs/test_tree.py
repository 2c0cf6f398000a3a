"""What every format shares: statements, scopes that inherit, blocks, and trees built within limits."""

from dataclasses import replace

import pytest

from flushcheck.configs import apache, caddy, haproxy, lighttpd, varnish
from flushcheck.configs.findings import Action, Edit, Finding, Level, Server
from flushcheck.configs.tree import (
    Block,
    Directive,
    IncludeResolver,
    Parsed,
    ReadProblem,
    Scope,
    TreeBuilder,
    Value,
    edit,
    ellipsize,
    version,
)
from flushcheck.culprits import CULPRITS
from flushcheck.model import UsageError, VersionChange
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
    assert parsed.problems == (
        ReadProblem("f", 1, "<b> is not closed"),
        ReadProblem("f", 1, "<a> is not closed"),
    )


def test_blocks_that_are_too_deep_are_skipped_with_what_is_in_them():
    builder = TreeBuilder("f")
    skipping = []
    for _ in range(60):
        builder.enter(line("a"))
    skipping.append(builder.is_skipping)
    builder.enter(Directive("deep", (), "f", 7, 7))
    builder.enter(line("deeper"))
    skipping.append(builder.is_skipping)
    assert builder.depth == 62
    builder.add(line("lost"))
    assert builder.leave("any name")
    assert builder.leave()
    skipping.append(builder.is_skipping)
    assert skipping == [False, True, False]
    builder.add(line("kept"))
    parsed = builder.done()
    innermost = parsed.directives
    for _ in range(60):
        innermost = innermost[0].block or ()
    assert shape(innermost) == [("kept", 1)]
    assert parsed.problems == (ReadProblem("f", 7, "blocks more than 60 deep are not read"),)


def test_a_builder_is_full_after_so_many_statements():
    builder = TreeBuilder("f")
    statement = line("a")
    for _ in range(99_999):
        builder.add(statement)
    builder.enter(line("a"))
    assert not builder.is_full(7)
    builder.enter(line("a"))
    assert builder.is_full(7)
    reason = "more than 100000 statements: the rest was not read"
    assert builder.done().problems == (ReadProblem("f", 7, reason),)


def test_the_first_problems_are_kept():
    builder = TreeBuilder("f")
    for number in range(25):
        builder.problem(number, "x", incomplete=number > 0)
    assert builder.done().problems == tuple(ReadProblem("f", n, "x", n > 0) for n in range(20))


def test_a_problem_may_hide_culprits():
    builder = TreeBuilder("f")
    builder.problem(1, "x")
    assert builder.done().problems == (ReadProblem("f", 1, "x", incomplete=True),)


def test_versions():
    assert version("1.22.1") == (1, 22, 1)
    assert version("nginx/1.29.7") == (1, 29, 7)
    assert version("v2") == (2,)
    assert version("2.4.71-1~deb12u1") == (2, 4, 71)
    assert version("1.99999") == (1, 99999)
    for wrong in ("", " ", "new", "1.x", "1.999999", "X1"):
        with pytest.raises(UsageError, match=r"1\.22\.1"):
            version(wrong)
    with pytest.raises(UsageError) as error:
        version("a" * 41)
    assert str(error.value) == f"version '{'a' * 40}': expected numbers with dots, for example 1.22.1"


SHORT = [
    # text, length, and what is shown
    ("a  b\nc",    80, "a b c"),
    ("a" * 10,     10, "a" * 10),
    ("a" * 11,     10, "aaaaaaa..."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "length", "expected"), SHORT)
def test_a_long_text_is_cut(text, length, expected):
    assert ellipsize(text, length) == expected


def test_a_text_in_a_sentence_has_80_characters():
    assert ellipsize("a" * 80) == "a" * 80
    assert ellipsize("a" * 81) == "a" * 77 + "..."


STATEMENTS = [
    # name and arguments, and the statement in a sentence
    (("a", *"bcdefghijklm"),       "a b c d e f g h i j k l m"),
    (("a", *"bcdefghijklmn"),      "a b c d e f g h i j k l m"),
    (("a", "b" * 158),             f"a {'b' * 158}"),
    (("a", "b" * 159),             f"a {'b' * 155}..."),
]  # fmt: skip


@pytest.mark.parametrize(("words", "expected"), STATEMENTS)
def test_a_long_statement_is_cut(words, expected):
    assert line(*words).text == expected


def test_a_scope_inherits_from_outside_in():
    outer = Scope(None, [line("a", "1"), line("b", "1"), line("b", "2"), line("list", "x")])
    inner = Scope(line("in"), [line("a", "2"), line("list", "y"), line("list", "z")], outer)
    assert inner.value("a", "0", server=Server.APACHE).args == ("2",)
    assert inner.value("B", "0", server=Server.APACHE) == Value("B", ("2",), outer.children[2])
    assert inner.value("c", "0", server=Server.APACHE) == Value("c", ("0",), None, "Apache's default")
    assert [each.args for each in inner.nearest("list")] == [("y",), ("z",)]
    assert [each.args for each in inner.every("list")] == [("y",), ("z",), ("x",)]
    assert inner.value("B", "0", server=Server.APACHE) == Value("B", ("2",), outer.children[2])
    assert inner.level("b") is outer
    assert inner.level("c") is None


def test_of_a_name_with_many_lines_the_first_ones_are_looked_at():
    scope = Scope(None, [line("a", str(number)) for number in range(501)])
    assert len(scope.nearest("a")) == 500
    assert len(list(scope.every("a"))) == 500
    assert scope.value("a", "", server=Server.NGINX).first == "500"  # the last line is in force


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
    assert block(scope, passes).edit(own, "x", "y") == (Edit(Action.REPLACE, "f", 1, 1, "a", ("x", "y")),)
    assert block(scope, passes).edit(None, "x", "y") == (Edit(Action.BEFORE, "f", 1, 1, "pass", ("x", "y")),)
    assert not block(scope, passes).owns(None)
    for other in (outer_line, None, scope.children[2]):
        (change,) = block(scope, passes).edit(other, "x")
        assert (change.action, change.statement) == (Action.BEFORE, "pass")
    (change,) = block(scope, passes, insert_scope=outer).edit(outer_line, "x")
    assert change.action is Action.REPLACE
    (change,) = block(scope, passes, insert_before=own).edit(None, "x")
    assert change.statement == "a"


def test_an_edit_is_at_the_lines_of_its_statement():
    long = Directive("name", (), "g", 7, 9, written="Name")
    assert edit(Action.AFTER, long, "x") == Edit(Action.AFTER, "g", 7, 9, "Name", ("x",))


CULPRIT = next(iter(CULPRITS.values()))
SET = Directive("x", ("1",), "g", 7, 7)
OWN = Value("x", ("1",), SET)
DEFAULT = Value("x", ("0",), None, "nginx's default")
INCLUDES = (line("include", "b"), line("include", "a", "c"), line("include", "d" * 61), line("include", "b"))
UNLESS = f"why; unless a c, b, {'d' * 60}, which could not be read, sets x"
FINDINGS = [
    # name, includes not read, level, value and line given; and level, place, value, source and message found
    ("no value",             INCLUDES, Level.ERROR,   None,    None, Level.ERROR,   "f:1", "",    "",                "why"),
    ("a line of its own",    INCLUDES, Level.ERROR,   OWN,     None, Level.ERROR,   "g:7", "x 1", "g:7",             "why"),
    ("a default",            (),       Level.ERROR,   DEFAULT, None, Level.ERROR,   "f:1", "x 0", "nginx's default", "why"),
    ("an uncertain default", INCLUDES, Level.ERROR,   DEFAULT, None, Level.WARNING, "f:1", "x 0", "nginx's default", UNLESS),
    ("an uncertain warning", INCLUDES, Level.WARNING, DEFAULT, None, Level.WARNING, "f:1", "x 0", "nginx's default", UNLESS),
    ("an uncertain note",    INCLUDES, Level.NOTE,    DEFAULT, None, Level.NOTE,    "f:1", "x 0", "nginx's default", UNLESS),
    ("another line",         (),       Level.NOTE,    OWN,     line("y", block=()), Level.NOTE, "f:1", "x 1", "g:7", "why"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "includes", "given", "value", "at", "level", "place", "text", "source", "message"),
    FINDINGS,
    ids=[row[0] for row in FINDINGS],
)
def test_a_finding_stands_at_the_line_at_fault(
    name, includes, given, value, at, level, place, text, source, message
):
    reader = replace(block(Scope(line("in"), [SET] if value is OWN else []), SET), unread_includes=includes)
    file, _, number = place.partition(":")
    assert reader.finding(CULPRIT, given, "why", value=value, at=at) == Finding(
        culprit=CULPRIT,
        level=level,
        server=Server.NGINX,
        file=file,
        line=int(number),
        block="b",
        block_file="f",
        block_line=1,
        value=text,
        source=source,
        message=message,
        fix=CULPRIT.fixes[0],
        explicit=at is not None or value is OWN,
    )


INCLUDE, LINE = line("include", "a"), line("x", "1")
UNREAD = [
    # name, lines of the outer and of the inner level, and whether the include may set it, alone and as a list
    ("nowhere",              [INCLUDE],       [],              True,  True),
    ("an outer line",        [LINE],          [INCLUDE],       True,  True),
    ("an inner line",        [INCLUDE],       [LINE],          False, False),
    ("beside the line",      [],              [LINE, INCLUDE], False, True),
    ("beside an outer line", [INCLUDE, LINE], [],              False, True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "outer", "inner", "alone", "as_list"), UNREAD, ids=[row[0] for row in UNREAD]
)
def test_an_unread_include_sets_what_no_inner_line_sets(name, outer, inner, alone, as_list):
    scope = Scope(line("in"), inner, Scope(line("out"), outer))
    reader = replace(block(scope, SET), unread_includes=(INCLUDE,))
    assert reader.may_be_set_by_unread("X") is alone
    assert reader.may_be_set_by_unread("x", is_list=True) is as_list
    assert not replace(reader, unread_includes=()).may_be_set_by_unread("y")


UNLESS_ADDS = [((INCLUDE,), "why; unless a, which could not be read, adds it"), ((), "why")]


@pytest.mark.parametrize(("includes", "message"), UNLESS_ADDS)
def test_a_finding_says_what_an_unread_include_may_do(includes, message):
    reader = replace(block(Scope(line("in"), []), SET), unread_includes=includes)
    assert reader.finding(CULPRIT, Level.NOTE, "why", lacks="it").message == message


def test_a_finding_has_the_fix_and_the_edits_given():
    reader = block(Scope(line("in"), []), SET)
    fix, edits = replace(CULPRIT.fixes[0], change="other"), reader.edit(None, "x")
    finding = reader.finding(CULPRIT, Level.NOTE, "why", fix=fix, edits=edits, override="how")
    assert (finding.fix, finding.edits, finding.override) == (fix, edits, "how")


CHANGE = VersionChange("nginx", (2,), before="holds", after="flows", source="its change log")
PLAIN = CULPRIT.fixes[0]
OLD, NEW = replace(PLAIN, change="old", until=CHANGE), replace(PLAIN, change="new", since=CHANGE)
CHOSEN = [
    # the server,     its version, the fixes,          the one that is given
    (Server.NGINX,    (),          (OLD, NEW),         OLD),
    (Server.NGINX,    (1, 9),      (OLD, NEW),         OLD),
    (Server.NGINX,    (2,),        (OLD, NEW),         NEW),
    (Server.NGINX,    (),          (NEW, PLAIN),       PLAIN),
    (Server.NGINX,    (2,),        (OLD,),             OLD),  # none is for this version
    (Server.APACHE,   (2,),        (OLD, NEW),         OLD),  # the version is another program's
]  # fmt: skip


@pytest.mark.parametrize(("server", "version", "fixes", "chosen"), CHOSEN)
def test_a_finding_has_the_first_fix_for_the_version(server, version, fixes, chosen):
    reader = replace(block(Scope(line("in"), []), SET), server=server, version=version)
    assert reader.finding(replace(CULPRIT, fixes=fixes), Level.NOTE, "why").fix == chosen


def test_a_long_message_is_cut():
    reader = block(Scope(line("in"), []), SET)
    messages = [reader.finding(CULPRIT, Level.NOTE, "a" * length).message for length in (1_000, 1_001)]
    assert messages == ["a" * 1_000, "a" * 997 + "..."]


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
    assert resolver.problems == [ReadProblem("f", 1, "includes itself in a loop")]


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


@pytest.mark.parametrize(("number", "full"), [(2_000, False), (2_001, True)])
def test_so_many_files_are_included(number, full):
    resolver = IncludeResolver(("include",), lambda _: [Parsed(())] * number)
    place = Directive("include", (), "g", 7, 7)
    resolved = resolver.resolve((place, line("after")))
    reason = "more than 2000 files included: the rest was not read"
    assert resolver.problems == ([ReadProblem("g", 7, reason)] if full else [])
    assert len(resolved) == (0 if full else 1)


@pytest.mark.parametrize(("number", "full"), [(99_999, False), (100_000, True)])
def test_so_many_statements_are_resolved(number, full):
    resolver = IncludeResolver((), lambda _: None)
    last = Directive("last", (), "g", 7, 7)
    resolved = resolver.resolve((*[line("a")] * number, last, *[last] * full))
    reason = "more than 100000 statements with its includes: the rest was not read"
    assert resolver.problems == ([ReadProblem("g", 7, reason)] if full else [])
    assert len(resolved) == 100_000


@pytest.mark.parametrize(("depth", "read"), [(60, True), (61, False)])
def test_blocks_that_are_too_deep_are_resolved_empty(depth, read):
    nested = line("innermost")
    for _ in range(depth):
        nested = line("block", block=(nested,))
    outer = Directive("block", (), "g", 7, 7, (nested,))
    resolver = IncludeResolver((), lambda _: None)
    innermost = resolver.resolve(outer.block or ())
    for _ in range(depth):
        (outer,) = innermost
        assert outer.block is not None
        innermost = outer.block
    reason = "blocks more than 60 deep are not read"
    assert resolver.problems == ([] if read else [ReadProblem("f", 1, reason)])
    assert [each.name for each in innermost] == (["innermost"] if read else [])


def test_includes_that_are_too_deep_are_not_read():
    resolver = IncludeResolver(
        ("include",), lambda each: [Parsed((line("read"), line("include", each.args[0] + "a")))]
    )
    assert [each.name for each in resolver.resolve((line("include", "a"),))] == ["read"] * 60
    assert resolver.problems == [ReadProblem("f", 1, "includes more than 60 deep are not read")]


def test_blocks_that_includes_make_too_deep_are_empty():
    resolver = IncludeResolver(
        ("include",), lambda each: [Parsed((line("block", block=(line("include", each.args[0] + "a"),)),))]
    )
    innermost, depth = resolver.resolve((line("include", "a"),)), 0
    while innermost:
        innermost, depth = innermost[0].block or (), depth + 1
    assert depth == 30
    assert len(resolver.problems) == 1


ARGUMENTS = [
    # parser, what stands before and behind the arguments, and how many are kept
    (apache.parse,    "A",     "",       500),
    (caddy.parse,     "a",     " {\n}",  500),
    (haproxy.parse,   "global", "",      499),
    (haproxy.parse,   "global", " '' ",  499),
    (lighttpd.parse,  "a =",   "",       499),
    (varnish.parse,   "a",     ";",      500),
]  # fmt: skip


@pytest.mark.parametrize(("parse", "before", "behind", "number"), ARGUMENTS)
def test_the_arguments_of_one_statement_are_bounded(parse, before, behind, number):
    few, many = (parse(f"{before}{' X' * given}{behind}", "f").directives[0] for given in (9, 509))
    assert few.args[:9] == ("X",) * 9
    assert many.args == ("X",) * number
    assert (few.block is None) == (many.block is None)
