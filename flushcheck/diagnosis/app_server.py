"""What the app's own server can carry: from a ServerSetup to a ServerReport.

Decides how many streams fit and what that means, in one sentence; `server_remarks` says what to change. A
number that is not known stays 0, and the Capacity says what it stands for: never "1 at once" for lack of
knowledge.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flushcheck.configs.findings import Level
from flushcheck.configs.server_setup import (
    GEVENT,
    NAMES,
    SYNC,
    TORNADO,
    AppServer,
    ServerSetup,
)
from flushcheck.diagnosis.server_remarks import Remark, remarks_on
from flushcheck.model.wording import count_of


class Capacity(StrEnum):
    """What limits the streams at once."""

    COUNTED = "counted"  # a number: threads, connections, or a limit that is set
    UNLIMITED = "unlimited"  # nothing: a stream is a task of an event loop, for example
    WEB_SERVER = "web-server"  # the web server, which starts processes as it needs them
    UNKNOWN = "unknown"


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
    capacity: Capacity = Capacity.COUNTED  # what limits the streams at once

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
    at_once = _at_once(setup)
    return ServerReport(
        runs_under=setup.server,
        version=setup.version,
        worker=setup.worker,
        processes=setup.processes,
        streams_per_process=at_once,
        websocket=setup.gives_connection,
        meaning=_meaning(setup),
        remarks=remarks_on(setup),
        capacity=_capacity(setup, at_once),
    )


# Servers whose processes the web server starts and counts.
_WEB_SERVERS = frozenset({AppServer.PASSENGER, AppServer.MOD_WSGI, AppServer.FASTCGI, AppServer.CGI})


def _at_once(setup: ServerSetup) -> int:
    """Streams at once in one process; 0: not known, or without a limit."""
    if setup.server is AppServer.GUNICORN and (not setup.worker_known or setup.worker == TORNADO):
        return 0
    requests = 1 if setup.worker == SYNC else setup.concurrency
    return min(requests, setup.max_streams) if setup.max_streams else requests


def _capacity(setup: ServerSetup, at_once: int) -> Capacity:
    if at_once:
        return Capacity.COUNTED
    if (setup.event_loop or setup.server is AppServer.WERKZEUG) and not setup.limit_unknown:
        return Capacity.UNLIMITED
    return Capacity.WEB_SERVER if setup.server in _WEB_SERVERS else Capacity.UNKNOWN


def _meaning(setup: ServerSetup) -> str:
    if setup.event_loop:
        return _on_event_loop(setup)
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
        case AppServer.GUNICORN if setup.worker == TORNADO:
            return (
                "a WSGI app's response is sent when it is complete, and its process serves nothing else "
                "before; how many streams a Tornado app carries is not known"
            )
        case AppServer.GUNICORN if not setup.worker_known:
            return (
                f"the worker class {setup.worker} is not known, so it is not known how many streams fit into "
                "a process"
            )
        case AppServer.UWSGI if setup.worker == GEVENT:
            return "a stream takes a greenlet of its process until the stream ends; a new request may wait"
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
        case AppServer.UNKNOWN:
            return "the server that runs the app is unknown"
    if setup.concurrency == 1:
        return "a stream takes the only thread of its process until the stream ends; a new request waits"
    return (
        f"a stream takes one of the {threads} of its process until the stream ends; "
        "when all are taken, a new request waits"
    )


def _on_event_loop(setup: ServerSetup) -> str:
    task = "a stream takes a task of the event loop, and no thread; code that blocks stops all of its process"
    if setup.limit_unknown:
        return f"{task}. Its limit is known only when it runs"
    if not setup.concurrency:
        return task
    then = "new requests get 503" if setup.server is AppServer.UVICORN else "a new request waits"
    return f"{task}. Above {setup.concurrency} at once {then}"


def _streams(setup: ServerSetup) -> int:
    return min(setup.concurrency, setup.max_streams) if setup.concurrency else setup.max_streams


def exit_code(report: ServerReport) -> int:
    """0: nothing to change, 1: something to change, 3: not known how many streams the server carries."""
    if any(remark.level is not Level.NOTE for remark in report.remarks):
        return 1
    return 3 if report.capacity is Capacity.UNKNOWN else 0
