"""lighttpd: text to tree, and the blocks that pass."""

import pytest

from flushcheck.configs import lighttpd
from flushcheck.configs.findings import Server
from tests.configs.shape import blocks, shape

READ = [
    # name, text, and the shape of what is read
    ("values", 'a.b = "c"\nd.e += ( "f" => 1,\n "g" => 2 )\n', [("a.b", "c", 1), ("d.e", "(", "f", "=>", "1", ",", "g", "=>", "2", ")", 2)]),
    ("conditions", '$HTTP["url"] =~ "^/a" { b.c = 1 }\nelse { d.e = 2 }', [("if", "$HTTP[", "url", "]", "=~", "^/a", 1, [("b.c", "1", 1)]), ("if", "else", 2, [("d.e", "2", 2)])]),
    ("case, comment", "Server.Port = 80 # 81",                        [("server.port", "80", 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), READ, ids=[row[0] for row in READ])
def test_a_text_is_read(name, text, expected):
    parsed = lighttpd.parse(text, "f")
    assert shape(parsed.directives) == expected
    assert parsed.problems == ()


PROBLEMS = [
    # name, text, and a part of the reason
    ("brace", "a = 1 }",                    "closes nothing"),
    ("words", "what is this",               "not understood"),
    ("shell", 'include_shell "/bin/sh"',    "no command is run"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "reason"), PROBLEMS, ids=[row[0] for row in PROBLEMS])
def test_unreadable_text_is_a_problem(name, text, reason):
    assert reason in " ".join(problem.reason for problem in lighttpd.parse(text, "f").problems)


PASSING = [
    # name, text, and the name and kind of every block that passes to an app
    ("the whole server", 'proxy.server = ( "" => ( ( "port" => 80 ) ) )',                          [("proxy.server", "http")]),
    ("a condition",      '$HTTP["url"] =~ "^/a" { fastcgi.server = ( "" => ( "port" => 1 ) ) }',   [('fastcgi.server in $HTTP[url]=~^/a', "fastcgi")]),
    ("an empty list",    "proxy.server = ( )",                                                     []),
    ("CGI",              'cgi.assign = ( ".pl" => "/usr/bin/perl" )',                              [("cgi.assign", "cgi")]),
    ("no backend",       "server.port = 80",                                                       []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), PASSING, ids=[row[0] for row in PASSING])
def test_the_blocks_that_pass(name, text, expected):
    assert [(block.name, block.via) for block in blocks(Server.LIGHTTPD, text)] == expected


UPGRADES = [
    # proxy.header around and in the block, and whether a WebSocket passes
    ('proxy.header = ( "upgrade" => "enable" )',   "",                                         True),
    ('proxy.header = ( "upgrade" => "disable" )',  "",                                         False),
    ("",                                           "",                                         False),
    ('proxy.header = ( "upgrade" => "enable" )',   'proxy.header = ( "map-host" => "x" )',     False),
]  # fmt: skip


@pytest.mark.parametrize(("outer", "inner", "expected"), UPGRADES)
def test_the_innermost_proxy_header_decides_about_upgrades(outer, inner, expected):
    text = f'{outer}\n$HTTP["url"] == "a" {{\n{inner}\nproxy.server = ( "" => ( "port" => 80 ) )\n}}'
    (block,) = blocks(Server.LIGHTTPD, text)
    assert lighttpd.upgrades(block) is expected
