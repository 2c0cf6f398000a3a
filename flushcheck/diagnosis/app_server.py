"""What the app's own server can carry: from a ServerSetup to a ServerReport.

Decides how many streams fit and what that means, in one sentence; `server_remarks` says what to change. A
number that is not known stays 0, and the sentence says where it is set.
"""

from __future__ import annotations

from dataclasses import dataclass

from flushcheck.configs.findings import Level
from flushcheck.diagnosis.server_remarks import Remark, remarks_on
from flushcheck.diagnosis.server_setup import (
    GEVENT,
    GIVES_CONNECTION,
    GTHREAD,
    NAMES,
    SYNC,
    AppServer,
    ServerSetup,
)
from flushcheck.model.wording import count_of


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
    remarks: tuple[Remark, ...]  # the worst first

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
            parts.append(count_of(self.processes, "process"))
        return ", ".join(parts)


def examine(setup: ServerSetup) -> ServerReport:
    """Say what this setup means for streams, and what to change."""
    requests = 1 if setup.worker == SYNC else setup.concurrency
    return ServerReport(
        runs_under=setup.server,
        version=setup.version,
        worker=setup.worker,
        processes=setup.processes,
        streams_per_process=min(requests, setup.max_streams) if setup.max_streams else requests,
        websocket=setup.server in GIVES_CONNECTION,
        meaning=_meaning(setup),
        remarks=remarks_on(setup),
    )


def _meaning(setup: ServerSetup) -> str:
    threads = count_of(setup.concurrency, "thread") if setup.concurrency else "threads"
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
        case AppServer.GUNICORN | AppServer.UWSGI | AppServer.MOD_WSGI if setup.concurrency == 1:
            return "a stream takes the only thread of its process until the stream ends; a new request waits"
        case AppServer.GUNICORN | AppServer.UWSGI | AppServer.MOD_WSGI:
            return (
                f"a stream takes one of the {threads} of its process until the stream ends; "
                "when all are taken, a new request waits"
            )
        case AppServer.PASSENGER:
            return (
                "a process serves one request at a time; Passenger starts more, one by one, up to "
                "PassengerMaxPoolSize (default 6 for the whole server)"
            )
        case AppServer.FASTCGI if setup.concurrency > 1:
            return f"a stream takes one of at most {threads} until the stream ends; more are refused"
        case AppServer.FASTCGI:
            return (
                "a stream takes a process until the stream ends; the web server starts more, up to its own "
                "limit"
            )
        case AppServer.CGI:
            return (
                "each request starts a process, which takes half a second and more; "
                "a stream takes it until the stream ends"
            )
        case AppServer.WERKZEUG:
            return "a stream takes a thread; this server is for development"
        case _:
            return "the server that runs the app is unknown"


def _streams(setup: ServerSetup) -> int:
    return min(setup.concurrency, setup.max_streams) if setup.concurrency else setup.max_streams


def exit_code(report: ServerReport) -> int:
    """0: nothing to change, 1: something to change, 3: the server that runs the app is unknown."""
    if any(remark.level is not Level.NOTE for remark in report.remarks):
        return 1
    return 3 if report.runs_under is AppServer.UNKNOWN else 0
