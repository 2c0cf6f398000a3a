"""Caddyfile: text to tree, snippets, and the directives that pass."""

import pytest

from flushcheck.configs import caddy
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import MAX_DEPTH, ReadProblem
from tests.configs.shape import blocks, shape

READ = [
    # name, text, and the shape of what is read
    ("site", "a.org {\n b c # d\n e {\n  f\n }\n}",          [("a.org", 1, [("b", "c", 2), ("e", 3, [("f", 4)])])]),
    ("one site", ":80\na b\nc {\n d\n}",                         [(":80", 1, [("a", "b", 2), ("c", 3, [("d", 4)])])]),
    ("addresses", "a.org,\nb.org {\n c\n}",                       [("a.org,", "b.org", 1, [("c", 3)])]),
    ("two on a line", "a {\n b\n} c {\n d\n}",                  [("a", 1, [("b", 2)]), ("c", 3, [("d", 4)])]),
    ("one site, imports", "import x\n:80\na b",                 [("import", "x", 1), (":80", 2, [("a", "b", 3)])]),
    ("words", "a {\n b \"c d\" `e f` g#h {i}\n}",             [("a", 1, [("b", "c d", "e f", "g#h", "{i}", 2)])]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), READ, ids=[row[0] for row in READ])
def test_a_text_is_read(name, text, expected):
    parsed = caddy.parse(text, "f")
    assert shape(parsed.directives) == expected
    assert parsed.problems == ()


PROBLEMS = [
    # name, text, and the line and the reason of the problem
    ("not closed", "\na {\n b",                  (2, "a block is not closed")),
    ("closes nothing", "a {\n}\n}",              (3, "} closes nothing that is open")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "reason"), PROBLEMS, ids=[row[0] for row in PROBLEMS])
def test_unreadable_text_is_a_problem(name, text, reason):
    assert caddy.parse(text, "f").problems == (ReadProblem("f", *reason),)


PASSING = [
    # name, text, and the name and kind of every block that passes to an app
    ("a site",             "a.org {\n reverse_proxy x:1\n}",                                 [("reverse_proxy x:1 in a.org", "http")]),
    ("PHP",                "a.org {\n php_fastcgi unix//s\n}",                               [("php_fastcgi unix//s in a.org", "fastcgi")]),
    ("in a route",         "a.org {\n handle /b {\n  reverse_proxy x:1\n }\n}",              [("reverse_proxy x:1 in handle /b in a.org", "http")]),
    *(("in a route", f"a {{\n {route} {{\n  reverse_proxy x\n }}\n}}", [(f"reverse_proxy x in {route} in a", "http")])
      for route in ("handle_path", "route", "handle_errors", "handle_response")),
    ("a route without a block", "a {\n route\n reverse_proxy x\n}",                          [("reverse_proxy x in a", "http")]),
    ("a long name",        f"a {{\n reverse_proxy {'x' * 26}\n}}\nb {{\n reverse_proxy {'x' * 27}\n}}", [(f"reverse_proxy {'x' * 26} in a", "http"), (f"reverse_proxy {'x' * 23}... in b", "http")]),
    ("in another block",   "a.org {\n log {\n  reverse_proxy x:1\n }\n}",                    []),
    ("global options",     "{\n reverse_proxy x:1\n}",                                       []),
    ("a snippet unused",   "(s) {\n reverse_proxy x:1\n}",                                   []),
    ("a snippet imported", "(s) {\n reverse_proxy {args[0]}\n}\na {\n import s x:1\n}",       [("reverse_proxy x:1 in a", "http")]),
    ("a snippet with a block", "(s) {\n handle /{args[0]} {\n  reverse_proxy {args[1]}\n }\n}\na {\n import s b c\n}", [("reverse_proxy c in handle /b in a", "http")]),
    ("beside an import",   "(s) {\n reverse_proxy x\n}\na {\n import s\n log\n import\n root s\n}", [("reverse_proxy x in a", "http")]),
    ("no snippet",         "(sx {\n reverse_proxy x\n}\na {\n import s\n reverse_proxy y\n}",  [("reverse_proxy y in a", "http")]),
    ("a site is no snippet", "xsx {\n reverse_proxy x\n}\na {\n import s\n reverse_proxy y\n}", [("reverse_proxy x in xsx", "http"), ("reverse_proxy y in a", "http")]),
    ("a snippet in capitals", "(S) {\n reverse_proxy x\n}\na {\n import S\n}",              [("reverse_proxy x in a", "http")]),
    ("the older form",     "(s) {\n reverse_proxy {args.0}\n}\na {\n import s x:1\n}",        [("reverse_proxy x:1 in a", "http")]),
    ("an argument missing", "(s) {\n reverse_proxy x{args[1]}\n}\na {\n import s b\n}",       [("reverse_proxy x in a", "http")]),
    ("a snippet in a route", "(s) {\n reverse_proxy x:1\n}\na {\n route {\n  import s\n }\n}", [("reverse_proxy x:1 in route in a", "http")]),
    ("a snippet in itself", "(s) {\n import s\n}\na {\n import s\n reverse_proxy x\n}",       [("reverse_proxy x in a", "http")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), PASSING, ids=[row[0] for row in PASSING])
def test_the_blocks_that_pass(name, text, expected):
    assert [(block.name, block.via) for block in blocks(Server.CADDY, text)] == expected


DEPTHS = [(MAX_DEPTH - 40, 1), (MAX_DEPTH - 39, 0)]


@pytest.mark.parametrize(("around", "found"), DEPTHS)
def test_routes_that_snippets_make_too_deep_are_not_read(around, found):
    inner = "route {\n" * 40 + "reverse_proxy x\n" + "}\n" * 40
    text = f"(s) {{\n{inner}}}\na {{\n" + "route {\n" * around + "import s\n" + "}\n" * around + "}"
    assert len(blocks(Server.CADDY, text)) == found


def count(statements):
    return sum(1 + count(line.block or ()) for line in statements)


WRITTEN = [
    # name, lines of a snippet, how often it is imported, and the statements and imports left in the site
    ("all",               "x\n",                             3,     3,      0),
    ("so many imports",   "x\n",                             1_001, 1_000,  1),
    ("so many lines",     "x\n" * 100,                       201,   20_000, 0),
    ("lines in blocks",   "y {\n" + "x\n" * 98 + "}\n",      203,   20_000, 0),
    ("in itself",         "x\nimport s\n",                   1,     61,     1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "lines", "uses", "number", "left"), WRITTEN, ids=[row[0] for row in WRITTEN]
)
@pytest.mark.parametrize("around", ["{}", "route {{\n{}}}\n"])
def test_snippets_write_so_many_statements(name, lines, uses, number, left, around):
    inside = around.format("import s\n" * uses + "reverse_proxy x\n")
    (block,) = blocks(Server.CADDY, f"(s) {{\n{lines}}}\na {{\n{inside}}}")
    children = block.insert_scope.children
    imports = sum(child.name == "import" for child in children)
    assert (count(children) - imports - 1, imports) == (number, left)


def test_a_block_has_the_settings_inside_its_directive():
    (block,) = blocks(Server.CADDY, "a {\n reverse_proxy x {\n  flush_interval -1\n }\n}")
    assert block.value("flush_interval", "0").first == "-1"


KINDS = ("text/event-stream", "text/plain", "application/x-ndjson")

ENCODED = [
    # name, encode directive, and those of KINDS that it compresses
    ("all text by default", "encode gzip",                                                              ["text/event-stream", "text/plain"]),
    ("one type",            "encode {\n gzip\n match {\n  header Content-Type text/plain*\n }\n}",      ["text/plain"]),
    ("on one line",         "encode {\n match header Content-Type application/*\n}",                    ["application/x-ndjson"]),
    ("two matches",         "encode {\n match {\n  header Content-Type text/plain\n }\n match header Content-Type application/*\n}", ["text/plain", "application/x-ndjson"]),
    ("another match",       "encode {\n match status header Content-Type text/plain\n}",               ["text/event-stream", "text/plain"]),
    ("another header",      "encode {\n match {\n  header X-A text/plain\n }\n}",                       ["text/event-stream", "text/plain"]),
    ("none of them",        "encode {\n match {\n  header Content-Type image/*\n }\n}",                 []),
]  # fmt: skip


def encode_line(text):
    (block,) = blocks(Server.CADDY, f"a {{\n{text}\nreverse_proxy x\n}}")
    return block, block.insert_scope.own("encode")[0]


@pytest.mark.parametrize(("name", "text", "expected"), ENCODED, ids=[row[0] for row in ENCODED])
def test_the_types_that_encode_compresses(name, text, expected):
    assert caddy.encoded(encode_line(text)[1], KINDS) == expected


def test_the_first_stars_of_a_type_count():
    line = encode_line("encode {\n match header Content-Type t/*-*-*-*-*\n}")[1]
    assert caddy.encoded(line, ["t/a-b-c-d-*", "t/a-b-c-d-e"]) == ["t/a-b-c-d-*"]


MATCHERS = [
    # lines of the site, the matcher of encode, and whether it excludes paths
    ("encode gzip",                                    "",   False),
    ("encode * gzip",                                  "",   False),
    ("encode /* gzip",                                 "",   False),
    ("encode /a gzip",                                 "/a", False),
    ("@m path /a\nencode @m gzip",                     "@m", False),
    ("encode {\n gzip\n}",                             "",   False),
    ("encode gzip /a",                                 "",   False),
    ("@m path not\nencode @m gzip",                    "@m", False),
    ("@M not path /a\nencode @M gzip",                 "@M", True),
    ("@m not path /a\nencode @m gzip",                 "@m", True),
    ("@m {\n not path /a\n}\nencode @m gzip",          "@m", True),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "excludes"), MATCHERS)
def test_the_matcher_of_encode(text, expected, excludes):
    block, line = encode_line(text)
    assert caddy.matcher(line) == expected
    assert caddy.excludes(block, caddy.matcher(line)) is excludes


LENGTHS = [
    ("encode gzip", 512),
    ("encode {\n minimum_length 9\n}", 9),
    ("encode {\n minimum_length x\n}", 512),
    ("encode {\n minimum_length 1234567890\n}", 123_456_789),
]


@pytest.mark.parametrize(("text", "expected"), LENGTHS)
def test_the_least_length_that_encode_compresses(text, expected):
    assert caddy.minimum_length(encode_line(text)[1], 512) == expected
