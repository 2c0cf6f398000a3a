"""Commands that start an app: which program, how it was found, and what is known of it."""

import pytest

from flushcheck.configs import app_server
from flushcheck.configs.findings import Server
from flushcheck.configs.formats import FORMATS
from flushcheck.configs.tree import ReadProblem
from flushcheck.files import check_all, check_text, read
from tests.configs.shape import blocks

LOOP = "uvicorn runs each stream as a task of its event loop"
STARTS = [
    # name of the file, its text, and of each block: its line, what is known ("?": a doubt)
    ("Procfile",      "web: uvicorn a:a\nworker: celery w",            [(1, LOOP)]),
    ("Procfile",      "worker: node a.js\nclock: uvicorn a:a",         [(2, LOOP)]),
    ("Procfile",      "web: node a.js",                                [(1, "?node is no app server that is known here")]),
    ("Procfile",      "web: NODE_ENV=x exec npx tsx a.ts",             [(1, "?tsx is no app server that is known here")]),
    ("Procfile",      "web: sh -c 'exec /opt/run --x'",                [(1, "?run is no app server that is known here")]),
    ("Procfile",      "web: exec env",                                 [(1, "?env is no app server that is known here")]),
    ("Procfile",      "web: next start -p 80",                         [(1, "?next start compresses pages/api routes and rewrites, unless next.config.js has compress: false")]),
    ("Procfile",      "web: waitress-serve --threads=$N a:a",          [(1, "?how many streams waitress serves at a time is known only when it starts")]),
    ("Procfile",      "web: uvicorn a:a --limit-concurrency $N",       [(1, "?how many streams uvicorn serves at a time is known only when it starts")]),
    ("Procfile",      "web: uvicorn a:a --limit-concurrency 201 --workers 2", [(1, LOOP + ", 400 at a time")]),
    ("Procfile",      "web: A=1 UVICORN_LIMIT_CONCURRENCY=201 uvicorn a:a", [(1, LOOP + ", 200 at a time")]),
    ("Procfile",      "web: gunicorn -k gevent a:a",                   [(1, "worker_class gevent (line 1)")]),
    ("Procfile",      "web: nginx",                                    []),
    ("Procfile",      "web: php-fpm8.2 -F",                            []),
    ("a.service",     "[Service]\nExecStart=-/v/python -m uvicorn \\\n a:a", [(2, LOOP)]),
    ("a.service",     "ExecStart=/v/node a.js\nExecStart=\nExecStart=/v/uvicorn a:a", [(3, LOOP)]),
    ("a.service",     "ExecStart=/v/gunicorn a:a\nExecStart=\nExecStart=/v/uvicorn a:a", [(3, LOOP)]),
    ("a.service",     "Environment=UVICORN_LIMIT_CONCURRENCY=201\nExecStart=/v/uvicorn a:a", [(2, LOOP + ", 200 at a time")]),
    ("a.service",     "Environment=UVICORN_LIMIT_CONCURRENCY=$N\nExecStart=/v/uvicorn a:a", [(2, LOOP)]),
    ("a.service",     "ExecStart=/usr/sbin/nginx -g 'daemon off;'",    []),
    ("Dockerfile",    'ENTRYPOINT ["uvicorn"]\nCMD ["a:a", "--limit-concurrency", "201"]', [(1, LOOP + ", 200 at a time")]),
    ("Dockerfile",    'ENTRYPOINT ["/start.sh"]\nCMD ["uvicorn", "a:a"]', [(2, LOOP)]),
    ("Dockerfile",    'ENTRYPOINT ["/start.sh"]\nCMD ["run"]',         [(1, "?start.sh is no app server that is known here")]),
    ("Dockerfile",    'ENTRYPOINT ["python3"]\nCMD ["app.py"]',        [(1, "?python3 is no app server that is known here")]),
    ("Dockerfile",    'ENTRYPOINT /start.sh\nCMD ["run"]',             [(1, "?start.sh is no app server that is known here"), (2, "?run is no app server that is known here")]),
    ("Dockerfile",    'ENTRYPOINT ["tini", "--"]\nCMD ["node", "a.js"]', [(1, "?node is no app server that is known here")]),
    ("Dockerfile",    'ENTRYPOINT ["tini", "--"]',                     []),
    ("Dockerfile",    'ENTRYPOINT ["tini", "--"]\nCMD ["uvicorn", "a:a"]', [(2, LOOP)]),
    ("Dockerfile",    "FROM a\nRUN pip install uvicorn",               []),
    ("Dockerfile",    "FROM a\nENV UVICORN_LIMIT_CONCURRENCY 201\nCMD uvicorn a:a", [(3, LOOP + ", 200 at a time")]),
    ("package.json",  '{\n"scripts": {\n"start": "node a.js"}}',       [(3, "?node is no app server that is known here")]),
    ("package.json",  '{"scripts": {"serve": "a", "start:prod": "b"}}', [(1, "?b is no app server that is known here")]),
    ("package.json",  '{"scripts": {"build": "node a.js"}}',           []),
    ("package.json",  '{"scripts": {"start": 1}}',                     []),
    ("package.json",  '{"scripts": []}',                               []),
    ("package.json",  "[]",                                            []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), STARTS)
def test_a_command_is_known_or_said_to_be_unknown(name, text, expected):
    checked = check_text(text, name=name, server=Server.APP_SERVER)
    assert checked.findings == ()
    seen = [(block.line, block.reason) for block in checked.passed]
    seen += [(block.line, f"?{block.reason}") for block in checked.unknown]
    assert sorted(seen) == sorted(expected)
    assert checked.problems == ()


def test_a_block_is_named_by_its_command():
    (block,) = blocks(Server.APP_SERVER, "web: /v/uvicorn a:a " + "x" * 60, "Procfile")
    assert (block.via, block.name) == ("uvicorn", "uvicorn a:a " + "x" * 45 + "...")
    (block,) = blocks(Server.APP_SERVER, "web: node a", "Procfile")
    assert (block.via, block.name, FORMATS[block.server].pass_reason) == (
        "unknown",
        "node a",
        app_server.pass_reason,
    )


JSON = [
    ("{", "not understood as JSON"),
    ('"' + "x" * app_server.MAX_JSON + '"', f"more than {app_server.MAX_JSON} characters of JSON: not read"),
    ("[" * 100_000, "not understood as JSON"),
]


@pytest.mark.parametrize(("text", "reason"), JSON, ids=["cut off", "too long", "too deep"])
def test_a_package_that_cannot_be_read_is_a_problem(text, reason):
    assert app_server.parse(text, "package.json").problems == (ReadProblem("package.json", 0, reason),)


OPTIONS = [
    ("uvicorn --a b -c d --e=f --g --h=", {"--a": ("b",), "--e": ("f",), "--g": (), "--h": ("",)}),
    ("uvicorn a -- --b", {"--b": ()}),
    ("uvicorn --a", {"--a": ()}),
]


@pytest.mark.parametrize(("command", "expected"), OPTIONS)
def test_the_long_options_are_statements(command, expected):
    (block,) = blocks(Server.APP_SERVER, f"web: {command}", "Procfile")
    assert {line.name: line.args for line in block.scope.children} == expected


UNIT = "[Service]\nExecStart=/v/gunicorn a:a\n"
DROP_INS = [
    # the drop-in of the unit, and the culprits that hold
    ("[Service]\nExecStart=\nExecStart=/v/uvicorn a:a\n", set()),
    ("[Service]\nExecStart=\nExecStart=/v/waitress-serve a:a\n", {"app-server-limit"}),
    ("[Service]\nEnvironment=GUNICORN_CMD_ARGS='-k gevent'\n", set()),
    ("[Service]\nRestart=always\n", {"gunicorn-sync-worker", "gunicorn-timeout"}),
]


@pytest.mark.parametrize(("text", "culprits"), DROP_INS)
def test_a_drop_in_changes_its_unit(text, culprits, tmp_path):
    (tmp_path / "web.service").write_text(UNIT)
    (tmp_path / "web.service.d").mkdir()
    (tmp_path / "web.service.d" / "override.conf").write_text(text)
    checked = check_all(read([str(tmp_path)]))
    assert {finding.culprit.id for finding in checked.findings} == culprits
    assert checked.unknown == ()


NOT_STARTED = [
    "pip install uvicorn",
    "apt-get install -y gunicorn",
    "echo uvicorn",
    "pkill gunicorn",
    "cp a /uvicorn",
]


@pytest.mark.parametrize("command", NOT_STARTED)
def test_a_command_that_only_names_a_server_does_not_start_it(command):
    checked = check_text(
        f"#!/bin/sh\n{command}\n{command} && hypercorn a:a\n{command}; hypercorn a:a\n", name="x.sh"
    )
    assert checked.findings == ()
    assert [block.line for block in checked.passed] == [3, 4]
