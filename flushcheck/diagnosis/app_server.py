"""What the app's own server can carry, and what to change: facts in, advice out.

The facts are the running process's own (`service.serving.app_server`), or those of a command line that is
not started yet (`cli.doctor`). No request header is among them. A fact that is not known is not guessed: an
unknown number is 0, and then the sentence says where it is set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from flushcheck.configs.findings import Level
from flushcheck.culprits import gunicorn_sync_worker
from flushcheck.model.settings import UnknownSetting


class AppServer(StrEnum):
    """The server that runs the app."""

    GUNICORN = "gunicorn"
    UWSGI = "uwsgi"
    PASSENGER = "passenger"
    MOD_WSGI = "mod_wsgi"
    FASTCGI = "fastcgi"
    CGI = "cgi"
    WERKZEUG = "werkzeug"
    UNKNOWN = "unknown"


GEVENT = "gevent"
GTHREAD = "gthread"
SYNC = "sync"


@dataclass(frozen=True, slots=True)
class ServerSetup:
    """The facts: how the app's own server is set up."""

    server: AppServer
    version: str = ""  # of the server; "" if it does not say
    worker: str = ""  # gunicorn's worker class, for example "gevent"
    processes: int = 0  # that serve the app; 0: not known
    concurrency: int = 0  # requests at once in one process: threads, or gevent's connections; 0: not known
    timeout_s: float = 0.0  # a sync worker is killed after so long a request; 0: never
    preloaded: bool = False  # the app was loaded before the worker was forked
    patched: bool = False  # gevent had patched the standard library when the app was loaded
    gevent: str = ""  # its version; "": not installed
    max_streams: int = 0  # FLUSHCHECK_MAX_STREAMS; 0: not known
    unknown_settings: tuple[UnknownSetting, ...] = ()  # variables that a typo may have made
    refused: str = ""  # why the service would not start with this environment
    engine: bool = True  # FLUSHCHECK_ENGINE: whether one loop may write all streams of a gevent process
    engine_misfits: tuple[str, ...] = ()  # what the engine needs and the installed gunicorn or gevent lacks
    worker_found: bool = True  # gunicorn's worker is known, so that it can be seen to stop


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to know, or to change."""

    id: str  # the culprit, where the catalogue has it, for example "gunicorn-sync-worker"
    level: Level
    sentence: str
    fix: str = ""  # the line to write; "" if there is nothing to do


@dataclass(frozen=True, slots=True)
class ServerReport:
    """What `flushcheck doctor` says."""

    runs_under: AppServer
    version: str
    worker: str
    processes: int  # 0: not known
    streams_per_process: int  # at once; 0: not known
    websocket: bool
    meaning: str  # one sentence
    remarks: tuple[Advice, ...]  # the worst first

    @property
    def streams(self) -> int:
        """How many at once in all processes; 0: not known."""
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
    AppServer.GUNICORN: "gunicorn",
    AppServer.UWSGI: "uWSGI",
    AppServer.PASSENGER: "Passenger",
    AppServer.MOD_WSGI: "mod_wsgi",
    AppServer.FASTCGI: "FastCGI",
    AppServer.CGI: "CGI",
    AppServer.WERKZEUG: "Werkzeug's own server",
    AppServer.UNKNOWN: "an unknown server",
}

# Servers that give the app the connection, which a WebSocket needs.
_HANDS_SOCKET_OVER = frozenset({AppServer.GUNICORN, AppServer.WERKZEUG})

_ORDER = (Level.ERROR, Level.WARNING, Level.NOTE)


def examine(setup: ServerSetup) -> ServerReport:
    """Say what this setup means for streams, and what to change."""
    remarks = tuple(sorted(_remarks(setup), key=lambda advice: _ORDER.index(advice.level)))
    requests = 1 if setup.worker == SYNC else setup.concurrency
    return ServerReport(
        runs_under=setup.server,
        version=setup.version,
        worker=setup.worker,
        processes=setup.processes,
        streams_per_process=min(requests, setup.max_streams) if setup.max_streams else requests,
        websocket=setup.server in _HANDS_SOCKET_OVER,
        meaning=_meaning(setup),
        remarks=remarks,
    )


def _meaning(setup: ServerSetup) -> str:
    threads = _count(setup.concurrency, "thread") if setup.concurrency else "threads"
    match setup.server:
        case AppServer.GUNICORN if setup.worker == GEVENT:
            return (
                f"a stream takes a greenlet: {_streams(setup)} at once in each process, "
                "then 503 with Retry-After"
            )
        case AppServer.GUNICORN if setup.worker == SYNC:
            return (
                "a process serves one request at a time: while it streams, other requests wait for "
                "another process"
            )
        case AppServer.GUNICORN if not setup.worker_found:
            return "how many streams fit into a process is not known: gunicorn's worker is not found"
        case AppServer.GUNICORN if setup.worker != GTHREAD:
            return f"the worker class {setup.worker} is unknown"
        case AppServer.GUNICORN | AppServer.UWSGI | AppServer.MOD_WSGI:
            return (
                f"a stream takes one of the {threads} of its process until it is over; "
                "when all are taken, a new request waits"
            )
        case AppServer.PASSENGER:
            return (
                "a process serves one request at a time; Passenger starts more, one by one, up to "
                "PassengerMaxPoolSize (default 6 for the whole server)"
            )
        case AppServer.FASTCGI if setup.concurrency > 1:
            return f"a stream takes one of at most {threads} until it is over; more are refused"
        case AppServer.FASTCGI:
            return (
                "a stream takes a process until it is over; the web server starts more, up to its own limit"
            )
        case AppServer.CGI:
            return (
                "each request starts a process, which takes half a second and more; "
                "a stream takes it until it is over"
            )
        case AppServer.WERKZEUG:
            return "a stream takes a thread; this server is for development"
        case _:
            return "the server that runs the app is unknown"


def _remarks(setup: ServerSetup) -> Iterator[Advice]:
    if setup.refused:
        yield Advice("setting", Level.ERROR, f"the service would not start: {setup.refused}")
    yield from map(_unknown_setting, setup.unknown_settings)
    if setup.server is AppServer.GUNICORN:
        yield from _gunicorn(setup)
    elif setup.server in (AppServer.UWSGI, AppServer.MOD_WSGI):
        yield from _few_threads(setup)
    elif setup.server is AppServer.WERKZEUG:
        yield Advice(
            "werkzeug",
            Level.WARNING,
            "Werkzeug's own server is for development: it has no limits and cuts streams when it stops",
            "gunicorn -c deploy/gunicorn.conf.py wsgi:app",
        )
    if setup.server not in (*_HANDS_SOCKET_OVER, AppServer.UNKNOWN):
        yield Advice(
            "websocket",
            Level.NOTE,
            f"{NAMES[setup.server]} gives the app no connection: the response to a WebSocket handshake is "
            "501, and clients fall back",
        )


def _gunicorn(setup: ServerSetup) -> Iterator[Advice]:
    if not setup.worker_found:
        yield Advice(
            "gunicorn-worker",
            Level.WARNING,
            "gunicorn's worker is not found, so its settings are unknown, and streams are cut when it stops",
            "gunicorn -c deploy/gunicorn.conf.py wsgi:app",
        )
        return
    if setup.worker == SYNC:
        killed = f", and is killed when one lasts {setup.timeout_s:g} s (timeout)" if setup.timeout_s else ""
        installed = "" if setup.gevent else "pip install 'gunicorn[gevent]', then: "
        yield Advice(
            gunicorn_sync_worker.CULPRIT.id,
            Level.ERROR,
            f"a sync worker serves one stream at a time{killed}: "
            f"{_count(setup.processes or 1, 'stream')} in all",
            f"{installed}gunicorn -k gevent",
        )
    elif setup.worker == GEVENT:
        yield from _gevent(setup)
    elif setup.worker == GTHREAD:
        yield from _few_threads(setup)
    else:
        yield Advice(
            "worker-class",
            Level.WARNING,
            f"the worker class {setup.worker} was not tested",
            "gunicorn -k gevent",
        )
    if not setup.gevent and setup.worker not in (GEVENT, SYNC):
        yield Advice(
            "gevent",
            Level.NOTE,
            "gevent is not installed: with it, a stream takes no thread",
            "pip install 'gunicorn[gevent]'",
        )


def _gevent(setup: ServerSetup) -> Iterator[Advice]:
    if not setup.gevent:
        yield Advice(
            "gevent",
            Level.ERROR,
            "gevent is not installed: gunicorn does not start with a gevent worker",
            "pip install 'gunicorn[gevent]'",
        )
    if setup.preloaded and not setup.patched:
        yield Advice(
            "preload-app",
            Level.ERROR,
            "preload_app loads the app before gevent has patched the standard library: what it made by then "
            "(locks, sockets, pools) blocks a whole worker and all its streams",
            "preload_app = False",
        )
    if setup.engine_misfits:
        yield Advice(
            "engine",
            Level.WARNING,
            f"the stream engine does not fit the installed versions: {'; '.join(setup.engine_misfits)}. "
            "Each stream is written by its own greenlet, at about twice the processor time",
            "pip install 'gunicorn==27.0.1' 'gevent==26.9.0'",
        )
    elif not setup.engine:
        yield Advice(
            "engine",
            Level.NOTE,
            "FLUSHCHECK_ENGINE=off: each stream is written by its own greenlet, "
            "at about twice the processor time",
            "FLUSHCHECK_ENGINE=on",
        )
    if 0 < setup.concurrency <= setup.max_streams:
        yield Advice(
            "worker-connections",
            Level.WARNING,
            f"worker_connections {setup.concurrency} is not above FLUSHCHECK_MAX_STREAMS "
            f"{setup.max_streams}: streams can take every connection, and then even a health check waits",
            f"worker_connections = {setup.max_streams + max(100, setup.max_streams // 10)}",
        )


def _few_threads(setup: ServerSetup) -> Iterator[Advice]:
    if not setup.concurrency:
        return
    fixes = {
        AppServer.GUNICORN: "gunicorn -k gevent, or --threads 100",
        AppServer.UWSGI: "threads = 100",
        AppServer.MOD_WSGI: "WSGIDaemonProcess ... threads=100",
    }
    streams = setup.concurrency * max(1, setup.processes)
    if streams < gunicorn_sync_worker.FEW:
        yield Advice(
            gunicorn_sync_worker.CULPRIT.id if setup.server is AppServer.GUNICORN else "threads",
            Level.WARNING,
            f"{_count(streams, 'stream')} at once in all; the next request waits until one is over",
            fixes[setup.server],
        )
    elif setup.concurrency <= setup.max_streams:
        yield Advice(
            "threads",
            Level.NOTE,
            f"{_count(setup.concurrency, 'thread')} in a process, not above FLUSHCHECK_MAX_STREAMS "
            f"{setup.max_streams}: streams can take them all, and then even a health check waits",
            f"FLUSHCHECK_MAX_STREAMS={setup.concurrency - max(1, setup.concurrency // 10)}",
        )


def _unknown_setting(setting: UnknownSetting) -> Advice:
    # Without a similar setting, the variable may belong to Kubernetes or another program: only a note.
    return Advice("setting", Level.WARNING if setting.similar else Level.NOTE, setting.sentence)


def _streams(setup: ServerSetup) -> int:
    return min(setup.concurrency, setup.max_streams) if setup.concurrency else setup.max_streams


def _count(number: int, noun: str) -> str:
    plural = "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{'' if number == 1 else plural}"


def exit_code(report: ServerReport) -> int:
    """0: nothing to change, 1: something to change, 3: the server that runs the app is unknown."""
    if any(advice.level is not Level.NOTE for advice in report.remarks):
        return 1
    return 3 if report.runs_under is AppServer.UNKNOWN else 0
