"""From the command line of an app server to its facts: a row on each side of each condition."""

from __future__ import annotations

import pytest

from flushcheck.configs.server_command import (
    hypercorn_file,
    hypercorn_words,
    server_words,
    setup_of,
    uwsgi_words,
)
from flushcheck.configs.server_setup import AppServer
from flushcheck.diagnosis.app_server import examine

WORDS = [
    # the command,                                     from the server's name on
    ("uvicorn a:b",                                    "uvicorn a:b"),
    ("/venv/bin/uvicorn a:b",                          "uvicorn a:b"),
    ("exec poetry run daphne a:b",                     "daphne a:b"),
    ("python3 -m waitress a:b",                        "waitress a:b"),
    ("waitress-serve a:b",                             "waitress-serve a:b"),
    ("waitress a:b",                                   ""),
    ("pip install waitress",                           ""),
    ("flask run -p 80",                                "flask run -p 80"),
    ("flask --app x run",                              "flask --app x run"),
    ("flask db upgrade",                               ""),
    ("fastapi run main.py",                            "fastapi run main.py"),
    ("fastapi dev main.py",                            "fastapi dev main.py"),
    ("fastapi login",                                  ""),
    ("celery -A a worker",                             ""),
    ("",                                               ""),
]  # fmt: skip


@pytest.mark.parametrize(("command", "found"), WORDS)
def test_the_server_is_found_in_a_command(command, found):
    assert server_words(command.split()) == tuple(found.split())


INNER = [
    # words,                                           from the server's name on
    (["sh", "-c", "exec uvicorn a:b --port 1"],        ("uvicorn", "a:b", "--port", "1")),
    (["sh", "-c", "./migrate && gunicorn 'a b:c'"],    ("gunicorn", "a b:c")),
    (["sh", "-c", "uvicorn 'a:b"],                     ("uvicorn", "'a:b")),
    (["sh", "-c", "./start now"],                      ()),
    (["sh", "-c", "uvicorn"],                          ("uvicorn",)),
    (["sh", "-c", "echo hello", "uvicorn x"],          ("uvicorn", "x")),
]  # fmt: skip


@pytest.mark.parametrize(("words", "found"), INNER)
def test_a_command_in_one_word_is_split_as_a_shell_does(words, found):
    assert server_words(words) == found


SETUPS = [
    # the command,                                 processes, at once, event loop, limit unknown
    ("uvicorn a:b",                                        1,    0,  True,  False),
    ("uvicorn a:b --workers 3",                            3,    0,  True,  False),
    ("uvicorn a:b --workers=3",                            3,    0,  True,  False),
    ("uvicorn a:b --workers $N",                           0,    0,  True,  False),
    ("uvicorn a:b --workers",                              1,    0,  True,  False),
    ("uvicorn a:b --workers 2 --workers 4",                4,    0,  True,  False),
    ("uvicorn a:b --workers 1234567890",                   0,    0,  True,  False),
    ("uvicorn a:b --workers 123456789",            123456789,    0,  True,  False),
    ("uvicorn a:b --limit-concurrency 11",                 1,   10,  True,  False),
    ("uvicorn a:b --limit-concurrency $N",                 1,    0,  True,  True),
    ("uvicorn a:b --interface wsgi",                       1,   10,  False, False),
    ("uvicorn a:b --interface asgi3",                      1,    0,  True,  False),
    ("uvicorn a:b --interface wsgi --limit-concurrency 6", 1,    5,  False, False),
    ("uvicorn a:b --interface wsgi --limit-concurrency 50", 1,  10,  False, False),
    ("uvicorn a:b --interface wsgi --limit-concurrency $N", 1,  10,  False, False),
    ("fastapi run main.py --workers 2",                    2,    0,  True,  False),
    ("hypercorn a:b",                                      1,    0,  True,  False),
    ("hypercorn -w 2 a:b",                                 2,    0,  True,  False),
    ("hypercorn -w2 a:b",                                  2,    0,  True,  False),
    ("hypercorn --workers 2 a:b",                          2,    0,  True,  False),
    ("hypercorn -c x.toml a:b",                            0,    0,  True,  False),
    ("hypercorn --config=x.toml a:b",                      0,    0,  True,  False),
    ("hypercorn wsgi:a:b",                                 1,    6,  False, False),
    ("granian a:b",                                        1, 1024,  True,  False),
    ("granian --workers 4 a:b",                            4,  256,  True,  False),
    ("granian --workers $N a:b",                           0, 1024,  True,  False),
    ("granian --backlog 2000 a:b",                         1, 2000,  True,  False),
    ("granian --backlog 100 a:b",                          1,  128,  True,  False),
    ("granian --backpressure 10 a:b",                      1,   10,  True,  False),
    ("granian --backpressure $N a:b",                      1,    0,  True,  True),
    ("granian --interface asgi a:b",                       1, 1024,  True,  False),
    ("granian --interface wsgi a:b",                       1,  512,  False, False),
    ("granian --interface wsgi --backpressure 1 a:b",      1,    1,  False, False),
    ("granian --interface wsgi --blocking-threads 7 a:b",  1,    7,  False, False),
    ("granian --interface wsgi --blocking-threads 20 --backpressure 5 a:b", 1, 5, False, False),
    ("daphne a:b",                                         1,    0,  True,  False),
    ("waitress-serve a:b",                                 1,    4,  False, False),
    ("waitress-serve --threads=7 a:b",                     1,    7,  False, False),
    ("waitress-serve --threads=98 a:b",                    1,   98,  False, False),
    ("waitress-serve --threads=99 a:b",                    1,   98,  False, False),
    ("waitress-serve --threads=20 --connection-limit=10 a:b", 1, 8,  False, False),
    ("waitress-serve --connection-limit=2 a:b",            1,    1,  False, False),
    ("waitress-serve --connection-limit=$N a:b",           1,    4,  False, False),
    ("waitress-serve --threads=$N a:b",                    1,    0,  False, False),
    ("waitress a:b",                                       1,    4,  False, False),
    ("cheroot a:b",                                        1,   10,  False, False),
    ("cheroot --threads 3 --max-threads 5 a:b",            1,    3,  False, False),
    ("uwsgi --module a:b",                                 1,    1,  False, False),
    ("uwsgi -p 2 --threads 3",                             2,    3,  False, False),
    ("uwsgi --processes 2 --async 50",                     2,    1,  False, False),
    ("uwsgi --workers 2 --enable-threads",                 2,    1,  False, False),
    ("uwsgi --gevent 50",                                  1,   50,  False, False),
    ("uwsgi --gevent=$N --threads 3",                      1,    0,  False, False),
    ("flask run",                                          1,    0,  False, False),
    ("flask run --without-threads",                        1,    1,  False, False),
    ("gunicorn a:b",                                       0,    0,  False, False),
    ("",                                                   0,    0,  False, False),
]  # fmt: skip


def facts(command, environ=None, cores=2):
    return setup_of(command.split(), environ or {}, cores=cores, version_of=lambda name: f"{name} 1")


@pytest.mark.parametrize(("command", "processes", "at_once", "loop", "unknown"), SETUPS)
def test_a_command_says_how_many_streams_fit(command, processes, at_once, loop, unknown):
    setup = facts(command)
    assert (setup.processes, setup.concurrency) == (processes, at_once)
    assert (setup.event_loop, setup.limit_unknown) == (loop, unknown)


SERVERS = [
    ("uvicorn",                AppServer.UVICORN,   "uvicorn 1",   ""),
    ("fastapi run",            AppServer.UVICORN,   "uvicorn 1",   ""),
    ("hypercorn",              AppServer.HYPERCORN, "hypercorn 1", ""),
    ("granian",                AppServer.GRANIAN,   "granian 1",   ""),
    ("daphne",                 AppServer.DAPHNE,    "daphne 1",    ""),
    ("waitress-serve",         AppServer.WAITRESS,  "waitress 1",  ""),
    ("waitress",               AppServer.WAITRESS,  "waitress 1",  ""),
    ("cheroot",                AppServer.CHEROOT,   "cheroot 1",   ""),
    ("uwsgi",                  AppServer.UWSGI,     "pyuwsgi 1",   ""),
    ("uwsgi --gevent 5",       AppServer.UWSGI,     "pyuwsgi 1",   "gevent"),
    ("flask run",              AppServer.WERKZEUG,  "werkzeug 1",  ""),
    ("gunicorn",               AppServer.UNKNOWN,   "",            ""),
    ("nonsense",               AppServer.UNKNOWN,   "",            ""),
]  # fmt: skip


@pytest.mark.parametrize(("command", "server", "version", "worker"), SERVERS)
def test_the_server_has_its_name_and_version(command, server, version, worker):
    setup = facts(command)
    assert (setup.server, setup.version, setup.worker) == (server, version, worker)


VARIABLES = [
    # the command,                   variables,                                      processes, at once
    ("uvicorn a:b",                  {"WEB_CONCURRENCY": "3"},                       3, 0),
    ("uvicorn a:b",                  {"WEB_CONCURRENCY": "3", "UVICORN_WORKERS": "2"}, 2, 0),
    ("uvicorn a:b --workers 4",      {"WEB_CONCURRENCY": "3"},                       4, 0),
    ("uvicorn a:b",                  {"UVICORN_LIMIT_CONCURRENCY": "5"},             1, 4),
    ("uvicorn a:b",                  {"UVICORN_INTERFACE": "wsgi"},                  1, 10),
    ("uvicorn a:b",                  {"WEB_CONCURRENCY": ""},                        1, 0),
    ("granian a:b",                  {"GRANIAN_WORKERS": "2", "GRANIAN_BACKLOG": "600"}, 2, 300),
    ("granian a:b",                  {"GRANIAN_BACKPRESSURE": "7"},                  1, 7),
    ("granian a:b",                  {"GRANIAN_INTERFACE": "wsgi", "GRANIAN_BLOCKING_THREADS": "3"}, 1, 3),
    ("waitress-serve a:b",           {"WEB_CONCURRENCY": "3"},                       1, 4),
]  # fmt: skip


@pytest.mark.parametrize(("command", "environ", "processes", "at_once"), VARIABLES)
def test_a_variable_stands_for_a_missing_option(command, environ, processes, at_once):
    setup = facts(command, environ)
    assert (setup.processes, setup.concurrency) == (processes, at_once)


HYPERCORN = [
    # text                        options
    ("workers = 4",               ("--workers=4",)),
    ('workers = "x"',             ("--workers=x",)),
    ("[a]\nworkers = 4",          ("--workers=1",)),
    ("",                          ("--workers=1",)),
    ("workers = ",                ()),
]  # fmt: skip


@pytest.mark.parametrize(("text", "options"), HYPERCORN)
def test_a_settings_file_of_hypercorn_is_read_as_options(text, options):
    assert hypercorn_words(text) == options


HYPERCORN_FILES = [
    ("-c x.toml a:b",           "x.toml"),
    ("--config x.toml a:b",     "x.toml"),
    ("--config=toml:x.toml",    "x.toml"),
    ("-c file:x.py a:b",        ""),
    ("-c python:settings a:b",  ""),
    ("-c x.py a:b",             ""),
    ("a:b",                     ""),
]  # fmt: skip


@pytest.mark.parametrize(("command", "path"), HYPERCORN_FILES)
def test_only_a_toml_file_of_hypercorn_is_read(command, path):
    assert hypercorn_file(command.split()) == path


@pytest.mark.parametrize(("cores", "threads"), [(1, 5), (27, 31), (28, 32), (29, 32)])
def test_hypercorn_has_four_threads_more_than_cores_for_wsgi(cores, threads):
    assert facts("hypercorn wsgi:a:b", cores=cores).concurrency == threads


def test_no_asgi_server_is_sent_to_gevent():
    for command in (
        "uvicorn a:b",
        "hypercorn a:b",
        "granian a:b",
        "daphne a:b",
        "uvicorn --limit-concurrency 5",
    ):
        for remark in examine(facts(command)).remarks:
            assert "gevent" not in f"{remark.sentence} {remark.fix}"


INI = """
[uwsgi]
# processes = 9
processes = 3
  threads=20
module = wsgi:app
master = true
empty =
two = words here
"""


def test_the_settings_of_uwsgi_become_options():
    assert uwsgi_words(INI) == ("--processes=3", "--threads=20", "--module=wsgi:app", "--master=true")
