"""nginx: which blocks pass, which values are in force, and passes to a server of the same configuration."""

from dataclasses import replace

import pytest

from flushcheck.configs import nginx
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import MAX_BLOCKS, IncludeResolver
from tests.configs.shape import blocks, line

PASSING = [
    # name, text, and the name and kind of every block that passes to an app
    ("a location",               "location / { proxy_pass http://x; }",                                 [("location /", "http")]),
    ("the other modules",        "location /a { fastcgi_pass x; } location /b { uwsgi_pass x; } location /c { scgi_pass x; }", [("location /a", "fastcgi"), ("location /b", "uwsgi"), ("location /c", "scgi")]),
    ("gRPC",                     "location / { grpc_pass x; }",                                         []),
    ("Passenger",                "location / { passenger_enabled on; }",                                [("location /", "passenger")]),
    ("Passenger, off",           "location / { passenger_enabled off; }",                               []),
    ("a variable",               "location / { proxy_pass $x; }",                                       [("location /", "http")]),
    ("no address",               "location / { proxy_pass; fastcgi_pass; passenger_enabled; }",         []),
    ("at the top",               "proxy_pass http://x;",                                                [("top of the file", "http")]),
    ("a location without a path", "location { proxy_pass http://x; }",                                  [("location", "http")]),
    ("an if at the top",         "if ($a) { proxy_pass http://x; }",                                    [("if ($a)", "http")]),
    ("a comment",                "location / { # here\nproxy_pass http://x; }",                         [("location /", "http")]),
    ("an address of stream { }", "server { proxy_pass x:80; }",                                         []),
    ("inside stream { }",        "stream { server { proxy_pass http://x; } }",                          []),
    ("a location inside",        "location / { proxy_pass http://x; location /b { } }",                 [("location /", "http")]),
    ("an if with a pass",        "location / { if ($a) { proxy_pass http://x; } }",                     [("location /, if ($a)", "http")]),
    ("an if that changes much",  "location / { proxy_pass http://x; if ($a) { gzip on; } }",            [("location /", "http"), ("location /, if ($a)", "http")]),
    ("an if that changes little", "location / { proxy_pass http://x; if ($a) { set $b 1; } }",          [("location /", "http")]),
    ("an if that changes a rate", "location / { proxy_pass http://x; if ($a) { limit_rate 1k; } }",     [("location /", "http"), ("location /, if ($a)", "http")]),
    ("limits by method",         "location / { limit_except GET { proxy_pass http://x; } }",            [("location /, limit_except GET", "http")]),
    ("a subrequest",             "location / { auth_request /a; proxy_pass http://x; } location = /a { proxy_pass http://x; }", [("location /", "http")]),
    ("a mirror",                 "mirror /a; location = /a { proxy_pass http://x; }",                   []),
    ("robots.txt",               "location = /robots.txt { proxy_pass http://x; }",                     []),
    ("one file",                 "location = /a.png { proxy_pass http://x; }",                          []),
    ("one film",                 "location = /a.webm { proxy_pass http://x; }",                         []),
    ("a file with two endings",  "location = /a.min.js { proxy_pass http://x; }",                       []),
    ("files, case counts",       r"location ~ \.js$ { proxy_pass http://x; }",                          []),
    ("one address",              "location = /a { proxy_pass http://x; }",                              [("location = /a", "http")]),
    ("files by ending",          r"location ~* \.(js|css|jpe?g)$ { proxy_pass http://x; }",             []),
    ("other endings too",        r"location ~ \.(js|php)$ { proxy_pass http://x; }",                    [(r"location ~ \.(js|php)$", "http")]),
    ("a prefix like an ending",  r"location \.(js|css)$ { proxy_pass http://x; }",                      [(r"location \.(js|css)$", "http")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), PASSING, ids=[row[0] for row in PASSING])
def test_the_blocks_that_pass(name, text, expected):
    assert [(block.name, block.via) for block in blocks(Server.NGINX, text)] == expected


def test_one_block_more_than_the_check_looks_at_is_found():
    text = "location / { proxy_pass http://x; }\n" * (MAX_BLOCKS + 2)
    assert len(blocks(Server.NGINX, text)) == MAX_BLOCKS + 1


UNREAD = [
    # a line of a location, and whether it is an include that may change what is in force
    ("include app.conf;",                        True),
    ("include;",                                 True),
    ("include proxy_params;",                    False),
    ("include /etc/nginx/fastcgi_params;",       False),
    ("include snippets/fastcgi-php.conf;",       False),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), UNREAD)
def test_an_include_that_was_not_read_may_change_a_value(line, expected):
    assert bool(in_location(line).unread_includes) is expected


OPAQUE = ["map", "geo", "types", "split_clients", "charset_map", "stream", "mail", "events"]


@pytest.mark.parametrize("name", OPAQUE)
def test_the_includes_of_a_block_without_a_response_are_not_read(name):
    resolver = IncludeResolver(nginx.INCLUDES, lambda _: [], opaque=nginx.OPAQUE_BLOCKS)
    include = line("include", "x")
    assert resolver.resolve((line("http", block=(include,)),))[0].block == ()
    assert resolver.resolve((line(name, block=(include,)),))[0].block == (include,)


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


VALUES = [
    # lines, pass, version, the value of buffering and its source, the HTTP version and its source
    ("",                        "proxy_pass http://x;",  (),         ("proxy_buffering on", "nginx's default"), ("proxy_http_version 1.0", "nginx's default until 1.29.7")),
    ("",                        "scgi_pass x;",          (1, 29, 6), ("scgi_buffering on", "nginx's default"),  ("proxy_http_version 1.0", "nginx's default until 1.29.7")),
    ("",                        "uwsgi_pass x;",         (1, 29, 7), ("uwsgi_buffering on", "nginx's default"), ("proxy_http_version 1.1", "nginx's default since 1.29.7")),
    ("proxy_http_version 1.1; proxy_buffering off;", "proxy_pass http://x;", (1, 30), ("proxy_buffering off", "f:1"), ("proxy_http_version 1.1", "f:1")),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "pass_line", "version", "buffering", "http_version"), VALUES)
def test_the_values_in_force(lines, pass_line, version, buffering, http_version):
    block = replace(in_location(lines, pass_line), version=version)
    values = [nginx.buffering(block), nginx.http_version(block)]
    assert [(value.text, value.source) for value in values] == [buffering, http_version]


PREFIXES = [
    ("proxy_pass http://x;", "proxy"),
    ("fastcgi_pass x;", "fastcgi"),
    ("uwsgi_pass x;", "uwsgi"),
    ("scgi_pass x;", "scgi"),
    ("passenger_enabled on;", ""),
]


@pytest.mark.parametrize(("pass_line", "expected"), PREFIXES)
def test_the_first_word_of_the_settings_of_a_pass(pass_line, expected):
    assert nginx.prefix(in_location("", pass_line)) == expected


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
    block = in_location(lines)
    assert (nginx.ignored_x_accel(block) is not None) is expected
    assert (nginx.ignored(block, "expires") is not None) is ("Expires" in lines)


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
    ("a socket, no path",   "listen unix:/s;",         "proxy_pass http://unix:/s;",              True),
    ("an upstream",         "listen 8080;",            "proxy_pass http://up;",                   True),
    ("an upstream, port 80", "listen 80;",             "proxy_pass http://plain;",                True),
    ("another upstream",    "listen 8080;",            "proxy_pass http://other;",                False),
    ("a second address",    "listen 8080;",            "proxy_pass http://second;",               True),
    ("an address in an address", "listen 8080;",       "proxy_pass http://127.0.0.1:8080/?u=http://x/;", True),
    ("all addresses",       "listen *:8080;",          "proxy_pass http://localhost:8080;",       True),
    ("all IPv4 addresses",  "listen 0.0.0.0:8080;",    "proxy_pass http://localhost:8080;",       True),
    ("all IPv6 addresses",  "listen [::]:8080;",       "proxy_pass http://localhost:8080;",       True),
    ("IPv6",                "listen [::1]:8080;",      "proxy_pass http://localhost:8080;",       True),
    ("IPv6, port 80",       "listen [::1];",           "proxy_pass http://localhost;",            True),
    ("a name, port 80",     "listen app:80;",          "proxy_pass http://app;",                  True),
    ("no listen line",      "keepalive_timeout 8080;", "proxy_pass http://localhost:8080;",       False),
    ("no HTTP",             "listen 8080;",            "uwsgi_pass 127.0.0.1:8080;",              False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "listen", "pass_line", "expected"), INNER, ids=[row[0] for row in INNER])
def test_a_pass_leads_to_a_server_of_the_same_file(name, listen, pass_line, expected):
    text = (
        "http { upstream up { server 127.0.0.1:8080; } upstream plain { server localhost; }\n"
        "upstream other { keepalive 8080; server; server 10.0.0.1:8080; }\n"
        "upstream second { server 10.0.0.1:8080; server localhost:8080; }\n"
        f"server {{ {listen} location / {{ proxy_pass http://app; }} }}\n"
        f"server {{ listen 81; location /outer {{ {pass_line} }} }} }}"
    )
    outer = blocks(Server.NGINX, text)[1]
    assert (outer.inner_server is not None, outer.inner_strips_header) == (expected, expected)


@pytest.mark.parametrize(("servers", "expected"), [(50, False), (49, True)])
def test_the_first_servers_of_an_upstream_are_looked_at(servers, expected):
    upstream = f"upstream up {{ {'server 10.0.0.1;' * servers} server localhost:8080; }}"
    inner = "server { listen 8080; }"
    outer = "server { location / { proxy_pass http://up; } }"
    (block,) = blocks(Server.NGINX, f"{upstream}\n{inner}\n{outer}")
    assert (block.inner_server is not None) is expected


def test_a_server_of_stream_is_no_inner_server():
    inner = "stream { server { listen 8080; proxy_pass x:1; } }"
    (block,) = blocks(
        Server.NGINX, f"{inner}\nserver {{ location / {{ proxy_pass http://localhost:8080; }} }}"
    )
    assert block.inner_server is None


def test_an_inner_server_without_a_pass_strips_nothing():
    inner = "server { listen 8080; root /srv; }"
    (block,) = blocks(
        Server.NGINX, f"{inner}\nserver {{ location / {{ proxy_pass http://localhost:8080; }} }}"
    )
    assert (block.inner_server is not None, block.inner_strips_header) == (True, False)


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
    ("before the line that passes", "location / {\nproxy_pass x:1;\nproxy_pass http://x;\n}",           3),
    ("before the pass of an if", "location / {\nif ($a) {\nproxy_pass http://x;\n}\n}",                   2),
    ("once for both",            "location / {\nif ($a) {\nproxy_pass http://x;\n}\nproxy_pass http://y;\n}", 5),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "line"), PLACES, ids=[row[0] for row in PLACES])
def test_new_lines_of_a_location_go_to_one_place(name, text, line):
    places = {block.edit(None, "x;")[0].line for block in blocks(Server.NGINX, text)}
    assert places == {line}


TIMES = [
    ("60", 60), ("75s", 75), ("1h 30m", 5400), ("1h30m", 5400), ("500ms", 0.5), ("1M", 2592000), ("1y", 31536000),
    ("2w", 1209600), ("3d", 259200), ("$t", None), ("", None), ("1 2 x", None), ("1" * 5000, None), ("1 " * 20, 20), ("1 " * 20 + "1", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TIMES)
def test_a_time(text, expected):
    assert nginx.seconds(text) == expected


SIZES = [("4k", 4096), ("7", 7), ("0", 0), ("1M", 1 << 20), ("2g", 2 << 30), ("$r", None), ("", None)]


@pytest.mark.parametrize(("text", "expected"), SIZES)
def test_a_size(text, expected):
    assert nginx.size_bytes(text) == expected
