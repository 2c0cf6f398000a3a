"""Which block of an nginx configuration an address leads to: by listen, server_name and path, as nginx chooses."""

import pytest

from flushcheck.checking.check import check
from flushcheck.configs.address import Address
from flushcheck.configs.findings import Server
from flushcheck.configs.formats import FORMATS
from flushcheck.files import read_text

A, B = "location / { proxy_pass http://a; }", "location / { proxy_pass http://b; }"


def address(url: str, *more: str) -> Address:
    """host:port/path, without a scheme, and further paths."""
    host, _, rest = url.partition(":")
    port, slash, path = rest.partition("/")
    return Address(host, int(port), (f"{slash}{path}", *more))


def server(lines: str, target: str) -> str:
    return f"server {{ {lines} location / {{ proxy_pass http://{target}; }} }}\n"


def locations(lines: str) -> str:
    return f"server {{ {lines} }}\n"


PORTS = server("listen 80;", "a") + server("listen 8080;", "b") + server("listen 127.0.0.2:8081;", "c")
NAMES = "".join(
    server(f"listen 80{' default_server' if target == 'd' else ''}; server_name {name};", target)
    for name, target in [
        ("a.org", "a"), ("*.a.org", "w"), ("*.x.a.org", "x"), ("www.*", "e"), (".b.org", "b"), ("_", "d"),
        (r"~^r\d+\.c\.org$", "r"), ("~(", "bad"), ("C.ORG q.org", "c"),
    ]
)  # fmt: skip
PATHS = locations(
    "location = /one { proxy_pass http://one; } location /a { proxy_pass http://a; } location /a/b { proxy_pass http://ab; }"
    r" location ~ \.x$ { proxy_pass http://x; } location ~* \.Y$ { proxy_pass http://y; } location ^~ /s/ { proxy_pass http://s; }"
    " location =/two { proxy_pass http://two; } location ~ ( { proxy_pass http://bad; }"
    " location /n { proxy_pass http://n; location /n/in { proxy_pass http://in; } location /n/files { root /; } }"
    " location /if { if ($a) { proxy_pass http://if; } }"
    " location /t { try_files $uri @app; } location @app { proxy_pass http://app; } location /u { try_files $uri @none; }"
    " location /i { try_files $uri /a/b/x; } location /loop { error_page 404 @loop; } location @loop { error_page 404 @loop; proxy_pass http://loop; }"
)

CHAIN = (
    server("listen 80;", "127.0.0.1:81") + server("listen 82;", "app") + server("listen 81;", "127.0.0.1:82")
)

ROUTES = [
    # configuration, address, and the targets of the blocks that it leads to
    (PORTS, "h:80/",                 ["a"]),
    (PORTS, "h:8080/",               ["b"]),
    (PORTS, "h:8081/",               ["c"]),
    (PORTS, "127.0.0.2:8081/",       ["c"]),
    (PORTS, "127.0.0.3:8081/",       ["a", "b", "c"]),
    (PORTS, "localhost:8081/",       ["a", "b", "c"]),
    (PORTS, "h:9/",                  ["a", "b", "c"]),
    (server("", "a") + server("listen 81;", "b"), "h:80/", ["a"]),
    (server("listen h;", "a") + server("listen 81;", "b"), "h:80/", ["a"]),
    (server("listen unix:/s;", "a") + server("listen 0.0.0.0:81;", "b"), "127.0.0.1:81/", ["b"]),
    (server("listen [::]:80;", "a") + server("listen 81;", "b"), "h:80/", ["a"]),
    (server("listen 80;", "a") + server("listen 80;", "b"), "h:80/", ["a"]),
    (NAMES, "a.org:80/",             ["a"]),
    (NAMES, "y.a.org:80/",           ["w"]),
    (NAMES, "y.x.a.org:80/",         ["x"]),
    (NAMES, "www.z.org:80/",         ["e"]),
    (NAMES, "www.a.org:80/",         ["w"]),
    (NAMES, "b.org:80/",             ["b"]),
    (NAMES, "y.b.org:80/",           ["b"]),
    (NAMES, "r7.c.org:80/",          ["r"]),
    (NAMES, "rx.c.org:80/",          ["d"]),
    (NAMES, "c.org:80/",             ["c"]),
    (NAMES, "other.org:80/",         ["d"]),
    (NAMES, "c.org:8443/",           ["c"]),
    (NAMES, "y.b.org:8443/",         ["b"]),
    (NAMES, "other.org:8443/",       ["a", "w", "x", "e", "b", "d", "r", "bad", "c"]),
    (PATHS, "h:80/one",              ["one"]),
    (PATHS, "h:80/two",              ["two"]),
    (PATHS, "h:80/one/",             []),
    (PATHS, "h:80/a",                ["a"]),
    (PATHS, "h:80/a/b",              ["ab"]),
    (PATHS, "h:80/a/b.x",            ["x"]),
    (PATHS, "h:80/a/b.y",            ["y"]),
    (PATHS, "h:80/s/b.x",            ["s"]),
    (PATHS, "h:80/n",                ["n"]),
    (PATHS, "h:80/n/in",             ["in"]),
    (PATHS, "h:80/n/files",          []),
    (PATHS, "h:80/if",               ["if"]),
    (PATHS, "h:80/t",                ["app"]),
    (PATHS, "h:80/u",                []),
    (PATHS, "h:80/i",                ["ab"]),
    (PATHS, "h:80/loop",             ["loop"]),
    (CHAIN, "h:80/",                 ["127.0.0.1:81", "127.0.0.1:82", "app"]),
    (CHAIN, "h:81/",                 ["127.0.0.1:82", "app"]),
    (A, "h:80/",                     ["a"]),
    ("http { " + PORTS + " }", "h:8080/", ["b"]),
]  # fmt: skip


def routed(text: str, to: Address):
    (config,) = read_text(text, server=Server.NGINX, name="f").configs
    blocks = tuple(FORMATS[Server.NGINX].blocks(config))
    return FORMATS[Server.NGINX].route(config, blocks, to)


@pytest.mark.parametrize(("text", "url", "expected"), ROUTES)
def test_the_blocks_that_an_address_leads_to(text, url, expected):
    found = routed(text, address(url)).blocks
    assert [block.pass_directive.args[0].removeprefix("http://") for block in found] == expected


def test_several_paths_lead_to_each_of_their_blocks_once():
    found = routed(PATHS, address("h:80/a", "/a/x", "/one")).blocks
    assert [block.name for block in found] == ["location /a", "location = /one"]


REMARKS = [
    # configuration, address, the remark on the way, and the problem that the check reports
    (PORTS, "h:8080/", "", []),
    (NAMES, "c.org:8443/", "no server here listens on port 8443: chosen by its name alone",
        ["c.org:8443 leads to the server at f:9: no server here listens on port 8443: chosen by its name alone"]),
    (PATHS, "h:80/n/files", "", ["h:80 leads to the server at f:1, where nothing passes /n/files to an app"]),
    (PORTS, "h:9/", "", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "url", "remark", "reasons"), REMARKS)
def test_what_is_uncertain_on_the_way_is_said(text, url, remark, reasons):
    assert routed(text, address(url)).remark == remark
    (config,) = read_text(text, server=Server.NGINX, name="f").configs
    problems = check(config, address=address(url)).problems
    assert [problem.reason for problem in problems if "leads to" in problem.reason] == reasons


def test_only_the_blocks_on_the_way_have_findings():
    (config,) = read_text(PORTS, server=Server.NGINX, name="f").configs
    lines = {finding.block_line for finding in check(config, address=address("h:8080/")).findings}
    assert lines == {2}
    assert len({finding.block_line for finding in check(config).findings}) == 3


def test_a_format_that_cannot_tell_keeps_every_block():
    text = "listen a\nmode http\nbind :80\nserver s x:1\nlisten b\nmode http\nbind :81\nserver s x:1\n"
    (config,) = read_text(text, server=Server.LIGHTTPD, name="f").configs
    blocks = tuple(FORMATS[Server.LIGHTTPD].blocks(config))
    assert FORMATS[Server.LIGHTTPD].route(config, blocks, address("h:80/")).blocks == blocks
