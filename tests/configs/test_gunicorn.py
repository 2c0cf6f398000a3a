"""gunicorn: settings files, command lines, and the values in force."""

import pytest
from gunicorn.config import KNOWN_SETTINGS

from flushcheck.configs import gunicorn
from flushcheck.configs.findings import Server
from flushcheck.configs.gunicorn.command_line import FLAGS, FLAGS_WITHOUT_VALUE
from flushcheck.configs.tree import Parsed, ReadProblem
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
    ("with lock:\n    workers = 2\n    if x:\n        threads = 3\nbind = ':80'", {"workers": ("2",), "threads": ("3", "a condition"), "bind": (":80",)}),
    ("try:\n    workers = 2\nexcept ValueError:\n    pass\nelse:\n    threads = 3", {"workers": ("2", "a condition"), "threads": ("3", "a condition")}),
    ("bind = None\nworkers = True\ntimeout = 1.5",             {"bind": ("",), "workers": ("True",), "timeout": ("1.5",)}),
    ("workers = cpu(2)",                                       {"workers": ("",)}),
    ("workers = cpu().count(2)",                               {"workers": ("",)}),
    ("workers = a or b or 3",                                  {"workers": ("3",)}),
    ("workers = os.getenv('W') or " + "int(" * 5 + "2" + ")" * 5, {"workers": ("2", "W in the environment")}),
    ("workers = os.getenv('W') or " + "int(" * 6 + "2" + ")" * 6, {"workers": ("", "W in the environment")}),
    ("bind = environ['B']",                                    {"bind": ("", "B in the environment")}),
    ("bind = environ.get('B')",                                {"bind": ("", "B in the environment")}),
    ("bind = getenv('B', str(80))",                            {"bind": ("80", "B in the environment")}),
    ("timeout = float(getenv('T', '1.5'))",                    {"timeout": ("1.5", "T in the environment")}),
    ("bind = os.environ[" + "str(" * 5 + "'B'" + ")" * 5 + "]", {"bind": ("", "B in the environment")}),
    ("bind = os.environ[" + "str(" * 6 + "'B'" + ")" * 6 + "]", {"bind": ("", " in the environment")}),
    ("bind = os.getenv(" + "str(" * 5 + "'B'" + ")" * 5 + ")",  {"bind": ("", "B in the environment")}),
    ("bind = os.getenv(" + "str(" * 6 + "'B'" + ")" * 6 + ")",  {"bind": ("", " in the environment")}),
    ("bind = '\udcff'",                                        {"bind": ("?",)}),
    ("raise SystemExit\nopen('/tmp/x', 'w')",                  {}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PYTHON)
def test_a_settings_file_is_read_and_not_run(text, expected):
    parsed = gunicorn.parse(text, "gunicorn.conf.py")
    assert {line.name: line.args for line in parsed.directives} == expected


def test_a_setting_stands_on_the_lines_of_its_value():
    (line,) = gunicorn.parse("\nWorkers = (\n    3\n)", "gunicorn.conf.py").directives
    assert (line.name, line.written, line.args, line.line, line.end_line) == (
        "workers",
        "Workers",
        ("3",),
        2,
        4,
    )


def commands(text, file):
    return [line for line in gunicorn.parse(text, file).directives if line.name == "command"]


KINDS = [
    # file, text, and the names of what is read: of settings, or of command lines
    ("gunicorn.conf.py",   "[x]\nworkers = 3",                                  ["workers"]),
    ("gunicorn.conf",      "[x]\nworkers = 3",                                  ["workers"]),
    ("/srv/Procfile.dev",  "workers = 3",                                       []),
    ("C:\\srv\\Procfile",  "workers = 3",                                       []),
    ("web.service",        "workers = 3",                                       []),
    ("web.Dockerfile",     "workers = 3",                                       []),
    ("Dockerfile.web",     "workers = 3",                                       []),
    ("Containerfile",      "workers = 3",                                       []),
    ("-",                  "workers = 3",                                       ["workers"]),
    ("-",                  "workers = 3\n[x]",                                  []),
    ("-",                  "workers = 3 + [3][0]",                              ["workers"]),
    ("-",                  "workers = 3 #" + "x" * 19_985 + "\n[x]",            []),
    ("-",                  "workers = 3 #" + "x" * 19_986 + "\n[x]",            ["workers"]),
    ("-",                  "workers = 3\nExecStart=/v/bin/gunicorn a:b",        ["command"]),
    ("-",                  "workers = 3\nCMD gunicorn a:b",                     ["command"]),
    ("-",                  "web: gunicorn a:b",                                 ["command"]),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "expected"), KINDS)
def test_a_name_or_the_lines_tell_settings_from_commands(file, text, expected):
    parsed = gunicorn.parse(text, file)
    assert [line.name for line in parsed.directives] == expected
    assert {line.file for line in parsed.directives} <= {file}


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
    ("Dockerfile",    "ENV GUNICORN_CMD_ARGS=-w7\nENV A=1\nCMD gunicorn a:b",                   {"workers": "7"}),
    ("Dockerfile",    "ENV GUNICORN_CMD_ARGS --workers=7 --preload\nCMD gunicorn a:b",         {"workers": "7"}),
    ("a.service",     "Environment=GUNICORN_CMD_ARGS=--workers=7\nEnvironment=A=1\nExecStart=gunicorn a:b", {"workers": "7"}),
    ("Procfile",      "web: gunicorn -w 2 \\\r\n -t 5 a:b\r\n",                                  {"workers": "2", "timeout": "5"}),
    ("Procfile",      "web: gunicorn a:b -w 2 \\ \n -t 5",                                      {"workers": "2"}),
    ("Procfile",      "web: gunicorn -w 2 a:b \\",                                             {"workers": "2"}),
    ("Procfile",      "web: gunicorn" + " " * 19_983 + "-w 23",                                {"workers": "2"}),
    ("Procfile",      "web: gunicorn a:b GUNICORN_CMD_ARGS=-w3",                               {}),
    ("Procfile",      "web: gunicorn -w4 -t5 a:b",                                             {"workers": "4", "timeout": "5"}),
    ("Procfile",      "web: gunicorn --preload -w 2 a:b",                                      {"workers": "2"}),
    ("Procfile",      "web: gunicorn a:b -k X",                                                {"worker_class": "X"}),
    ("Procfile",      "web: gunicorn a:b -w",                                                  {"workers": ""}),
    ("Procfile",      "web: gunicorn -b 'x y' -w 2 'a:b",                                      {"workers": "2"}),
    ("run.sh",        "  exec gunicorn -w 2 a:b",                                              {"workers": "2"}),
    ("run.sh",        "gunicorn -w 2 a:b",                                                     {"workers": "2"}),
    ("Dockerfile",    "ENV GUNICORN_CMD_ARGS=-w1\n" + "ENV GUNICORN_CMD_ARGS=-t1\n" * 19 + "CMD gunicorn a:b", {"workers": "1", "timeout": "1"}),
    ("Dockerfile",    "ENV GUNICORN_CMD_ARGS=-w1\n" + "ENV GUNICORN_CMD_ARGS=-t1\n" * 20 + "CMD gunicorn a:b", {"timeout": "1"}),
    *(("Procfile", f"web: gunicorn a:b {end} -w 2", {}) for end in ("&&", "||", "|", ";", "&", ">", ">>")),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "expected"), COMMANDS)
def test_a_command_line_is_read(file, text, expected):
    (command,) = commands(text, file)
    assert {line.name: line.args[0] for line in command.block or () if line.name != "-c"} == expected


def whole(line):
    """Everything of a statement but its file."""
    return (line.written or line.name, line.args, line.line, line.end_line, *map(whole, line.block or ()))


IMPLIED = ("gunicorn.conf.py", "implied")
LINES = [
    # file, text, and every command line with its settings, weakest first: as written, with the lines of each
    ("Dockerfile", 'ENV A=1 \\\n GUNICORN_CMD_ARGS="-t 5"\nENTRYPOINT ["/v/gunicorn", \\\n "-w", "2"]\nCMD ["a:b"]', [
        ('"/v/gunicorn"', ("a:b",), 3, 4, ("-c", IMPLIED, 3, 4), ("-t", ("5",), 1, 2), ("-w", ("2",), 3, 4))]),
    ("Dockerfile", 'ENTRYPOINT ["sh", "-c", "gunicorn a:b"]\nCMD ["gunicorn", \\\n"-cx.py", "c:d"]', [
        ("gunicorn", ("a:b",), 1, 1, ("-c", IMPLIED, 1, 1)), ('"gunicorn"', ("c:d",), 2, 3, ("-c", ("x.py",), 2, 3))]),
    ("Dockerfile", "\nCMD gunicorn a:b", [("gunicorn", ("a:b",), 2, 2, ("-c", IMPLIED, 2, 2))]),
    ("a.service", 'Environment="GUNICORN_CMD_ARGS=-t \\\n5"\nExecStart=/v/gunicorn --workers=2 \\\n a:b\nExecStart=gunicorn c:d', [
        ("gunicorn", ("a:b",), 3, 4, ("-c", IMPLIED, 3, 4), ("-t", ("5",), 1, 2), ("--workers", ("2",), 3, 4)),
        ("gunicorn", ("c:d",), 5, 5, ("-c", IMPLIED, 5, 5), ("-t", ("5",), 1, 2))]),
    ("Procfile", "a: gunicorn \\\n a:b\nb: gunicorn c:d", [
        ("gunicorn", ("a:b",), 1, 2, ("-c", IMPLIED, 1, 2)), ("gunicorn", ("c:d",), 3, 3, ("-c", IMPLIED, 3, 3))]),
    ("run.sh", "exec gunicorn \\\n a:b\ngunicorn c:d", [
        ("gunicorn", ("a:b",), 1, 2, ("-c", IMPLIED, 1, 2)), ("gunicorn", ("c:d",), 3, 3, ("-c", IMPLIED, 3, 3))]),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "expected"), LINES)
def test_a_command_line_keeps_its_lines(file, text, expected):
    found = commands(text, file)
    assert [whole(command) for command in found] == expected
    assert {line.file for command in found for line in (command, *(command.block or ()))} == {file}


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
    ("web: gunicorn a:b; true",             ("a:b",)),
    ("web: gunicorn -k gevent",             ()),
    ("web: gunicorn a:X; true",             ("a:X",)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), APPS)
def test_the_app_of_a_command_line(text, expected):
    assert commands(text, "Procfile")[0].args == expected


CONFIGS = [
    # command line, and the settings file it reads
    ("web: gunicorn a:b",              ("gunicorn.conf.py", "implied")),
    ("web: gunicorn -c x.py a:b",      ("x.py",)),
    ("web: gunicorn --config=x.py a:b", ("x.py",)),
    ("web: gunicorn --config=x=y.py a:b", ("x=y.py",)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CONFIGS)
def test_the_settings_file_of_a_command_line(text, expected):
    settings = commands(text, "Procfile")[0].block or ()
    assert [line.args for line in settings if line.name == "-c"] == [expected]


PROBLEMS = [
    # name, text, and the line and the reason of the problem
    ("no Python",    "a = 1\ndef (",               2, "not Python: invalid syntax"),
    ("too long",     "a = 1 #" + "x" * 99_994,     0, "more than 100000 characters of Python: not read"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "line", "reason"), PROBLEMS, ids=[row[0] for row in PROBLEMS])
def test_unreadable_text_is_a_problem(name, text, line, reason):
    problem = ReadProblem("gunicorn.conf.py", line, reason)
    assert gunicorn.parse(text, "gunicorn.conf.py") == Parsed((), (problem,))


def test_a_settings_file_of_this_length_is_read():
    assert gunicorn.parse("a = 1 #" + "x" * 99_993, "gunicorn.conf.py").directives


@pytest.mark.parametrize("error", [ValueError, RecursionError, MemoryError])
def test_python_that_cannot_be_parsed_is_a_problem(monkeypatch, error):
    def fail(_):
        raise error

    monkeypatch.setattr("ast.parse", fail)
    problem = ReadProblem("gunicorn.conf.py", 0, "Python that cannot be read")
    assert gunicorn.parse("a = 1", "gunicorn.conf.py") == Parsed((), (problem,))


def test_a_syntax_error_without_a_line_is_reported_for_the_file(monkeypatch):
    def fail(_):
        raise SyntaxError("why")

    monkeypatch.setattr("ast.parse", fail)
    problem = ReadProblem("gunicorn.conf.py", 0, "not Python: why")
    assert gunicorn.parse("a = 1", "gunicorn.conf.py") == Parsed((), (problem,))


WORKERS = [
    # settings, and the worker class in force with its short name
    ("",                                                     "sync",      "sync"),
    ("threads = 2",                                          "gthread",   "gthread"),
    ("threads = 1",                                          "sync",      "sync"),
    ("threads = 0",                                          "sync",      "sync"),
    ("threads = n",                                          "sync",      "sync"),
    ("threads = 2\nworker_class = 'gunicorn.workers.sync.SyncWorker'", "gthread", "gthread"),
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
    ("threads = 2\nworkers = 999999999\ntimeout = 1000000000", 2, 999_999_999, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "threads", "workers", "timeout_s"), NUMBERS)
def test_the_numbers_in_force(text, threads, workers, timeout_s):
    (block,) = blocks(Server.GUNICORN, f"bind = ':80'\n{text}", "gunicorn.conf.py")
    numbers = (gunicorn.threads(block), gunicorn.workers(block), gunicorn.timeout_s(block))
    assert numbers == (threads, workers, timeout_s)


UNLESS = [
    # settings, and what may override the worker class when gunicorn starts
    ("",                                                  ""),
    ("worker_class = 'gevent'",                           ""),
    ("worker_class = os.environ.get('K', 'gevent')",      "K in the environment"),
    ("threads = os.environ.get('T', 2)",                  ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), UNLESS)
def test_what_may_override_the_worker_class(text, expected):
    (block,) = blocks(Server.GUNICORN, f"bind = ':80'\n{text}", "gunicorn.conf.py")
    assert gunicorn.unless(gunicorn.worker(block)) == expected


BLOCKS = [
    # file, text, and the names of its blocks
    ("gunicorn.conf.py", "bind = ':80'",                                      ["gunicorn's settings"]),
    ("Procfile",         "web: gunicorn a:b\nadmin: gunicorn -w 2 c:d",       ["gunicorn a:b", "gunicorn c:d"]),
    ("Procfile",         f"web: gunicorn {'a' * 49}:b",                       [f"gunicorn {'a' * 49}:b"]),
    ("Procfile",         f"web: gunicorn {'a' * 50}:b",                       [f"gunicorn {'a' * 48}..."]),
    *(("gunicorn.conf.py", f"{name} = 1", ["gunicorn's settings"]) for name in (
        "worker_class", "threads", "workers", "timeout", "worker_connections", "wsgi_app")),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "expected"), BLOCKS)
def test_a_block_has_the_name_of_its_command_line(file, text, expected):
    assert [block.name for block in blocks(Server.GUNICORN, text, file)] == expected


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


STARTED = [
    # text,                                                              every command in it, of any program
    ("web: uvicorn a:b --port $PORT\nworker: celery -A a worker\n",      (("uvicorn", "a:b", "--port", "$PORT"), ("celery", "-A", "a", "worker"))),
    ("[Service]\nEnvironment=A=1\nExecStart=-/venv/bin/daphne \\\n a:b",   (("/venv/bin/daphne", "a:b"),)),
    ("FROM x\nENV A=1\nCMD uvicorn a:b",                                 (("uvicorn", "a:b"),)),
    ('ENTRYPOINT ["uvicorn"]\nCMD ["a:b"]\n',                            (("uvicorn", "a:b"),)),
    ('CMD ["a"]\ncmd ["b", "c"]\n',                                      (("b", "c"),)),
    ('ENTRYPOINT ["a"]\n',                                               (("a",),)),
    ("web: 'never closed\n",                                             (("'never", "closed"),)),
    ("web:\nCMD []\nFROM x\n",                                           ()),
    ("",                                                                 ()),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), STARTED)
def test_every_command_of_a_file_is_found_whatever_its_program(text, expected):
    assert gunicorn.commands(text) == expected
