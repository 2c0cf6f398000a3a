"""nginx: which blocks pass, which values are in force, and passes to a server of the same configuration."""

import pytest

from flushcheck.configs import nginx
from flushcheck.configs.findings import Server
from tests.configs.shape import blocks

PASSING = [
    # name, text, and the name and kind of every block that passes to an app
    ("a location",               "location / { proxy_pass http://x; }",                                 [("location /", "http")]),
    ("the other modules",        "location /a { fastcgi_pass x; } location /b { uwsgi_pass x; } location /c { scgi_pass x; }", [("location /a", "fastcgi"), ("location /b", "uwsgi"), ("location /c", "scgi")]),
    ("gRPC",                     "location / { grpc_pass x; }",                                         []),
    ("Passenger",                "location / { passenger_enabled on; }",                                [("location /", "passenger")]),
    ("Passenger, off",           "location / { passenger_enabled off; }",                               []),
    ("a variable",               "location / { proxy_pass $x; }",                                       [("location /", "http")]),
    ("an address of stream { }", "server { proxy_pass x:80; }",                                         []),
    ("inside stream { }",        "stream { server { proxy_pass http://x; } }",                          []),
    ("a location inside",        "location / { proxy_pass http://x; location /b { } }",                 [("location /", "http")]),
    ("an if with a pass",        "location / { if ($a) { proxy_pass http://x; } }",                     [("location /, if ($a)", "http")]),
    ("an if that changes much",  "location / { proxy_pass http://x; if ($a) { gzip on; } }",            [("location /", "http"), ("location /, if ($a)", "http")]),
    ("an if that changes little", "location / { proxy_pass http://x; if ($a) { set $b 1; } }",          [("location /", "http")]),
    ("a subrequest",             "location / { auth_request /a; proxy_pass http://x; } location = /a { proxy_pass http://x; }", [("location /", "http")]),
    ("a mirror",                 "mirror /a; location = /a { proxy_pass http://x; }",                   []),
    ("robots.txt",               "location = /robots.txt { proxy_pass http://x; }",                     []),
    ("one file",                 "location = /a.png { proxy_pass http://x; }",                          []),
    ("one address",              "location = /a { proxy_pass http://x; }",                              [("location = /a", "http")]),
    ("files by ending",          r"location ~* \.(js|css|jpe?g)$ { proxy_pass http://x; }",             []),
    ("other endings too",        r"location ~ \.(js|php)$ { proxy_pass http://x; }",                    [(r"location ~ \.(js|php)$", "http")]),
    ("a prefix like an ending",  r"location \.(js|css)$ { proxy_pass http://x; }",                      [(r"location \.(js|css)$", "http")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), PASSING, ids=[row[0] for row in PASSING])
def test_the_blocks_that_pass(name, text, expected):
    assert [(block.name, block.via) for block in blocks(Server.NGINX, text)] == expected


def in_location(lines, pass_line="proxy_pass http://x;"):
    (block,) = blocks(Server.NGINX, f"location / {{ {lines} {pass_line} }}")
    return block


HOLDS = [
    # lines, pass, whether nginx holds the response, whether chunks pass one by one with buffering on
    ("",                                                 "proxy_pass http://x;",   True,  False),
    ("proxy_buffering off;",                             "proxy_pass http://x;",   False, False),
    ("proxy_http_version 1.1;",                          "proxy_pass http://x;",   False, True),
    ("proxy_http_version 1.1; proxy_buffering off;",     "proxy_pass http://x;",   False, False),
    ("",                                                 "fastcgi_pass x;",        True,  False),
    ("fastcgi_buffering off;",                           "fastcgi_pass x;",        False, False),
    ("proxy_buffering off;",                             "fastcgi_pass x;",        True,  False),
    ("proxy_http_version 1.1;",                          "uwsgi_pass x;",          True,  False),
    ("",                                                 "passenger_enabled on;",  False, False),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "pass_line", "holds", "flushes"), HOLDS)
def test_a_response_is_held_in_buffers(lines, pass_line, holds, flushes):
    block = in_location(lines, pass_line)
    assert (nginx.holds(block), nginx.flushes_chunks(block)) == (holds, flushes)


IGNORED = [
    # lines, and whether nginx ignores X-Accel-Buffering
    ("",                                                              False),
    ("proxy_ignore_headers X-Accel-Buffering;",                       True),
    ("proxy_ignore_headers Expires x-accel-buffering;",               True),
    ("proxy_ignore_headers Expires;",                                 False),
    ("fastcgi_ignore_headers X-Accel-Buffering;",                     False),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), IGNORED)
def test_a_line_makes_nginx_ignore_the_header(lines, expected):
    assert (nginx.ignored_x_accel(in_location(lines)) is not None) is expected


def test_a_list_of_request_headers_is_replaced_as_a_whole():
    outer = "proxy_set_header Upgrade $http_upgrade;"
    (block,) = blocks(Server.NGINX, f"server {{ {outer} location / {{ proxy_pass http://x; }} }}")
    line = nginx.request_header(block, "upgrade")
    assert line is not None
    assert line.args == ("Upgrade", "$http_upgrade")
    inner = "location / { proxy_set_header Host x; proxy_pass http://x; }"
    (block,) = blocks(Server.NGINX, f"server {{ {outer} {inner} }}")
    assert nginx.request_header(block, "upgrade") is None


BLOCKS = [
    ("", 4096),
    ("proxy_buffers 4 16k;", 16384),
    ("proxy_buffers 4;", 4096),
    ("proxy_buffers 4 $x;", 4096),
]


@pytest.mark.parametrize(("lines", "expected"), BLOCKS)
def test_a_hold_has_the_size_of_one_buffer(lines, expected):
    assert nginx.block_bytes(in_location(lines)) == expected


INNER = [
    # name, listen line of the inner server, pass of the outer one, and whether it leads to the inner one
    ("a port",              "listen 8080;",            "proxy_pass http://127.0.0.1:8080;",       True),
    ("another port",        "listen 8080;",            "proxy_pass http://127.0.0.1:8081;",       False),
    ("an address",          "listen 127.0.0.1:8080;",  "proxy_pass http://localhost:8080/a;",     True),
    ("another machine",     "listen 8080;",            "proxy_pass http://10.0.0.1:8080;",        False),
    ("port 80 by default",  "listen 127.0.0.1;",       "proxy_pass http://localhost;",            True),
    ("port 443 by default", "listen 443;",             "proxy_pass https://localhost;",           True),
    ("a socket",            "listen unix:/s;",         "proxy_pass http://unix:/s:/a;",           True),
    ("another socket",      "listen unix:/s;",         "proxy_pass http://unix:/t;",              False),
    ("an upstream",         "listen 8080;",            "proxy_pass http://up;",                   True),
    ("no HTTP",             "listen 8080;",            "uwsgi_pass 127.0.0.1:8080;",              False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "listen", "pass_line", "expected"), INNER, ids=[row[0] for row in INNER])
def test_a_pass_leads_to_a_server_of_the_same_file(name, listen, pass_line, expected):
    text = (
        "http { upstream up { server 127.0.0.1:8080; }\n"
        f"server {{ {listen} location / {{ proxy_pass http://app; }} }}\n"
        f"server {{ listen 81; location /outer {{ {pass_line} }} }} }}"
    )
    outer = blocks(Server.NGINX, text)[1]
    assert (outer.inner_server is not None, outer.inner_strips_header) == (expected, expected)


def test_a_server_that_passes_to_itself_has_no_inner_server():
    (block,) = blocks(Server.NGINX, "server { listen 80; location / { proxy_pass http://localhost; } }")
    assert block.inner_server is None


def test_an_inner_server_that_passes_the_header_on_does_not_strip_it():
    inner = (
        "server { listen 8080; location / { proxy_pass_header X-Accel-Buffering; proxy_pass http://app; } }"
    )
    outer = "server { listen 80; location / { proxy_pass http://localhost:8080; } }"
    block = blocks(Server.NGINX, f"{inner}\n{outer}")[1]
    assert (block.inner_server is not None, block.inner_strips_header) == (True, False)


PLACES = [
    # name, location, and the line that new ones go before
    ("before the pass",          "location / {\ngzip on;\nproxy_pass http://x;\n}",                       3),
    ("before the pass of an if", "location / {\nif ($a) {\nproxy_pass http://x;\n}\n}",                   2),
    ("once for both",            "location / {\nif ($a) {\nproxy_pass http://x;\n}\nproxy_pass http://y;\n}", 5),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "line"), PLACES, ids=[row[0] for row in PLACES])
def test_new_lines_of_a_location_go_to_one_place(name, text, line):
    places = {block.edit(None, "x;")[0].line for block in blocks(Server.NGINX, text)}
    assert places == {line}


TIMES = [
    ("60", 60), ("75s", 75), ("1h 30m", 5400), ("1h30m", 5400), ("500ms", 0.5), ("1M", 2592000), ("1y", 31536000),
    ("2w", 1209600), ("3d", 259200), ("$t", None), ("", None), ("1 2 x", None), ("1" * 5000, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TIMES)
def test_a_time(text, expected):
    assert nginx.seconds(text) == expected


SIZES = [("4k", 4096), ("0", 0), ("1M", 1 << 20), ("2g", 2 << 30), ("$r", None), ("", None)]


@pytest.mark.parametrize(("text", "expected"), SIZES)
def test_a_size(text, expected):
    assert nginx.size_bytes(text) == expected
