"""VCL: text to tree, and the lines that concern responses."""

import pytest

from flushcheck.configs import varnish
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import ReadProblem
from tests.configs.shape import blocks, shape

READ = [
    # name, text, and the shape of what is read
    ("program", 'sub a { set b.c = "d;{"; /* e; */ if (f) { return (g); } } # h', [("sub", "a", 1, [("set", "b.c", "=", "d;{", 1), ("if", "(f)", 1, [("return", "(g)", 1)])])]),
    ("long string", 'sub a { set b = {"c;d"}; }',                            [("sub", "a", 1, [("set", "b", "=", "c;d", 1)])]),
    ("a mark as a string", 'set b = ";";',                                  [("set", "b", "=", ";", 1)]),
    ("no name", "\n{ a; }",                                                 [("", 2, [("a", 2)])]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), READ, ids=[row[0] for row in READ])
def test_a_text_is_read(name, text, expected):
    parsed = varnish.parse(text, "f")
    assert shape(parsed.directives) == expected
    assert parsed.problems == ()


PROBLEMS = [
    # name, text, and the line and the reason of the problem
    ("not closed", "sub a {\nb c",               (2, "no ; after b c")),
    ("long", "a" * 60,                           (1, "no ; after " + "a" * 60)),
    ("longer", "a" * 61,                         (1, "no ; after " + "a" * 57 + "...")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "reason"), PROBLEMS, ids=[row[0] for row in PROBLEMS])
def test_unreadable_text_is_a_problem(name, text, reason):
    assert varnish.parse(text, "f").problems == (ReadProblem("f", *reason),)


PASSING = [
    # name, text, and the name and kind of the one Block of the file
    ("a backend",       'backend b { .host = "x"; }',                                      [("backend b", "http")]),
    ("a response sub",  'backend b { .host = "x"; }\nsub vcl_backend_response { }',        [("sub vcl_backend_response", "http")]),
    ("no backend",      "backend b none;",                                                 [("backend b", "http")]),
    ("another sub",     "sub vcl_recv { }",                                                []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), PASSING, ids=[row[0] for row in PASSING])
def test_the_blocks_that_pass(name, text, expected):
    assert [(block.name, block.via) for block in blocks(Server.VARNISH, text)] == expected


def vcl(body, sub="vcl_backend_response"):
    (block,) = blocks(Server.VARNISH, f'backend b {{ .host = "x"; }} sub {sub} {{ {body} }}')
    return block


SETTINGS = [
    # a line of vcl_backend_response, and the settings in it: name, value, conditional
    ("set beresp.do_stream = false;",                     [("beresp.do_stream", "false", False)]),
    ("if (a) { set beresp.do_gzip = true; }",             [("beresp.do_gzip", "true", True)]),
    ("if (a) { if (b) { set beresp.do_esi = true; } }",   [("beresp.do_esi", "true", True)]),
    ("set beresp.ttl = 1h;",                              []),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), SETTINGS)
def test_the_settings_of_a_response(body, expected):
    found = [(line.args[0], line.args[-1], under) for line, under in varnish.settings(vcl(body))]
    assert found == expected


RETURNS = [
    ("return (pipe);", True),
    ("if (a) { return (pipe); }", True),
    ("return (pass);", False),
    ("return ( pipe );", True),
    ("return (pipeX);", False),
    ("", False),
]


@pytest.mark.parametrize(("body", "expected"), RETURNS)
def test_a_program_returns_an_action(body, expected):
    assert varnish.returns(vcl(body, "vcl_recv"), "pipe") is expected


TTLS = [
    ("set beresp.ttl = 1h;", True),
    ("set beresp.ttl = 0s;", False),
    ("if (a) { set beresp.ttl = 1h; }", False),
]


@pytest.mark.parametrize(("body", "expected"), TTLS)
def test_the_line_that_caches_every_response(body, expected):
    assert (varnish.ttl(vcl(body)) is not None) is expected
    assert varnish.ttl(vcl(body, "vcl_deliver")) is None


DOUBTS = [
    # a line of vcl_backend_response, and why it is not known
    ('set beresp.filters = "gzip";',              []),
    ('set beresp.filters = "esi esi_gzip gunzip testgunzip";', []),
    ('set beresp.filters = "";',                  []),
    ("set beresp.do_gzip = true;",                []),
    ('set beresp.filters = "gunzip brotli";',     ["set beresp.filters = gunzip brotli (line 1): what the filter brotli does is not known"]),
    ('if (a) { set beresp.filters = "x"; }',      ["set beresp.filters = x (line 1): what the filter x does is not known"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), DOUBTS)
def test_a_filter_of_a_module_leaves_it_open(line, expected):
    assert list(varnish.doubts(vcl(line))) == expected
