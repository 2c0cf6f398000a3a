"""What the app runs under, and what that means for streams: facts in, statements out.

The facts are the running process's own (`service.serving.app_server`), or those of a command line that nobody
has started yet (`cli.doctor`). A header that a visitor sent is none of them. What the facts do not say is not
guessed: a number that nobody told is 0, and then the sentence says who knows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from flushcheck.configs.findings import Level
from flushcheck.culprits.gunicorn_sync_worker import FEW


class Runner(StrEnum):
    """What runs the app."""

    GUNICORN = "gunicorn"
    UWSGI = "uwsgi"
    PASSENGER = "passenger"
    MOD_WSGI = "mod_wsgi"
    FASTCGI = "fastcgi"
    CGI = "cgi"
    WERKZEUG = "werkzeug"
    UNKNOWN = "unknown"


GREEN = "gevent"
THREADS = "gthread"
SYNC = "sync"


@dataclass(frozen=True, slots=True)
class Setup:
    """The facts."""

    runner: Runner
    version: str = ""  # of the runner; "" if it does not say
    worker: str = ""  # gunicorn's worker class, for example "gevent"
    processes: int = 0  # that serve the app; 0: nobody says
    places: int = 0  # requests at once in one process: threads, or gevent's connections; 0: nobody says
    timeout_s: float = 0.0  # a sync worker is killed after so long a request; 0: never
    preloaded: bool = False  # the app was loaded before the worker was forked
    patched: bool = False  # gevent had patched the standard library when the app was loaded
    gevent: str = ""  # its version; "": not installed
    max_streams: int = 0  # FLUSHCHECK_MAX_STREAMS; 0: nobody says
    strangers: tuple[str, ...] = ()  # what `limits.strangers` says of the environment
    refused: str = ""  # why the service would not start with this environment
    engine: bool = True  # FLUSHCHECK_ENGINE: whether one loop may write all streams of a gevent process
    engine_misfits: tuple[str, ...] = ()  # what the engine needs and the installed gunicorn or gevent lacks
    worker_found: bool = True  # gunicorn's worker is known, so that it can be seen to stop


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to know, or to change."""

    id: str  # the thing at fault, for example "sync-worker"
    level: Level
    sentence: str
    fix: str = ""  # the line to write; "" if there is nothing to do


@dataclass(frozen=True, slots=True)
class Checkup:
    """What the doctor says."""

    runs_under: Runner
    version: str
    worker: str
    processes: int  # 0: nobody says
    streams_per_process: int  # at once; 0: nobody says
    websocket: bool
    meaning: str  # one sentence
    remarks: tuple[Remark, ...]  # the worst first

    @property
    def streams(self) -> int:
        """How many at once in all processes; 0: nobody says."""
        return self.processes * self.streams_per_process

    @property
    def name(self) -> str:
        """For example "gunicorn 27.0.1, gevent worker, 2 processes"."""
        parts = [" ".join(filter(None, [NAMES[self.runs_under], self.version]))]
        if self.worker:
            parts.append(f"{self.worker} worker")
        if self.processes:
            parts.append(_count(self.processes, "process"))
        return ", ".join(parts)


NAMES = {
    Runner.GUNICORN: "gunicorn",
    Runner.UWSGI: "uWSGI",
    Runner.PASSENGER: "Passenger",
    Runner.MOD_WSGI: "mod_wsgi",
    Runner.FASTCGI: "FastCGI",
    Runner.CGI: "CGI",
    Runner.WERKZEUG: "Werkzeug's own server",
    Runner.UNKNOWN: "a server that is not known here",
}

# Who hands the connection to the app, which a WebSocket needs.
_HANDING_OUT = frozenset({Runner.GUNICORN, Runner.WERKZEUG})

_ORDER = (Level.ERROR, Level.WARNING, Level.NOTE)


def examine(setup: Setup) -> Checkup:
    """Say what this setup means for streams."""
    remarks = tuple(sorted(_remarks(setup), key=lambda remark: _ORDER.index(remark.level)))
    places = 1 if setup.worker == SYNC else setup.places
    return Checkup(
        runs_under=setup.runner,
        version=setup.version,
        worker=setup.worker,
        processes=setup.processes,
        streams_per_process=min(places, setup.max_streams) if setup.max_streams else places,
        websocket=setup.runner in _HANDING_OUT,
        meaning=_meaning(setup),
        remarks=remarks,
    )


def _meaning(setup: Setup) -> str:
    places = _count(setup.places, "thread") if setup.places else "threads"
    match setup.runner:
        case Runner.GUNICORN if setup.worker == GREEN:
            return (
                f"a stream costs a greenlet: {_streams(setup)} at once in each process, "
                "then 503 with Retry-After"
            )
        case Runner.GUNICORN if setup.worker == SYNC:
            return (
                "a process serves one request at a time: while it streams, everybody else waits for "
                "another process"
            )
        case Runner.GUNICORN if not setup.worker_found:
            return "how many streams fit into a process is not known: gunicorn's worker is not found"
        case Runner.GUNICORN if setup.worker != THREADS:
            return f"nothing is known here of the worker class {setup.worker}"
        case Runner.GUNICORN | Runner.UWSGI | Runner.MOD_WSGI:
            return (
                f"a stream holds one of the {places} of its process until it is over; "
                "when all are held, whoever comes waits"
            )
        case Runner.PASSENGER:
            return (
                "a process serves one request at a time; Passenger starts more, one by one, up to "
                "PassengerMaxPoolSize (6 for the whole server as it comes)"
            )
        case Runner.FASTCGI if setup.places > 1:
            return f"a stream holds one of at most {places} until it is over; more are refused"
        case Runner.FASTCGI:
            return (
                "a stream holds a process until it is over; the web server starts more, up to its own limit"
            )
        case Runner.CGI:
            return (
                "each request starts a process, which takes half a second and more; "
                "a stream keeps it until it is over"
            )
        case Runner.WERKZEUG:
            return "a stream costs a thread; a server to develop with"
        case _:
            return "nothing is known here of what runs the app"


def _remarks(setup: Setup) -> Iterator[Remark]:
    if setup.refused:
        yield Remark("setting", Level.ERROR, f"the service would not start: {setup.refused}")
    yield from map(_stranger, setup.strangers)
    if setup.runner is Runner.GUNICORN:
        yield from _gunicorn(setup)
    elif setup.runner in (Runner.UWSGI, Runner.MOD_WSGI):
        yield from _few_threads(setup)
    elif setup.runner is Runner.WERKZEUG:
        yield Remark(
            "werkzeug",
            Level.WARNING,
            "Werkzeug's own server is for development: it bounds nothing and drains nothing",
            "gunicorn -c deploy/gunicorn.conf.py wsgi:app",
        )
    if setup.runner not in (*_HANDING_OUT, Runner.UNKNOWN):
        yield Remark(
            "websocket",
            Level.NOTE,
            f"{NAMES[setup.runner]} hands out no connection: a WebSocket is answered with 501, "
            "and clients fall back",
        )


def _gunicorn(setup: Setup) -> Iterator[Remark]:
    if not setup.worker_found:
        yield Remark(
            "gunicorn-worker",
            Level.WARNING,
            "gunicorn's worker is not found, so its settings are unknown, and streams are cut when it stops",
            "gunicorn -c deploy/gunicorn.conf.py wsgi:app",
        )
        return
    if setup.worker == SYNC:
        killed = f", and is killed when one lasts {setup.timeout_s:g} s (timeout)" if setup.timeout_s else ""
        installed = "" if setup.gevent else "pip install 'gunicorn[gevent]', then: "
        yield Remark(
            "sync-worker",
            Level.ERROR,
            f"a sync worker serves one stream at a time{killed}: "
            f"{_count(setup.processes or 1, 'stream')} in all",
            f"{installed}gunicorn -k gevent",
        )
    elif setup.worker == GREEN:
        yield from _green(setup)
    elif setup.worker == THREADS:
        yield from _few_threads(setup)
    else:
        yield Remark(
            "worker-class",
            Level.WARNING,
            f"{setup.worker} is no worker class that was tried",
            "gunicorn -k gevent",
        )
    if not setup.gevent and setup.worker not in (GREEN, SYNC):
        yield Remark(
            "gevent",
            Level.NOTE,
            "gevent is not installed: with it, a stream costs no thread",
            "pip install 'gunicorn[gevent]'",
        )


def _green(setup: Setup) -> Iterator[Remark]:
    if not setup.gevent:
        yield Remark(
            "gevent",
            Level.ERROR,
            "gevent is not installed: gunicorn does not start with a gevent worker",
            "pip install 'gunicorn[gevent]'",
        )
    if setup.preloaded and not setup.patched:
        yield Remark(
            "preload-app",
            Level.ERROR,
            "preload_app loads the app before gevent has patched the standard library: what it made by then "
            "(locks, sockets, pools) blocks a whole worker, with all its streams",
            "preload_app = False",
        )
    if setup.engine_misfits:
        yield Remark(
            "engine",
            Level.WARNING,
            f"the stream engine does not fit the installed versions: {'; '.join(setup.engine_misfits)}. "
            "Each stream is written by its own greenlet, at about twice the processor time",
            "pip install 'gunicorn==27.0.1' 'gevent==26.9.0'",
        )
    elif not setup.engine:
        yield Remark(
            "engine",
            Level.NOTE,
            "FLUSHCHECK_ENGINE=off: each stream is written by its own greenlet, "
            "at about twice the processor time",
            "FLUSHCHECK_ENGINE=on",
        )
    if 0 < setup.places <= setup.max_streams:
        yield Remark(
            "worker-connections",
            Level.WARNING,
            f"worker_connections {setup.places} is not above FLUSHCHECK_MAX_STREAMS {setup.max_streams}: "
            "streams can take every place, and then even a health check waits",
            f"worker_connections = {setup.max_streams + max(100, setup.max_streams // 10)}",
        )


def _few_threads(setup: Setup) -> Iterator[Remark]:
    if not setup.places:
        return
    fixes = {
        Runner.GUNICORN: "gunicorn -k gevent, or --threads 100",
        Runner.UWSGI: "threads = 100",
        Runner.MOD_WSGI: "WSGIDaemonProcess ... threads=100",
    }
    most = setup.places * max(1, setup.processes)
    if most < FEW:
        yield Remark(
            "threads",
            Level.WARNING,
            f"{_count(most, 'stream')} at once in all, and whoever comes then waits until one is over",
            fixes[setup.runner],
        )
    elif setup.places <= setup.max_streams:
        yield Remark(
            "threads",
            Level.NOTE,
            f"{_count(setup.places, 'thread')} in a process, not above FLUSHCHECK_MAX_STREAMS "
            f"{setup.max_streams}: streams can take them all, and then even a health check waits",
            f"FLUSHCHECK_MAX_STREAMS={setup.places - max(1, setup.places // 10)}",
        )


def _stranger(sentence: str) -> Remark:
    # One without a likeness may be Kubernetes's or somebody else's: told, and no reason to fail.
    return Remark("setting", Level.WARNING if sentence.endswith("?") else Level.NOTE, sentence)


def _streams(setup: Setup) -> int:
    return min(setup.places, setup.max_streams) if setup.places else setup.max_streams


def _count(number: int, noun: str) -> str:
    plural = "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{'' if number == 1 else plural}"


def exit_code(checkup: Checkup) -> int:
    """0: nothing to change, 1: something is, 3: nothing is known of what runs the app."""
    if any(remark.level is not Level.NOTE for remark in checkup.remarks):
        return 1
    return 3 if checkup.runs_under is Runner.UNKNOWN else 0
