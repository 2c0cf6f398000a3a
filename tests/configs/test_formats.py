"""Why a block without Findings lets a stream through, for every server."""

import pytest

from flushcheck.configs import apache, caddy, haproxy, lighttpd, php, varnish
from flushcheck.configs.findings import Server
from flushcheck.configs.formats import FORMATS
from flushcheck.configs.tree import ReadProblem
from tests.configs.shape import blocks, facts

REASONS = [
    # server, text, name of the file, and the reason of its block
    (Server.NGINX,    "location / {\nproxy_buffering off; proxy_pass http://x; }",        "f", "proxy_buffering off (line 2)"),
    (Server.NGINX,    "location / {\nproxy_http_version 1.1; proxy_pass http://x; }",     "f", "proxied with HTTP/1.1 (line 2): chunks pass one by one"),
    (Server.NGINX,    "location / {\nfastcgi_keep_conn on; fastcgi_pass x; }",               "f", "fastcgi_keep_conn on (line 2): FastCGI records pass one by one"),
    (Server.NGINX,    "location / { passenger_enabled on; }",                             "f", "Passenger does not buffer the response"),
    (Server.APACHE,   "ProxyPass / http://x/",                                            "f", "mod_proxy_http passes each piece on at once"),
    (Server.APACHE,   "ProxyPass / fcgi://x/ flushpackets=on",                            "f", "flushpackets on (line 1)"),
    (Server.APACHE,   "FcgidOutputBufferSize 0\nAddHandler fcgid-script .f",              "f", "FcgidOutputBufferSize 0 (line 1)"),
    (Server.APACHE,   "AddHandler fcgid-script .f",                                       "f", "FcgidOutputBufferSize 65536 (Apache's default)"),
    (Server.APACHE,   "ProxyPass / ws://x/",                                              "f", "mod_proxy_http passes each piece on at once"),
    (Server.APACHE,   "PassengerEnabled on",                                              "f", "the module passes each piece on at once"),
    (Server.APACHE,   "ScriptAlias / /x.cgi",                                             "f", "the module passes each piece on at once"),
    (Server.APACHE,   "WSGIScriptAlias / /app.wsgi",                                      "f", "the module passes each piece on at once"),
    (Server.APACHE,   "php_flag zlib.output_compression off",                             "f", "no cause of a hold is known for it"),
    (Server.HAPROXY,  "listen l\nmode http\noption http-no-delay\nserver s x:1",          "f", "option http-no-delay (line 3)"),
    (Server.HAPROXY,  "listen l\nmode http\nserver s x:1",                                "f", "option http-no-delay in every frontend that leads here"),
    (Server.LIGHTTPD, 'proxy.server = ( "" => 1 )',                                       "f", "server.stream-response-body 0 (lighttpd's default)"),
    (Server.LIGHTTPD, 'server.stream-response-body = 1\nproxy.server = ( "" => 1 )',      "f", "server.stream-response-body 1 (line 1)"),
    (Server.CADDY,    "a {\n reverse_proxy x\n}",                                         "f", "nothing encodes or buffers this response"),
    (Server.VARNISH,  'backend b { .host = "x"; }',                                       "f", "responses are streamed, neither compressed nor searched for ESI"),
    (Server.PHP,      "output_buffering = Off",                                           "f", "output_buffering Off (line 1)"),
    (Server.PHP,      "zlib.output_compression = Off",                                    "f", "output_buffering 0 (PHP's default)"),
    (Server.PHP,      "[w]\npm = x",                                                      "f", "the pool buffers nothing by itself; php.ini decides"),
    (Server.PHP,      "[w]\npm = x\nphp_value[output_buffering] = 0",                     "f", "output_buffering 0 (line 3)"),
    (Server.IIS,      '<configuration><system.webServer><handlers>\n<add modules="FastCgiModule"/></handlers></system.webServer></configuration>', "f", "responseBufferLimit is 0 and dynamic compression is off, by documentation (line 2)"),
    (Server.SQUID,    "cache_peer a parent 80 0 originserver",                            "f", "Squid passes each piece of an origin server on at once"),
    (Server.UWSGI,    "[uwsgi]\nsocket = x",                                               "f", "socket x (line 2): uWSGI sends each piece that the app yields at once"),
    (Server.UWSGI,    "[uwsgi]\nmodule = a\nhttp = x",                                     "f", "module a (line 2): uWSGI sends each piece that the app yields at once, and so does its HTTP router"),
    (Server.GUNICORN, "worker_class = 'gevent'",                           "gunicorn.conf.py", "worker_class gevent (line 1)"),
    (Server.GUNICORN, "bind = ':80'",                                      "gunicorn.conf.py", "worker_class sync (gunicorn's default)"),
    (Server.GUNICORN, "import os\nworker_class = os.environ.get('K', 'gevent')", "gunicorn.conf.py", "worker_class gevent (line 2)"),
    (Server.GUNICORN, "threads = 9",                                       "gunicorn.conf.py", "worker_class gthread (line 1)"),
    (Server.GUNICORN, "worker_class = choose()",                           "gunicorn.conf.py", "worker_class (line 1) is computed: not checked"),
]  # fmt: skip


@pytest.mark.parametrize(("server", "text", "file", "reason"), REASONS)
def test_the_reason_why_a_block_passes(server, text, file, reason):
    (block,) = blocks(server, text, file)
    assert FORMATS[server].pass_reason(block) == reason


V = (9, 8, 7)
FACTS = [
    # server, text, name of the file, and of every block: kind, name, the lines of its scopes outwards, the line
    # that passes, the block where new lines go, the line before which they go, the includes that were not read
    (Server.NGINX,    "include a;\nserver {\nlocation / {\nif ($a) {\ngzip on;\n}\nproxy_pass http://x; }\n}", "f", [
        ("http", "location /", [3, 2, 0], 7, 3, 7, [1]), ("http", "location /, if ($a)", [4, 3, 2, 0], 7, 3, 7, [1])]),
    (Server.APACHE,   "Include a\n<VirtualHost x>\nProxyPass /a http://x/\n<Location /b>\nPassengerEnabled on\n</Location>\n</VirtualHost>", "f", [
        ("http", "ProxyPass /a in VirtualHost x", [3, 2, 0], 3, 2, None, [1]), ("passenger", "Location /b in VirtualHost x", [4, 2, 0], 5, 4, None, [1])]),
    (Server.APACHE,   "IncludeOptional a\n<Proxy balancer://b>\nBalancerMember fcgi://x\n</Proxy>\nProxyPass / balancer://b/", "f", [
        ("fastcgi", "ProxyPass /", [3, 0], 3, 0, 5, [])]),
    (Server.HAPROXY,  "defaults\nmode http\nbackend b\nserver s x:1\nserver t x:2", "f", [("http", "backend b", [3, 1], 4, 3, None, [])]),
    (Server.LIGHTTPD, 'include "a"\n$HTTP["url"] == "/" {\nproxy.server = ( "" => 1 )\nproxy.server = ( "" => 2 )\n}', "f", [
        ("http", "proxy.server in $HTTP[url]==/", [2, 0], 4, 2, None, [1])]),
    (Server.CADDY,    "a {\nimport b\nhandle /c {\nreverse_proxy x {\nflush_interval -1\n}\n}\n}", "f", [
        ("http", "reverse_proxy x in handle /c in a", [4, 3, 1, 0], 4, 3, None, [2])]),
    (Server.VARNISH,  'backend b { .host = "x"; }\nsub vcl_recv { }\nsub vcl_backend_response { }', "f", [
        ("http", "sub vcl_backend_response", [3, 0], 3, 3, None, [])]),
    (Server.PHP,      "a = 1\noutput_buffering = 1\n[w]\nenv[A] = 1\npm = x", "f", [
        ("pool", "pool [w]", [3], 4, 3, None, []), ("ini", "PHP's settings", [0], 2, 0, None, [])]),
    (Server.GUNICORN, "a = 1\nbind = ':80'\nworkers = 2", "gunicorn.conf.py", [("wsgi", "gunicorn's settings", [0], 2, 0, None, [])]),
    (Server.GUNICORN, "\nweb: gunicorn -c x.py a:b", "Procfile", [("wsgi", "gunicorn a:b", [2], 2, 2, None, [2])]),
]  # fmt: skip


@pytest.mark.parametrize(("server", "text", "file", "expected"), FACTS)
def test_a_block_knows_its_lines(server, text, file, expected):
    found = [facts(block) for block in blocks(server, text, file, V)]
    assert {block.value("unknown", "-").first for block in blocks(server, text, file)} == {"-"}
    assert found == [
        (server, *words, V, *lines) for *words, lines in ((*row[:2], row[2:]) for row in expected)
    ]


def flat(directives):
    for line in directives:
        yield line.file, line.word, line.line, line.end_line
        yield from flat(line.block or ())


LINES = [
    # parser, text, and every statement as written, with its first and last line
    (apache.parse,   "A b \\\n c\n<If \\\n x>\nD\n</If>",                     [("A", 1, 2), ("If", 3, 4), ("D", 5, 5)]),
    (caddy.parse,    'A.org {\nB "c\nd"\n}\nE `f\ng`',                       [("A.org", 1, 1), ("B", 2, 3), ("E", 5, 6)]),
    (caddy.parse,    'A.org,\nB.org {\n}',                                   [("A.org,", 1, 2)]),
    (haproxy.parse,  "\nlisten l\nno option b\nMode http",                    [("listen", 2, 2), ("no option", 3, 3), ("Mode", 4, 4)]),
    (lighttpd.parse, 'A.b = (\n1 )\n$HTTP["c"] == \\\n"d" {\nE.f = 1 }\nG.h =\n2', [("A.b", 1, 2), ("$", 3, 4), ("E.f", 5, 5), ("G.h", 6, 7)]),
    (php.parse,      "A = 1\n[W]\nphp_value[B] = 2\nC = 3",                   [("", 1, 1), ("A", 1, 1), ("W", 2, 2), ("php_value[B]", 3, 3), ("C", 4, 4)]),
    (varnish.parse,  "sub A\n{\nset b\n= c;\n}",                             [("sub", 1, 2), ("set", 3, 4)]),
]  # fmt: skip


@pytest.mark.parametrize(("parse", "text", "expected"), LINES)
def test_a_statement_keeps_its_lines(parse, text, expected):
    parsed = parse(text, "f")
    assert list(flat(parsed.directives)) == [("f", *words) for words in expected]
    assert parsed.problems == ()


FULL = [
    # parser, a text of one statement a line, and the line of the first one that is too much
    (apache.parse,   "A\nB\nC\nD\n",                       3),
    (caddy.parse,    "a {\nb\nc\nd\n}\n",                  4),
    (haproxy.parse,  "listen l\na\nb\nc\n",                3),
    (lighttpd.parse, "a = 1\nb = 1\nc = 1\nd = 1\n",        4),
    (php.parse,      "a = 1\nb = 1\nc = 1\n",               2),
    (varnish.parse,  "a;\nb;\nc;\nd;\n",                   3),
]  # fmt: skip


@pytest.mark.parametrize(("parse", "text", "line"), FULL)
def test_a_text_is_read_up_to_so_many_statements(monkeypatch, parse, text, line):
    monkeypatch.setattr("flushcheck.configs.tree.builder.MAX_DIRECTIVES", 2)
    parsed = parse(text, "f")
    problems = [problem for problem in parsed.problems if "not closed" not in problem.reason]
    assert problems == [ReadProblem("f", line, "more than 2 statements: the rest was not read")]
    assert len(list(flat(parsed.directives))) == 3


def test_every_server_has_a_format():
    assert set(FORMATS) == set(Server)
    assert all(FORMATS[server].server is server for server in Server)


NAMES = {"nginx": "nginx", "apache": "Apache", "haproxy": "HAProxy", "lighttpd": "lighttpd", "caddy": "Caddy",
         "varnish": "Varnish", "php": "PHP", "gunicorn": "gunicorn", "app-server": "the app server", "hosting": "the platform",
         "traefik": "Traefik", "envoy": "Envoy", "kubernetes": "Kubernetes", "uwsgi": "uWSGI", "squid": "Squid",
         "iis": "IIS"}  # fmt: skip


def test_a_server_is_named_as_it_names_itself():
    assert {server.value: server.display_name for server in Server} == NAMES
