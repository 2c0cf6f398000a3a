"""HAProxy: text to tree, and the sections that pass."""

import pytest

from flushcheck.configs import haproxy
from flushcheck.configs.address import Address
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import Config, ReadProblem, Scope
from tests.configs.shape import blocks, shape

READ = [
    # name, text, and the shape of what is read
    ("sections", "defaults\n mode http\nbackend b # c\n server s x:1", [("defaults", 1, [("mode", "http", 2)]), ("backend", "b", 3, [("server", "s", "x:1", 4)])]),
    ("option", "listen l\noption a\nno option b\ntimeout server 5s", [("listen", "l", 1, [("option a", "on", 2), ("option b", "off", 3), ("timeout server", "5s", 4)])]),
    ("other sections", "cache c\na\nbackend b\nd", [("cache", "c", 1, [("a", 2)]), ("backend", "b", 3, [("d", 4)])]),
    ("no value", "listen l\noption\ntimeout\nno\nno option", [("listen", "l", 1, [("option", "on", 2), ("timeout", 3), ("no", 4), ("option", "off", 5)])]),
    ("HAProxy's own start", ".if x\nglobal", [("global", 2, [])]),
    ("quotes", "listen l\na \"b # c\" 'd e' f\\ g # h",         [("listen", "l", 1, [("a", "b # c", "d e", "f g", 2)])]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), READ, ids=[row[0] for row in READ])
def test_a_text_is_read(name, text, expected):
    parsed = haproxy.parse(text, "f")
    assert shape(parsed.directives) == expected
    assert parsed.problems == ()


PROBLEMS = [
    # name, text, and the problem
    ("outside", "\nmode .x",                         ReadProblem("f", 2, "mode: outside of every section")),
    ("a long word outside", "m" * 41,                ReadProblem("f", 1, "m" * 40 + ": outside of every section")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "reason"), PROBLEMS, ids=[row[0] for row in PROBLEMS])
def test_unreadable_text_is_a_problem(name, text, reason):
    assert haproxy.parse(text, "f").problems == (reason,)


PASSING = [
    # name, text, and the name and kind of every block that passes to an app
    ("a backend",            "backend b\nmode http\nserver s x:1",                          [("backend b", "http")]),
    ("a listen section",     "listen l\nmode http\nserver s x:1",                           [("listen l", "http")]),
    ("a server template",    "backend b\nmode http\nserver-template s 2 x:1",               [("backend b", "http")]),
    ("a frontend",           "frontend f\nmode http\nbind :80",                             []),
    ("no server",            "backend b\nmode http",                                        []),
    ("TCP by default",       "backend b\nserver s x:1",                                     []),
    ("no name",              "backend\nmode http\nserver s x:1",                            []),
    ("one without a server", "backend a\nmode http\nbackend b\nmode http\nserver s x:1",   [("backend b", "http")]),
    ("one with TCP",         "backend a\nserver s x:1\nbackend b\nmode http\nserver s x:1", [("backend b", "http")]),
    ("unknown defaults",     "defaults\nmode http\nbackend b from d\nserver s x:1",         [("backend b", "http")]),
    ("defaults without a name", "defaults d\nmode http\ndefaults from d\noption a\ndefaults\nmode tcp\nbackend b from from\nserver s x:1", []),
    ("inherited mode",       "defaults\nmode http\nbackend b\nserver s x:1",                [("backend b", "http")]),
    ("the last defaults",    "defaults\nmode http\ndefaults\nmode tcp\nbackend b\nserver s x:1", []),
    ("defaults inherit nothing", "defaults\nmode http\ndefaults\noption a\nbackend b\nserver s x:1", []),
    ("named defaults",       "defaults d\nmode http\ndefaults\nmode tcp\nbackend b from d\nserver s x:1", [("backend b", "http")]),
    ("defaults on defaults", "defaults d\nmode http\ndefaults e from d\noption a\nbackend b from e\nserver s x:1", [("backend b", "http")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), PASSING, ids=[row[0] for row in PASSING])
def test_the_blocks_that_pass(name, text, expected):
    assert [(block.name, block.via) for block in blocks(Server.HAPROXY, text)] == expected


LEADING = [
    # name, frontend, and the sections that lead to backend b
    ("by default",      "frontend f\nmode http\ndefault_backend b",   ["frontend f"]),
    ("by a rule",       "frontend f\nmode http\nuse_backend b if x",  ["frontend f"]),
    ("at run time",     "frontend f\nmode http\nuse_backend %[x]",    ["frontend f"]),
    ("another backend", "frontend f\nmode http\ndefault_backend c",   []),
    ("in TCP mode",     "frontend f\nmode tcp\ndefault_backend b",    []),
    ("after TCP mode",  "frontend f\nmode tcp\nfrontend g\nmode http\ndefault_backend b", ["frontend g"]),
    ("from a backend",  "backend f\nmode http\ndefault_backend b",    []),
    ("twice",           "frontend f\nmode http\nuse_backend b if x\ndefault_backend b", ["frontend f"]),
    ("from a section",  "listen f\nmode http\ndefault_backend b",     ["listen f"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "frontend", "expected"), LEADING, ids=[row[0] for row in LEADING])
def test_the_frontends_that_lead_to_a_backend(name, frontend, expected):
    (block,) = blocks(Server.HAPROXY, f"{frontend}\nbackend b\nmode http\nserver s x:1")
    assert [haproxy.name(scope) for scope in block.related_scopes] == expected


@pytest.mark.parametrize(("number", "expected"), [(50, 50), (51, 50)])
def test_the_first_frontends_of_a_backend_are_looked_at(number, expected):
    frontends = "frontend f\nmode http\ndefault_backend b\n" * number
    (block,) = blocks(Server.HAPROXY, f"{frontends}backend b\nmode http\nserver s x:1")
    assert len(block.related_scopes) == expected


@pytest.mark.parametrize(("number", "expected"), [(19, 1), (20, 0)])
def test_so_many_defaults_inherit_from_each_other(number, expected):
    defaults = "".join(f"defaults d{n + 1} from d{n}\n" for n in range(number))
    text = f"defaults d0\nmode http\n{defaults}backend b from d{number}\nserver s x:1"
    assert len(blocks(Server.HAPROXY, text)) == expected


def test_no_delay_is_off_by_default():
    value = haproxy.no_delay(Scope(None, []))
    assert (value.text, value.source) == ("option http-no-delay off", "HAProxy's default")
    assert haproxy.name(Scope(None, [])) == ""


def test_a_listen_section_is_its_own_frontend():
    (block,) = blocks(
        Server.HAPROXY, "frontend f\nmode http\nuse_backend %[x]\nlisten l\nmode http\nserver s x:1"
    )
    assert block.related_scopes == ()


BINDS = [
    # lines of a frontend, version, and of every bind for TCP: TLS or not, HTTP/2 or not
    ("bind :443 ssl crt x alpn h2,http/1.1",              (),      ["h2"]),
    ("bind :443 ssl crt x alpn h2\nbind :80",             (),      ["h2", "plain"]),
    ("bind :443 ssl crt x alpn http/1.1",                 (),      ["tls"]),
    ("bind :443 ssl crt x alpn h2c",                      (),      ["tls"]),
    ("bind :443 ssl crt x",                               (),      ["h2"]),
    ("bind :443 ssl crt x",                               (2, 7),  ["tls"]),
    ("bind :443 ssl crt x",                               (2, 8),  ["h2"]),
    ("bind :443 ssl crt x no-alpn",                       (2, 8),  ["tls"]),
    ("bind :443 alpn h2",                                 (),      ["plain"]),
    ("bind quic4@:443 ssl crt x alpn h3",                 (),      []),
    ("bind",                                              (),      ["plain"]),
    ("",                                                  (),      []),
    ("bind :80\nbind :443 ssl\nredirect scheme https",    (),      ["h2"]),
    ("bind :80\nredirect scheme https",                   (),      ["plain"]),
    ("bind :80\n" * 51,                                   (),      ["plain"] * 50),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "version", "expected"), BINDS)
def test_where_a_frontend_takes_requests(lines, version, expected):
    text = f"frontend f\nmode http\ndefault_backend b\n{lines}\nbackend b\nmode http\nserver s x:1"
    (block,) = blocks(Server.HAPROXY, text)
    found = haproxy.listeners(block.related_scopes[0], version)
    assert ["h2" if one.http2 else "tls" if one.tls else "plain" for one in found] == expected


def test_a_block_that_passes_by_its_version_says_so():
    text = "listen l\nmode http\nbind :443 ssl\nserver s x:1"
    (block,) = blocks(Server.HAPROXY, text, version=(2, 6))
    assert haproxy.pass_reason(block) == (
        "HAProxy 2.6 has ticks of 200 ms only where it writes plain HTTP/1.1 to its client (until 2.8), and each bind "
        "without the option has ssl"
    )


TIMES = [
    ("50000", 50),
    ("50s", 50),
    ("500ms", 0.5),
    ("2m", 120),
    ("1h", 3600),
    ("1d", 86400),
    ("1us", 1e-6),
    ("?", None),
]


@pytest.mark.parametrize(("text", "expected"), TIMES)
def test_a_time(text, expected):
    assert haproxy.seconds(text) == expected


ROUTED = "frontend f\nmode http\nbind :80,:81\nbind 10.0.0.1:82\ndefault_backend b\nfrontend g\nmode http\nbind :83\nbind\nuse_backend c\nbackend b\nmode http\nserver s x:1\nbackend c\nmode http\nserver s x:1\nlisten l\nmode http\nbind :84\nserver s x:1\n"
PORTS = [(80, ["b"]), (81, ["b"]), (82, ["b"]), (83, ["c"]), (84, ["l"]), (85, ["b", "c", "l"])]


@pytest.mark.parametrize(("port", "expected"), PORTS)
def test_an_address_leads_to_what_a_bind_on_its_port_leads_to(port, expected):
    found = haproxy.route(
        Config(Server.HAPROXY, "f", ()), blocks(Server.HAPROXY, ROUTED), Address("h", port, ("/",))
    )
    assert [block.name.split()[1] for block in found.blocks] == expected
