"""Text in, Directives out: each format's reader on small texts, and who a text belongs to."""

import pytest

from flushcheck.configs import apache, caddy, gunicorn, haproxy, lighttpd, nginx, php, varnish
from flushcheck.configs.findings import Server
from flushcheck.configs.recognise import recognise
from flushcheck.configs.tree import Directive, IncludeResolver, Parsed, Scope, version
from flushcheck.model import UsageError


def shape(directives):
    """What was read, as nested tuples: name, arguments, line, and what stands inside."""
    return [
        (one.name, *one.args, one.line, *([shape(one.block)] if one.block is not None else []))
        for one in directives
    ]


READ = [
    # name                     parse            text                                            shape
    ("apache: continued",      apache.parse,    "A b \\\n  c\nD e",                             [("a", "b", "c", 1), ("d", "e", 3)]),
    ("apache: section",        apache.parse,    '<Location "/a b">\nX\n</LOCATION>',            [("location", "/a b", 1, [("x", 2)])]),
    ("apache: comment goes on", apache.parse,   "# a \\\nB c\nD",                               [("d", 3)]),
    ("apache: quotes",         apache.parse,    "A \"b \\\" c\" 'd e' f\"g",                    [("a", 'b " c', "d e", 'f"g', 1)]),
    ("apache: CRLF, tabs",     apache.parse,    "A\tb\r\n<If \"x > y\">\r\n</If>\r\n",          [("a", "b", 1), ("if", "x > y", 2, [])]),
    ("apache: no argument",    apache.parse,    "<Else>\nA\n</Else>",                           [("else", 1, [("a", 2)])]),
    ("haproxy: sections",      haproxy.parse,   "defaults\n mode http\nbackend b # c\n server s x:1", [("defaults", 1, [("mode", "http", 2)]), ("backend", "b", 3, [("server", "s", "x:1", 4)])]),
    ("haproxy: option",        haproxy.parse,   "listen l\noption a\nno option b\ntimeout server 5s", [("listen", "l", 1, [("option a", "on", 2), ("option b", "off", 3), ("timeout server", "5s", 4)])]),
    ("haproxy: quotes",        haproxy.parse,   "listen l\na \"b # c\" 'd e' f\\ g # h",         [("listen", "l", 1, [("a", "b # c", "d e", "f g", 2)])]),
    ("lighttpd: values",       lighttpd.parse,  'a.b = "c"\nd.e += ( "f" => 1,\n "g" => 2 )\n', [("a.b", "c", 1), ("d.e", "(", "f", "=>", "1", ",", "g", "=>", "2", ")", 2)]),
    ("lighttpd: conditions",   lighttpd.parse,  '$HTTP["url"] =~ "^/a" { b.c = 1 }\nelse { d.e = 2 }', [("if", "$HTTP[", "url", "]", "=~", "^/a", 1, [("b.c", "1", 1)]), ("if", "else", 2, [("d.e", "2", 2)])]),
    ("lighttpd: case, comment", lighttpd.parse, "Server.Port = 80 # 81",                        [("server.port", "80", 1)]),
    ("caddy: site",            caddy.parse,     "a.org {\n b c # d\n e {\n  f\n }\n}",          [("a.org", 1, [("b", "c", 2), ("e", 3, [("f", 4)])])]),
    ("caddy: one site",        caddy.parse,     ":80\na b\nc {\n d\n}",                         [(":80", 1, [("a", "b", 2), ("c", 3, [("d", 4)])])]),
    ("caddy: addresses",       caddy.parse,     "a.org,\nb.org {\n c\n}",                       [("a.org,", "b.org", 1, [("c", 3)])]),
    ("caddy: words",           caddy.parse,     "a {\n b \"c d\" `e f` g#h {i}\n}",             [("a", 1, [("b", "c d", "e f", "g#h", "{i}", 2)])]),
    ("php: ini",               php.parse,       "a = 1 ; b\n[S]\nc.d = \"x;y\"\n;e = 2",        [("", 1, [("a", "1", 1)]), ("S", 2, [("c.d", "x;y", 3)])]),
    ("php: pool",              php.parse,       "[w]\nphp_value[a.b] = 2\nenv[X] = 3",          [("", 1, []), ("w", 1, [("a.b", "2", 2), ("env", "3", 3)])]),
    ("varnish: program",       varnish.parse,   'sub a { set b.c = "d;{"; /* e; */ if (f) { return (g); } } # h', [("sub", "a", 1, [("set", "b.c", "=", "d;{", 1), ("if", "(f)", 1, [("return", "(g)", 1)])])]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parse", "text", "expected"), READ, ids=[row[0] for row in READ])
def test_what_is_read(name, parse, text, expected):
    parsed = parse(text, "f")
    assert shape(parsed.directives) == expected
    assert parsed.problems == ()


PYTHON = [
    # text                                                     name: value, or value and variable
    ("worker_class = 'gevent'",                                {"worker_class": ("gevent",)}),
    ("workers: int = 4",                                       {"workers": ("4",)}),
    ("import os\nthreads = os.environ.get('T', 3)",            {"threads": ("3", "T in the environment")}),
    ("import os\nworkers = int(os.getenv('W') or '2')",        {"workers": ("2", "W in the environment")}),
    ("import os\nbind = os.environ['B']",                      {"bind": ("", "B in the environment")}),
    ("import os\ntimeout = os.environ.get('A') or os.environ.get('B', 9)", {"timeout": ("9", "A in the environment")}),
    ("workers = cpu() * 2 + 1",                                {"workers": ("",)}),
    ("a = b = 'c'\nif a:\n    workers = 1\nelse:\n    workers = 2", {"a": ("c",), "b": ("c",), "workers": ("2", "a condition")}),
    ("def f():\n    workers = 9\nclass C:\n    workers = 9",   {}),
    ("raise SystemExit\nopen('/tmp/x', 'w')",                  {}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PYTHON)
def test_a_settings_file_is_read_and_not_run(text, expected):
    parsed = gunicorn.parse(text, "gunicorn.conf.py")
    assert {one.name: one.args for one in parsed.directives} == expected


COMMANDS = [
    # file            text                                                                      settings in force
    ("Procfile",      "web: gunicorn a:b",                                                      {}),
    ("Procfile",      "web: WEB=1 GUNICORN_CMD_ARGS='-w 3 -k sync' gunicorn -kgevent a:b; true -k tornado", {"workers": "3", "worker_class": "gevent"}),
    ("Procfile",      "web: python -m gunicorn --threads=4 a:b && gunicorn -k gevent c:d",      {"threads": "4"}),
    ("Procfile",      "web: gunicorn -w $N a:b",                                                {"workers": ""}),
    ("Procfile",      "web: python app.py",                                                     None),
    ("a.service",     "[Service]\nExecStart=!/v/bin/gunicorn -w 2 \\\n  a:b",                   {"workers": "2"}),
    ("a.service",     "Environment=\"GUNICORN_CMD_ARGS=-w 2 -t 5\"\nExecStart=/v/bin/gunicorn -w 3 a:b", {"workers": "3", "timeout": "5"}),
    ("Dockerfile",    "FROM x\nCMD [\"gunicorn\", \"-k\", \"gevent\", \"a:b\"]",                {"worker_class": "gevent"}),
    ("Dockerfile",    "ENTRYPOINT [\"gunicorn\", \"-w\", \"2\"]\nCMD [\"-k\", \"gthread\", \"a:b\"]", {"workers": "2", "worker_class": "gthread"}),
    ("Dockerfile",    "CMD gunicorn a:b\nCMD exec gunicorn -w 5 a:b",                           {"workers": "5"}),
    ("Dockerfile",    "ENV A=1 GUNICORN_CMD_ARGS=\"-w 7\"\nCMD [\"sh\", \"-c\", \"exec gunicorn a:b\"]", {"workers": "7"}),
    ("Dockerfile",    "CMD [\"gunicorn\", ",                                                    {}),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "expected"), COMMANDS)
def test_a_command_line_is_read(file, text, expected):
    commands = [one for one in gunicorn.parse(text, file).directives if one.name == "command"]
    if expected is None or ('["gunicorn", ' in text and not text.endswith("]")):
        assert len(commands) <= 1
        return
    assert len(commands) == 1
    own = {one.name: one.args[0] for one in commands[0].block or () if one.name != "-c"}
    assert own == expected


TROUBLES = [
    # name                        parse            text                          said
    ("apache: not closed",        apache.parse,    "<Location />\nA",            "<Location> is not closed"),
    ("apache: closes nothing",    apache.parse,    "</Location>",                "closes nothing"),
    ("apache: crossed",           apache.parse,    "<A>\n<B>\n</A>\n</B>",       "</a> closes nothing"),
    ("apache: deep",              apache.parse,    "<A>\n" * 70 + "</A>\n" * 70, "more than 60 deep"),
    ("haproxy: outside",          haproxy.parse,   "mode http",                  "outside of every section"),
    ("lighttpd: brace",           lighttpd.parse,  "a = 1 }",                    "closes nothing"),
    ("lighttpd: words",           lighttpd.parse,  "what is this",               "not understood"),
    ("lighttpd: shell",           lighttpd.parse,  'include_shell "/bin/sh"',    "no command is run"),
    ("caddy: not closed",         caddy.parse,     "a {\n b",                    "not closed"),
    ("varnish: not closed",       varnish.parse,   "sub a { b",                  "no ; after b"),
    ("python: no Python",         gunicorn.parse,  "def (",                      "not Python"),
    ("python: too long",          gunicorn.parse,  "a = 1\n" * 30_000,           "more than 100000 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parse", "text", "said"), TROUBLES, ids=[row[0] for row in TROUBLES])
def test_what_cannot_be_read_is_said(name, parse, text, said):
    parsed = parse(text, "gunicorn.conf.py")
    assert said in " ".join(trouble.reason for trouble in parsed.problems)


TIMES = [
    (nginx.seconds, "60", 60), (nginx.seconds, "75s", 75), (nginx.seconds, "1h 30m", 5400), (nginx.seconds, "1h30m", 5400),
    (nginx.seconds, "500ms", 0.5), (nginx.seconds, "1M", 2592000), (nginx.seconds, "$t", None), (nginx.seconds, "", None),
    (nginx.seconds, "1 2 x", None), (nginx.seconds, "1" * 5000, None),
    (apache.seconds, "300", 300), (apache.seconds, "500ms", 0.5), (apache.seconds, "2min", 120), (apache.seconds, "x", None),
    (haproxy.seconds, "50000", 50), (haproxy.seconds, "50s", 50), (haproxy.seconds, "1h", 3600), (haproxy.seconds, "?", None),
    (nginx.size_bytes, "4k", 4096), (nginx.size_bytes, "0", 0), (nginx.size_bytes, "1M", 1 << 20), (nginx.size_bytes, "$r", None),
    (php.size_bytes, "On", 1), (php.size_bytes, "Off", 0), (php.size_bytes, "", 0), (php.size_bytes, "4K", 4096), (php.size_bytes, "x", None),
]  # fmt: skip


@pytest.mark.parametrize(("read", "text", "expected"), TIMES)
def test_numbers_with_units(read, text, expected):
    assert read(text) == expected


WHOSE = [
    # name                             text                                     server
    ("/etc/nginx/sites-enabled/app",   "",                                      Server.NGINX),
    ("deploy/nginx.conf",              "",                                      Server.NGINX),
    (".htaccess",                      "",                                      Server.APACHE),
    ("C:\\httpd.conf",                 "",                                      Server.APACHE),
    ("haproxy.cfg",                    "",                                      Server.HAPROXY),
    ("/etc/lighttpd/conf-enabled/x.conf", "",                                   Server.LIGHTTPD),
    ("Caddyfile.prod",                 "",                                      Server.CADDY),
    ("default.vcl",                    "",                                      Server.VARNISH),
    ("/etc/php/8.2/fpm/pool.d/www.conf", "",                                    Server.PHP),
    ("gunicorn.conf.py",               "",                                      Server.GUNICORN),
    ("Dockerfile",                     "",                                      Server.GUNICORN),
    ("web.service",                    "",                                      Server.GUNICORN),
    ("app.conf",                       "server {\n listen 80;\n}",              Server.NGINX),
    ("app.conf",                       "<VirtualHost *:80>\nServerName x\n",    Server.APACHE),
    ("app.conf",                       "backend b\n server s x:1 check\n",      Server.HAPROXY),
    ("nginx/conf.d/gunicorn.conf",     "",                                      Server.NGINX),
    ("sites/gunicorn.conf",            "server {\n listen 80;\n}",              Server.NGINX),
    ("gunicorn.conf",                  "bind = ':80'\nworkers = 4\n",           Server.GUNICORN),
    ("uwsgi.ini",                      "[uwsgi]\nworkers = 4\nthreads = 2\n",  None),
    ("-",                              "location / { proxy_pass http://x; }",   Server.NGINX),
    ("",                               "# nothing but a comment",               None),
    ("notes.txt",                      "dear diary",                            None),
    ("",                               "",                                      None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "server"), WHOSE)
def test_whose_file_it_is(name, text, server):
    assert recognise(name, text) is server


def test_versions():
    assert version("1.22.1") == (1, 22, 1)
    assert version("nginx/1.29.7") == (1, 29, 7)
    assert version("2.4.71-1~deb12u1") == (2, 4, 71)
    for wrong in ("", "new", "1.x", "1." + "9" * 9):
        with pytest.raises(UsageError, match=r"1\.22\.1"):
            version(wrong)


def line(name, *args, block=None):
    return Directive(name, args, "f", 1, 1, block)


def test_a_scope_inherits_from_outside_in():
    outer = Scope(None, [line("a", "1"), line("b", "1"), line("b", "2"), line("list", "x")])
    inner = Scope(line("in"), [line("a", "2"), line("list", "y"), line("list", "z")], outer)
    assert inner.value("a", "0", server=Server.NGINX).args == ("2",)
    assert inner.value("b", "0", server=Server.NGINX).args == ("2",)
    assert inner.value("c", "0", server=Server.NGINX).source == "nginx's default"
    assert [one.args for one in inner.nearest("list")] == [("y",), ("z",)]
    assert [one.args for one in inner.every("LIST")] == [("y",), ("z",), ("x",)]


def test_an_include_that_is_missing_stays_where_it_was():
    expansion = IncludeResolver(
        ("include",), lambda one: None if one.args == ("gone",) else [Parsed((line("found"),))]
    )
    done = expansion.resolve((line("include", "gone"), line("http", block=(line("include", "here"),))))
    assert shape(done) == [("include", "gone", 1), ("http", 1, [("found", 1)])]


def test_a_loop_of_includes_ends():
    parsed = Parsed((line("before"), line("include", "self"), line("after")))
    expansion = IncludeResolver(("include",), lambda _: [parsed])
    assert shape(expansion.resolve(parsed.directives)) == [
        ("before", 1),
        ("before", 1),
        ("after", 1),
        ("after", 1),
    ]
    assert "loop" in expansion.problems[0].reason


def test_includes_that_multiply_are_bounded():
    files = {str(n): Parsed(tuple(line("include", str(n + 1)) for _ in range(9))) for n in range(40)}
    expansion = IncludeResolver(
        ("include",), lambda one: [files[one.args[0]]] if one.args[0] in files else None
    )
    expansion.resolve(files["0"].directives)
    assert "the rest was not read" in expansion.problems[-1].reason
