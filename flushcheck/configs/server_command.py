"""From the command line of an app server to its ServerSetup, without starting it.

Decides which server a command starts, and how many requests at once its options allow. A number that only the
running program knows (a variable of a shell, a settings file) is 0: not known. gunicorn's options are left to
gunicorn itself: see `cli.doctor`.

Measured with 60 streams (300 where no limit showed) on uvicorn 0.54.0, hypercorn 0.18.0, granian 2.8.9,
daphne 4.2.3, waitress 3.0.2, cheroot 11.1.2 and uWSGI 2.0.21; tests/live/test_app_servers.py repeats some.
From their source or documentation alone: granian's and cheroot's defaults, uWSGI's --gevent.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Mapping, Sequence

from flushcheck.configs.server_setup import GEVENT, AppServer, ServerSetup

# The command that starts each, also behind `python -m`.
PROGRAMS = {
    "gunicorn": AppServer.GUNICORN,
    "uvicorn": AppServer.UVICORN,
    "fastapi": AppServer.UVICORN,
    "hypercorn": AppServer.HYPERCORN,
    "granian": AppServer.GRANIAN,
    "daphne": AppServer.DAPHNE,
    "waitress-serve": AppServer.WAITRESS,
    "waitress": AppServer.WAITRESS,
    "cheroot": AppServer.CHEROOT,
    "uwsgi": AppServer.UWSGI,
    "flask": AppServer.WERKZEUG,
}
# Of these one sub-command only is a server.
_SUBCOMMANDS = {"fastapi": ("run", "dev"), "flask": ("run",)}

# Defaults, each as measured on the version above.
WAITRESS_THREADS = 4
WAITRESS_CONNECTIONS = 100
WAITRESS_OWN_SOCKETS = 2  # the listening socket and the one that wakes the loop count as connections
CHEROOT_THREADS = 10
UVICORN_WSGI_THREADS = 10  # no option changes it
GRANIAN_BACKLOG = 1024
GRANIAN_MIN_BACKLOG = 128
MAX_EXECUTOR_THREADS = 32  # of Python's default executor, in which hypercorn runs WSGI apps
EXECUTOR_EXTRA_THREADS = 4  # more than the machine has cores


# Words in front of a program's name in commands that do not start it.
_NOT_STARTING = frozenset(
    {
        *("install", "add", "uninstall", "remove", "require", "freeze", "which", "type", "echo", "printf"),
        *(
            "pkill",
            "killall",
            "pgrep",
            "kill",
            "grep",
            "systemctl",
            "service",
            "supervisorctl",
            "apt-get",
            "apk",
        ),
        *("cp", "mv", "rm", "cat", "mkdir", "chown", "chmod", "ln", "if", "test", "journalctl", "cd"),
    }
)


def may_start(before: Sequence[str]) -> bool:
    """Whether a program is started by a command that has these words in front of the program's name."""
    # Behind && or ; another command begins.
    last = max(
        (at for at, word in enumerate(before) if word in ("&&", "||", ";", "|") or word[-1:] == ";"),
        default=-1,
    )
    return not _NOT_STARTING.intersection(before[last + 1 :])


def server_words(words: Sequence[str]) -> tuple[str, ...]:
    """The command from the name of the server on; () if it starts no server that is known.

    Args:
        words: the whole command, for example ("exec", "poetry", "run", "uvicorn", "app:app").
    """
    for number, word in enumerate(words):
        name = word.rpartition("/")[2]
        if name not in PROGRAMS:
            continue
        if not may_start(words[:number]):
            continue
        if name == "waitress" and words[max(0, number - 1)] != "-m":
            continue  # a package in a command that installs it
        if name not in _SUBCOMMANDS or set(_SUBCOMMANDS[name]) & set(words[number + 1 :]):
            return (name, *words[number + 1 :])
    # sh -c "uvicorn ...": the command is one word.
    for word in words:
        inner = _split(word) if " " in word else []
        if found := server_words(inner):
            return found
    return ()


def setup_of(
    words: Sequence[str], environ: Mapping[str, str], *, cores: int, version_of: Callable[[str], str]
) -> ServerSetup:
    """The setup of the server that this command starts; AppServer.UNKNOWN if none is known, or for gunicorn.

    Args:
        words: from `server_words`; for uWSGI with the settings of its file among them (`uwsgi_words`).
        environ: variables that the server would see.
        cores: of the machine that would run it.
        version_of: the version of an installed library, "" if it is not installed.
    """
    server = PROGRAMS.get(words[0], AppServer.UNKNOWN) if words else AppServer.UNKNOWN
    read = _READERS.get(server)
    if read is None:
        return ServerSetup(AppServer.UNKNOWN)
    return read(_Options(words[1:], environ), cores, version_of(NAMES_OF_LIBRARIES.get(server, server)))


NAMES_OF_LIBRARIES = {AppServer.UWSGI: "pyuwsgi"}


class _Options:
    """The options of a command line, and the variables that stand for those that are missing."""

    def __init__(self, words: Sequence[str], environ: Mapping[str, str]) -> None:
        self.words = words
        self._environ = environ

    def value(self, *names: str) -> str:
        """The last value of an option; a variable in its place; "" if neither is there.

        Args:
            names: "-w" or "--workers" for the option, "WEB_CONCURRENCY" for a variable.
        """
        value = ""
        for number, word in enumerate(self.words):
            for name in names:
                if word == name and number + 1 < len(self.words):
                    value = self.words[number + 1]
                elif word.startswith(f"{name}="):
                    value = word[len(name) + 1 :]
                elif len(name) == 2 and word.startswith(name) and len(word) > 2:
                    value = word[2:]
        if value:
            return value
        return next((self._environ[name] for name in names if self._environ.get(name)), "")

    def number(self, *names: str, default: int) -> int:
        """The same as a number; 0 if it is no number that can be read here."""
        value = self.value(*names)
        if not value:
            return default
        return int(value) if value.isdecimal() and len(value) < 10 else 0

    def __contains__(self, name: str) -> bool:
        return any(word == name or word.startswith(f"{name}=") for word in self.words)


_UVICORN_LIMIT = ("--limit-concurrency", "UVICORN_LIMIT_CONCURRENCY")


def _uvicorn(options: _Options, cores: int, version: str) -> ServerSetup:
    # One less: the connection that asks counts too. Measured with 11: 10 streams, or 503 for 11.
    limit = options.number(*_UVICORN_LIMIT, default=0)
    wsgi = options.value("--interface", "UVICORN_INTERFACE") == "wsgi"
    at_once = max(0, limit - 1)
    if wsgi:
        at_once = min(UVICORN_WSGI_THREADS, at_once or UVICORN_WSGI_THREADS)
    return ServerSetup(
        AppServer.UVICORN,
        version,
        processes=options.number("--workers", "UVICORN_WORKERS", "WEB_CONCURRENCY", default=1),
        concurrency=at_once,
        event_loop=not wsgi,
        limit_unknown=not wsgi and not limit and bool(options.value(*_UVICORN_LIMIT)),
    )


def _hypercorn(options: _Options, cores: int, version: str) -> ServerSetup:
    wsgi = any(word.startswith("wsgi:") for word in options.words)
    in_file = "-c" in options or "--config" in options
    return ServerSetup(
        AppServer.HYPERCORN,
        version,
        processes=options.number("-w", "--workers", default=0 if in_file else 1),
        concurrency=min(MAX_EXECUTOR_THREADS, cores + EXECUTOR_EXTRA_THREADS) if wsgi else 0,
        event_loop=not wsgi,
    )


def _granian(options: _Options, cores: int, version: str) -> ServerSetup:
    workers = options.number("--workers", "GRANIAN_WORKERS", default=1)
    backlog = options.number("--backlog", "GRANIAN_BACKLOG", default=GRANIAN_BACKLOG)
    share = max(GRANIAN_MIN_BACKLOG, backlog) // max(1, workers)
    at_once = options.number("--backpressure", "GRANIAN_BACKPRESSURE", default=share)
    wsgi = options.value("--interface", "GRANIAN_INTERFACE") == "wsgi"
    if wsgi:
        default = max(1, at_once // 2)
        threads = options.number("--blocking-threads", "GRANIAN_BLOCKING_THREADS", default=default)
        at_once = min(at_once, threads)
    return ServerSetup(
        AppServer.GRANIAN,
        version,
        processes=workers,
        concurrency=at_once,
        event_loop=not wsgi,
        limit_unknown=not at_once,
    )


def _daphne(options: _Options, cores: int, version: str) -> ServerSetup:
    return ServerSetup(AppServer.DAPHNE, version, processes=1, event_loop=True)


def _waitress(options: _Options, cores: int, version: str) -> ServerSetup:
    threads = options.number("--threads", default=WAITRESS_THREADS)
    connections = options.number("--connection-limit", default=WAITRESS_CONNECTIONS)
    at_once = min(threads, max(1, connections - WAITRESS_OWN_SOCKETS)) if connections else threads
    return ServerSetup(AppServer.WAITRESS, version, processes=1, concurrency=at_once)


def _cheroot(options: _Options, cores: int, version: str) -> ServerSetup:
    threads = options.number("--threads", default=CHEROOT_THREADS)
    return ServerSetup(AppServer.CHEROOT, version, processes=1, concurrency=threads)


def _uwsgi(options: _Options, cores: int, version: str) -> ServerSetup:
    # Without an engine --async adds nothing (measured), nor does --enable-threads.
    greenlets = options.number("--gevent", default=0)
    return ServerSetup(
        AppServer.UWSGI,
        version,
        worker=GEVENT if "--gevent" in options else "",
        processes=options.number("-p", "--processes", "--workers", default=1),
        concurrency=greenlets if "--gevent" in options else options.number("--threads", default=1),
    )


def _werkzeug(options: _Options, cores: int, version: str) -> ServerSetup:
    threads = 1 if "--without-threads" in options else 0
    return ServerSetup(AppServer.WERKZEUG, version, processes=1, concurrency=threads)


_READERS = {
    AppServer.UVICORN: _uvicorn,
    AppServer.HYPERCORN: _hypercorn,
    AppServer.GRANIAN: _granian,
    AppServer.DAPHNE: _daphne,
    AppServer.WAITRESS: _waitress,
    AppServer.CHEROOT: _cheroot,
    AppServer.UWSGI: _uwsgi,
    AppServer.WERKZEUG: _werkzeug,
}

_INI_SETTING = re.compile(r"^\s*([a-z][a-z0-9_-]*)\s*=\s*([^;#\s]\S*)\s*$", re.IGNORECASE | re.MULTILINE)


def uwsgi_words(text: str) -> tuple[str, ...]:
    """The settings of a uWSGI file in the form of ini, as options of its command line."""
    return tuple(f"--{name}={value}" for name, value in _INI_SETTING.findall(text))


def hypercorn_words(text: str) -> tuple[str, ...]:
    """The settings of a hypercorn file in TOML that matter here, as options; () of a text that is no TOML.

    Source: hypercorn 0.18.0, `Config.from_toml`: the keys are the names of its settings, at the top.
    """
    try:
        settings = tomllib.loads(text)
    except (ValueError, RecursionError):
        return ()
    return (f"--workers={settings.get('workers', 1)}",)


def hypercorn_file(words: Sequence[str]) -> str:
    """The settings file in TOML of a hypercorn command; "" if there is none, or one of another kind."""
    path = _Options(words, {}).value("-c", "--config")
    path = path.removeprefix("toml:")
    return "" if ":" in path or path.endswith(".py") else path


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote that is never closed
        return text.split()
