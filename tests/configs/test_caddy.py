"""Caddyfile: text to tree, snippets, and the directives that pass."""

import pytest

from flushcheck.configs import caddy
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import MAX_DEPTH
from tests.configs.shape import blocks, shape

READ = [
    # name, text, and the shape of what is read
    ("site", "a.org {\n b c # d\n e {\n  f\n }\n}",          [("a.org", 1, [("b", "c", 2), ("e", 3, [("f", 4)])])]),
    ("one site", ":80\na b\nc {\n d\n}",                         [(":80", 1, [("a", "b", 2), ("c", 3, [("d", 4)])])]),
    ("addresses", "a.org,\nb.org {\n c\n}",                       [("a.org,", "b.org", 1, [("c", 3)])]),
    ("words", "a {\n b \"c d\" `e f` g#h {i}\n}",             [("a", 1, [("b", "c d", "e f", "g#h", "{i}", 2)])]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), READ, ids=[row[0] for row in READ])
def test_a_text_is_read(name, text, expected):
    parsed = caddy.parse(text, "f")
    assert shape(parsed.directives) == expected
    assert parsed.problems == ()


PROBLEMS = [
    # name, text, and a part of the reason
    ("not closed", "a {\n b",                    "not closed"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "reason"), PROBLEMS, ids=[row[0] for row in PROBLEMS])
def test_unreadable_text_is_a_problem(name, text, reason):
    assert reason in " ".join(problem.reason for problem in caddy.parse(text, "f").problems)


PASSING = [
    # name, text, and the name and kind of every block that passes to an app
    ("a site",             "a.org {\n reverse_proxy x:1\n}",                                 [("reverse_proxy x:1 in a.org", "http")]),
    ("PHP",                "a.org {\n php_fastcgi unix//s\n}",                               [("php_fastcgi unix//s in a.org", "fastcgi")]),
    ("in a route",         "a.org {\n handle /b {\n  reverse_proxy x:1\n }\n}",              [("reverse_proxy x:1 in handle /b in a.org", "http")]),
    ("in another block",   "a.org {\n log {\n  reverse_proxy x:1\n }\n}",                    []),
    ("global options",     "{\n reverse_proxy x:1\n}",                                       []),
    ("a snippet unused",   "(s) {\n reverse_proxy x:1\n}",                                   []),
    ("a snippet imported", "(s) {\n reverse_proxy {args[0]}\n}\na {\n import s x:1\n}",       [("reverse_proxy x:1 in a", "http")]),
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


KINDS = ("text/event-stream", "text/plain", "application/x-ndjson")

ENCODED = [
    # name, encode directive, and those of KINDS that it compresses
    ("all text by default", "encode gzip",                                                              ["text/event-stream", "text/plain"]),
    ("one type",            "encode {\n gzip\n match {\n  header Content-Type text/plain*\n }\n}",      ["text/plain"]),
    ("on one line",         "encode {\n match header Content-Type application/*\n}",                    ["application/x-ndjson"]),
    ("another header",      "encode {\n match {\n  header X-A text/plain\n }\n}",                       ["text/event-stream", "text/plain"]),
    ("none of them",        "encode {\n match {\n  header Content-Type image/*\n }\n}",                 []),
]  # fmt: skip


def encode_line(text):
    (block,) = blocks(Server.CADDY, f"a {{\n{text}\nreverse_proxy x\n}}")
    return block, block.insert_scope.own("encode")[0]


@pytest.mark.parametrize(("name", "text", "expected"), ENCODED, ids=[row[0] for row in ENCODED])
def test_the_types_that_encode_compresses(name, text, expected):
    assert caddy.encoded(encode_line(text)[1], KINDS) == expected


MATCHERS = [
    # lines of the site, the matcher of encode, and whether it excludes paths
    ("encode gzip",                                    "",   False),
    ("encode * gzip",                                  "",   False),
    ("encode /* gzip",                                 "",   False),
    ("encode /a gzip",                                 "/a", False),
    ("@m path /a\nencode @m gzip",                     "@m", False),
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
]


@pytest.mark.parametrize(("text", "expected"), LENGTHS)
def test_the_least_length_that_encode_compresses(text, expected):
    assert caddy.minimum_length(encode_line(text)[1], 512) == expected
