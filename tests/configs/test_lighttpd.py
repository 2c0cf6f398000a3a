"""lighttpd: text to tree, and the blocks that pass."""

import pytest

from flushcheck.configs import lighttpd
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import ReadProblem
from tests.configs.shape import blocks, shape

READ = [
    # name, text, and the shape of what is read
    ("values", 'a.b = "c"\nd.e += ( "f" => 1,\n "g" => 2 )\n', [("a.b", "c", 1), ("d.e", "(", "f", "=>", "1", ",", "g", "=>", "2", ")", 2)]),
    ("conditions", '$HTTP["url"] =~ "^/a" { b.c = 1 }\nelse { d.e = 2 }', [("if", "$HTTP[", "url", "]", "=~", "^/a", 1, [("b.c", "1", 1)]), ("if", "else", 2, [("d.e", "2", 2)])]),
    ("one list", 'a.b = (\n"c"\n)\nd.e = 1',                         [("a.b", "(", "c", ")", 1), ("d.e", "1", 4)]),
    ("a list in a list", 'a.b = ( (\n"c" )\n)\nd.e = 1',            [("a.b", "(", "(", "c", ")", ")", 1), ("d.e", "1", 4)]),
    ("goes on", 'a.b = "c" +\n"d"\ne.f = g,\nh\ni.j =\n1\nk.l := 2', [("a.b", "c", "+", "d", 1), ("e.f", "g", ",", "h", 3), ("i.j", "1", 5), ("k.l", "2", 7)]),
    ("single quotes", "a.b = 'c d'",                                [("a.b", "c d", 1)]),
    ("an include", 'include "a"',                                   [("include", "a", 1)]),
    ("scripts of Debian", 'include_shell "/usr/share/lighttpd/use-ipv6.pl " + server.port\ninclude_shell "/usr/share/lighttpd/create-mime.conf.pl"', []),
    ("after a block", '$HTTP["a"] == "b" { c.d = 1 }\ne.f = 1\ng.h = 2', [("if", "$HTTP[", "a", "]", "==", "b", 1, [("c.d", "1", 1)]), ("e.f", "1", 2), ("g.h", "2", 3)]),
    ("a block without a condition", "\n{ a.b = 1 }",                [("if", 2, [("a.b", "1", 2)])]),
    ("case, comment", "Server.Port = 80 # 81",                        [("server.port", "80", 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), READ, ids=[row[0] for row in READ])
def test_a_text_is_read(name, text, expected):
    parsed = lighttpd.parse(text, "f")
    assert shape(parsed.directives) == expected
    assert parsed.problems == ()


PROBLEMS = [
    # name, text, and the line and the reason of the problem, and whether it makes the file incomplete
    ("brace", "\na = 1 }",                          (2, "} closes nothing that is open", True)),
    ("not closed", "\na = 1\n{",                   (3, "a block is not closed", True)),
    ("words", '\n"what" is this',                  (2, "not understood: what is this", True)),
    ("long", "a" * 60,                             (1, "not understood: " + "a" * 60, True)),
    ("longer", "a" * 61,                           (1, "not understood: " + "a" * 57 + "...", True)),
    ("no value", "a =",                            (1, "not understood: a =", True)),
    ("shell", '\ninclude_shell "/bin/sh" "-c"',    (2, "the output of /bin/sh -c is not read: no command is run", False)),
    ("long shell", f"include_shell {'a' * 60}",    (1, f"the output of {'a' * 60} is not read: no command is run", False)),
    ("longer shell", f"include_shell {'a' * 61}",  (1, f"the output of {'a' * 57}... is not read: no command is run", False)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "reason"), PROBLEMS, ids=[row[0] for row in PROBLEMS])
def test_unreadable_text_is_a_problem(name, text, reason):
    assert lighttpd.parse(text, "f").problems == (ReadProblem("f", *reason),)


PASSING = [
    # name, text, and the name and kind of every block that passes to an app
    ("the whole server", 'proxy.server = ( "" => ( ( "port" => 80 ) ) )',                          [("proxy.server", "http")]),
    ("a condition",      '$HTTP["url"] =~ "^/a" { fastcgi.server = ( "" => ( "port" => 1 ) ) }',   [('fastcgi.server in $HTTP[url]=~^/a', "fastcgi")]),
    ("an empty list",    "proxy.server = ( )",                                                     []),
    ("the other modules", 'scgi.server = ( "" => 1 )\nuwsgi.server = ( "" => 1 )',                  [("scgi.server", "scgi"), ("uwsgi.server", "uwsgi")]),
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
