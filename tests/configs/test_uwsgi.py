"""uWSGI's settings: ini, XML and command lines to one tree, and the values in force."""

import pytest

from flushcheck.configs import uwsgi
from flushcheck.configs.findings import Server
from flushcheck.configs.formats import FORMATS
from flushcheck.files import check_text
from flushcheck.files.embedded import uwsgi_commands
from flushcheck.files.uwsgi_syntax import parse_uwsgi
from tests.configs.shape import blocks, shape
from tests.culprits.configurations import levels

READ = [
    # name, text, and the shape of what is read
    ("ini",            "[uwsgi]\nhttp = :80\nmaster\n; c\n# c\n\n workers=2 ",    [("uwsgi", 1, [("http", ":80", 2), ("master", "true", 3), ("processes", "2", 7)])]),
    ("sections",       "[a]\nb = c\n[ d ]\ne =f=g",                              [("a", 1, [("b", "c", 2)]), ("d", 3, [("e", "f=g", 4)])]),
    ("a condition",    "[uwsgi]\nif-env = A\nb = c\nendif =\nd = e",             [("uwsgi", 1, [("if", "A", 2, [("b", "c", 3)]), ("d", "e", 5)])]),
    ("a loop",         "[uwsgi]\nfor = 1 2\nb = c\nend-for =\nd = e",            [("uwsgi", 1, [("if", "1 2", 2, [("b", "c", 3)]), ("d", "e", 5)])]),
    ("an end alone",   "[uwsgi]\nendif =\nd = e",                               [("uwsgi", 1, [("d", "e", 3)])]),
    ("never ended",    "[uwsgi]\nif-env = A\n[b]\nc = d",                       [("uwsgi", 1, [("if", "A", 2, [])]), ("b", 3, [("c", "d", 4)])]),
    ("XML",            "<uwsgi>\n<http>:80</http>\n<master/><p> 2 </p>\n</uwsgi>", [("uwsgi", 1, [("http", ":80", 2), ("master", "true", 3), ("processes", "2", 3)])]),
    ("XML in XML",     "<c>\n<uwsgi id='a'><t>5</t></uwsgi>\n<d/></c>",          [("a", 2, [("harakiri", "5", 2)])]),
    ("YAML",           "# c\n---\nuwsgi:\n  http: :80\n  master:\n  route: ['a b:', 'c d:']\n  workers: 2\n", [("uwsgi", 3, [("http", ":80", 4), ("master", "true", 5), ("route", "a b:", 6), ("route", "c d:", 6), ("processes", "2", 7)])]),
    ("JSON",           '{"uwsgi": {\n"http": ":80",\n"threads": 2}}',            [("uwsgi", 1, [("http", ":80", 2), ("threads", "2", 3)])]),
    ("a command",      "\n\nuwsgi-command: --http :80 -p 4 -M --threads=2 app:app", [("uwsgi", 3, [("http", ":80", 3), ("processes", "4", 3), ("master", "true", 3), ("threads", "2", 3), ("module", "app:app", 3)])]),
    ("a file",         "uwsgi-command: x.ini:dev -H v",                          [("uwsgi", 1, [("ini", "x.ini:dev", 1), ("home", "v", 1)])]),
    ("a socket",       "uwsgi-command: :3031 /a.sock --master --ini",             [("uwsgi", 1, [("socket", ":3031", 1), ("socket", "/a.sock", 1), ("master", "true", 1), ("ini", "true", 1)])]),
    ("an open quote",  "uwsgi-command: --http ':80",                             [("uwsgi", 1, [("http", "':80", 1)])]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), READ, ids=[row[0] for row in READ])
def test_a_text_is_read(name, text, expected):
    parsed = parse_uwsgi(text, "f")
    assert shape(parsed.directives) == expected
    assert parsed.problems == ()


PROBLEMS = [
    # text, and the line and the reason of the problem
    ("a = b\n[uwsgi]",                            1, "a line before the first section is ignored"),
    ("<uwsgi>\n<a></uwsgi>",                      2, "not understood as XML: mismatched tag"),
    ('<!DOCTYPE a [\n<!ENTITY b "c">]>\n<uwsgi/>', 2, "the document declares entities: not read"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "reason"), PROBLEMS)
def test_unreadable_text_is_a_problem(text, line, reason):
    assert [(problem.line, problem.reason) for problem in parse_uwsgi(text, "f").problems] == [(line, reason)]


NAMES = [
    # text, and name and kind of its blocks
    ("[uwsgi]\nhttp = :80\n",                              [("[uwsgi] http :80", "wsgi")]),
    ("[uwsgi]\nmodule = a\nsocket = x\n",                  [("[uwsgi] socket x", "wsgi")]),
    ("[uwsgi]\nmodule = a\n",                              [("[uwsgi] module a", "wsgi")]),
    ("[uwsgi]\nfastcgi-socket = :9\n",                     [("[uwsgi] fastcgi-socket :9", "fastcgi")]),
    ("[uwsgi]\nscgi-socket = :9\n",                        [("[uwsgi] scgi-socket :9", "scgi")]),
    ("[uwsgi]\nemperor = /etc/v\n",                        []),
    ("[uwsgi]\nini = :b\n[b]\nhttp = :80\n",               [("[uwsgi] http :80", "wsgi")]),
    ("[uwsgi]\nini = :uwsgi\nhttp = :80\n",                [("[uwsgi] http :80", "wsgi")]),
    ("[a]\nini = :b\nhttp = :1\n[b]\nini = :a\n",          []),
    ("[uwsgi]\nini = :none\nhttp = :80\n[c]\nsocket = x\n", [("[uwsgi] http :80", "wsgi"), ("[c] socket x", "wsgi")]),
    ("<uwsgi><http>:80</http></uwsgi>",                    [("uwsgi http :80", "wsgi")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), NAMES)
def test_the_sections_that_serve_an_app(text, expected):
    assert [(block.name, block.via) for block in blocks(Server.UWSGI, text)] == expected


def section(lines):
    (block,) = blocks(Server.UWSGI, f"[uwsgi]\nhttp-socket = :80\n{lines}")
    return block


AT_ONCE = [
    # settings, the one that says it, processes, requests in each, by an engine
    ("",                            ("processes", 1, 1, False)),
    ("processes = 4",               ("processes", 4, 1, False)),
    ("processes = 4\nthreads = 2",  ("threads", 4, 2, False)),
    ("threads = 2 ; x",             ("threads", 1, 2, False)),
    ("threads = 0",                 ("threads", 1, 1, False)),
    ("threads = %(t)",              ("threads", 1, None, False)),
    ("workers = %k",                ("processes", None, 1, False)),
    ("gevent = 100\nthreads = 2",   ("gevent", 1, 100, True)),
    ("asyncio = x",                 ("asyncio", 1, None, True)),
    ("threads = 1234567890",        ("threads", 1, None, False)),
    ("threads = 999999999",         ("threads", 1, 999_999_999, False)),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), AT_ONCE)
def test_how_many_requests_are_processed_at_a_time(lines, expected):
    got = uwsgi.concurrency(section(lines))
    assert got is not None
    assert (got.value.name, got.processes, got.each, got.is_engine) == expected


def test_async_alone_has_no_known_number():
    assert uwsgi.concurrency(section("async = 100")) is None


ACTIONS = [
    # a line, and the actions in it
    ("route = ^/a gzip:",                                  ["gzip"]),
    ("route-run = tofile:filename=/a",                     ["tofile"]),
    ("final-route-run = offload:",                         ["offload"]),
    ("route-if = contains:${HTTP_A};b goto:c",             ["goto"]),
    ("route-uri = ^/a http:127.0.0.1:80",                  ["http"]),
    ("router = x:",                                        []),
    ("route = ^/a log:see http://a",                       ["log"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), ACTIONS)
def test_the_actions_of_a_routing_rule(line, expected):
    assert [action for _, action in uwsgi.actions(section(line))] == expected


DOUBTS = [
    # settings, and why it is not known
    ("route = .* gzip:",              []),
    ("route-run = addheader:A: b",    []),
    ("route-run = tofile:",           []),  # a finding says it
    ("route-run = cachestore:key=a",  ["route-run cachestore:key=a (line 3): what the action cachestore does to a stream is not known"]),
    ("route-if = contains:${A};b gzip:", []),
    ("if-env = A\nthreads = 2\nendif", ["lines under if-env A (line 3) count only where the condition holds: not checked"]),
    ("if-env = A\nlogto = x\nendif",  []),
    ("async = 10\nugreen",            ["async 10 (line 3): how many streams it serves depends on the app"]),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), DOUBTS)
def test_what_is_not_known_has_its_reason(lines, expected):
    checked = check_text(f"[uwsgi]\nhttp-socket = :80\n{lines}\n", server=Server.UWSGI)
    (block,) = blocks(Server.UWSGI, f"[uwsgi]\nhttp-socket = :80\n{lines}\n")
    assert list(FORMATS[Server.UWSGI].doubts(block)) == expected
    assert bool(checked.unknown) <= bool(expected)


def test_an_included_file_counts_where_it_stands():
    text = "[uwsgi]\nhttp-socket = :80\nini = base.ini\n++++ base.ini\n[uwsgi]\nthreads = 100\n"
    assert levels("app-server-limit", Server.UWSGI, text) == ""
    assert levels("app-server-limit", Server.UWSGI, text.replace("100", "2")) == "warning"


COMMANDS = [
    # file, text, and each command with its line
    ("Procfile",       "web: uwsgi --http :80 a.ini",                        [("uwsgi-command: --http :80 a.ini", 1)]),
    ("Dockerfile",     'FROM x\nCMD ["uwsgi", "--ini", \\\n"a.ini"]',          [('uwsgi-command: "--ini" "a.ini"', 2)]),
    ("a.service",      "ExecStart=/usr/bin/uwsgi --ini a && b",              [("uwsgi-command: --ini a", 1)]),
    ("run.sh",         "exec uwsgi app.ini # x\nuwsgi -s :1;\n",             [("uwsgi-command: app.ini", 1), ("uwsgi-command: -s :1;", 2)]),
    ("x",              "#!/bin/sh\nuwsgi -s :1",                             [("uwsgi-command: -s :1", 2)]),
    ("supervisord.conf", "command=uwsgi --socket x",                         [("uwsgi-command: --socket x", 1)]),
    ("compose.yaml",   "command: ['uwsgi', '--http', ':80']",                [('uwsgi-command: "--http" ":80"', 1)]),
    ("Dockerfile",     "RUN pip install uwsgi\nRUN apt install uwsgi-core -y", []),
    ("a.sh",           "# uwsgi --http :80",                                 []),
    ("notes.txt",      "uwsgi --http :80",                                   []),
    ("nginx.service",  "uwsgi_pass x",                                       []),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "expected"), COMMANDS)
def test_a_line_that_starts_uwsgi_is_found(file, text, expected):
    assert [(inner.text, inner.line) for inner in uwsgi_commands.texts(file, text)] == expected


@pytest.mark.parametrize("file", ["Procfile", "Dockerfile", "a.service", "compose.yaml"])
def test_a_command_is_checked_in_the_file_that_has_it(file):
    text = {
        "Procfile": "web: ",
        "Dockerfile": "FROM a\nCMD ",
        "a.service": "[Service]\nExecStart=",
        "compose.yaml": "a:\n  command: ",
    }
    checked = check_text(f"{text[file]}uwsgi --http-socket :80 -w a --processes 3\n", name=file)
    errors = [
        (finding.culprit.id, finding.line) for finding in checked.findings if finding.level.value == "error"
    ]
    assert errors == [("app-server-limit", text[file].count("\n") + 1)]
    assert all(not finding.edits for finding in checked.findings)
