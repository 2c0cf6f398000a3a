"""gunicorn: settings files, command lines, and the values in force."""

import pytest
from gunicorn.config import KNOWN_SETTINGS

from flushcheck.configs import gunicorn
from flushcheck.configs.findings import Server
from flushcheck.configs.gunicorn.command_line import FLAGS, FLAGS_WITHOUT_VALUE
from tests.configs.shape import blocks

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
    ("import os\nworkers = os.environ.get('W', " + "int(" * 5 + "2" + ")" * 6, {"workers": ("2", "W in the environment")}),
    ("import os\nworkers = os.environ.get('W', " + "int(" * 6 + "2" + ")" * 7, {"workers": ("", "W in the environment")}),
    ("def f():\n    workers = 9\nclass C:\n    workers = 9",   {}),
    ("raise SystemExit\nopen('/tmp/x', 'w')",                  {}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PYTHON)
def test_a_settings_file_is_read_and_not_run(text, expected):
    parsed = gunicorn.parse(text, "gunicorn.conf.py")
    assert {line.name: line.args for line in parsed.directives} == expected


def commands(text, file):
    return [line for line in gunicorn.parse(text, file).directives if line.name == "command"]


COMMANDS = [
    # file            text                                                                      settings in force
    ("Procfile",      "web: gunicorn a:b",                                                      {}),
    ("Procfile",      "web: WEB=1 GUNICORN_CMD_ARGS='-w 3 -k sync' gunicorn -kgevent a:b; true -k tornado", {"workers": "3", "worker_class": "gevent"}),
    ("Procfile",      "web: python -m gunicorn --threads=4 a:b && gunicorn -k gevent c:d",      {"threads": "4"}),
    ("Procfile",      "web: gunicorn -w $N a:b",                                                {"workers": ""}),
    ("a.service",     "[Service]\nExecStart=!/v/bin/gunicorn -w 2 \\\n  a:b",                   {"workers": "2"}),
    ("a.service",     "Environment=\"GUNICORN_CMD_ARGS=-w 2 -t 5\"\nExecStart=/v/bin/gunicorn -w 3 a:b", {"workers": "3", "timeout": "5"}),
    ("a.service",     "ExecStart=/v/bin/gunicorn -w 2\\\n a:b",                               {"workers": "2"}),
    ("Dockerfile",    "FROM x\nCMD [\"gunicorn\", \"-k\", \"gevent\", \"a:b\"]",                {"worker_class": "gevent"}),
    ("Dockerfile",    "ENTRYPOINT [\"gunicorn\", \"-w\", \"2\"]\nCMD [\"-k\", \"gthread\", \"a:b\"]", {"workers": "2", "worker_class": "gthread"}),
    ("Dockerfile",    "CMD gunicorn a:b\nCMD exec gunicorn -w 5 a:b",                           {"workers": "5"}),
    ("Dockerfile",    "ENV A=1 GUNICORN_CMD_ARGS=\"-w 7\"\nCMD [\"sh\", \"-c\", \"exec gunicorn a:b\"]", {"workers": "7"}),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "expected"), COMMANDS)
def test_a_command_line_is_read(file, text, expected):
    (command,) = commands(text, file)
    assert {line.name: line.args[0] for line in command.block or () if line.name != "-c"} == expected


NO_COMMAND = [
    # file, and a text without a command line of gunicorn
    ("Procfile",    "web: python app.py"),
    ("Procfile",    "# web: gunicorn a:b"),
    ("a.service",   "[Service]\nExecStart=/usr/bin/python3 app.py"),
    ("Dockerfile",  'CMD ["gunicorn", '),  # a list that is cut off
    ("Dockerfile",  'RUN pip install gunicorn\nCMD ["python", "app.py"]'),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text"), NO_COMMAND)
def test_another_command_is_left_out(file, text):
    assert commands(text, file) == []


APPS = [
    # command line, and the app it serves
    ("web: gunicorn a:b",                   ("a:b",)),
    ("web: gunicorn a.b:create()",          ("a.b:create()",)),
    ("web: gunicorn --preload a:b",         ("a:b",)),
    ("web: gunicorn -w 4 a:b",              ("a:b",)),
    ("web: gunicorn -w4 a:b",               ("a:b",)),
    ("web: gunicorn --bind=:80 a:b",        ("a:b",)),
    ("web: gunicorn --access-logfile log a:b", ("a:b",)),
    ("web: gunicorn -c conf.py",            ()),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), APPS)
def test_the_app_of_a_command_line(text, expected):
    assert commands(text, "Procfile")[0].args == expected


CONFIGS = [
    # command line, and the settings file it reads
    ("web: gunicorn a:b",              ("gunicorn.conf.py", "implied")),
    ("web: gunicorn -c x.py a:b",      ("x.py",)),
    ("web: gunicorn --config=x.py a:b", ("x.py",)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CONFIGS)
def test_the_settings_file_of_a_command_line(text, expected):
    settings = commands(text, "Procfile")[0].block or ()
    assert [line.args for line in settings if line.name == "-c"] == [expected]


PROBLEMS = [
    # name, text, and a part of the reason
    ("no Python",  "def (",               "not Python"),
    ("too long",   "a = 1\n" * 30_000,    "more than 100000 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "reason"), PROBLEMS, ids=[row[0] for row in PROBLEMS])
def test_unreadable_text_is_a_problem(name, text, reason):
    problems = gunicorn.parse(text, "gunicorn.conf.py").problems
    assert reason in " ".join(problem.reason for problem in problems)


def test_a_syntax_error_is_reported_at_its_line():
    (problem,) = gunicorn.parse("a = 1\ndef (", "gunicorn.conf.py").problems
    assert problem.line == 2


WORKERS = [
    # settings, and the worker class in force with its short name
    ("",                                                     "sync",      "sync"),
    ("threads = 2",                                          "gthread",   "gthread"),
    ("threads = 1",                                          "sync",      "sync"),
    ("threads = 2\nworker_class = 'gevent'",                 "gevent",    "gevent"),
    ("worker_class = 'gunicorn.workers.ggevent.GeventWorker'", "gunicorn.workers.ggevent.GeventWorker", "gevent"),
    ("worker_class = 'uvicorn.workers.UvicornWorker'",       "uvicorn.workers.UvicornWorker", "uvicorn"),
    ("worker_class = choose()",                              "",          gunicorn.COMPUTED),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "kind"), WORKERS)
def test_the_worker_class_in_force(text, expected, kind):
    (block,) = blocks(Server.GUNICORN, f"bind = ':80'\n{text}", "gunicorn.conf.py")
    value = gunicorn.worker(block)
    assert (value.first, gunicorn.kind(value)) == (expected, kind)


NUMBERS = [
    # settings, threads, workers, timeout
    ("",                                             1,    1,    30),
    ("threads = 4\nworkers = 2\ntimeout = 0",        4,    2,    0),
    ("threads = n\nworkers = n\ntimeout = n",        None, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "threads", "workers", "timeout_s"), NUMBERS)
def test_the_numbers_in_force(text, threads, workers, timeout_s):
    (block,) = blocks(Server.GUNICORN, f"bind = ':80'\n{text}", "gunicorn.conf.py")
    numbers = (gunicorn.threads(block), gunicorn.workers(block), gunicorn.timeout_s(block))
    assert numbers == (threads, workers, timeout_s)


def test_python_without_a_setting_of_gunicorn_has_no_block():
    assert blocks(Server.GUNICORN, "name = 'x'", "settings.py") == []


INSTALLED = {flag: setting for setting in KNOWN_SETTINGS for flag in setting.cli or ()}


def test_the_flags_are_those_of_the_installed_gunicorn():
    names = {"config" if name == "-c" else name for name in FLAGS.values()}
    installed = {flag: setting.name for flag, setting in INSTALLED.items() if setting.name in names}
    assert {flag: "config" if name == "-c" else name for flag, name in FLAGS.items()} == installed


def test_the_flags_without_a_value_are_those_of_the_installed_gunicorn():
    needs_none = {
        flag
        for flag, setting in INSTALLED.items()
        if setting.action in ("store_true", "store_false", "store_const") or setting.nargs == "?"
    }
    assert needs_none <= FLAGS_WITHOUT_VALUE
    # A flag of another version may stay, unless the installed gunicorn wants a value for it.
    assert FLAGS_WITHOUT_VALUE & INSTALLED.keys() <= needs_none
