"""How the app's own server is set up: facts, without a judgement.

They are the running process's own (`service.serving.app_server`), or those of a command line that is not
started yet (`server_command`; for gunicorn `cli.doctor`). No request header is among them. A fact that is not
known is not guessed: an unknown number is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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
    UVICORN = "uvicorn"
    HYPERCORN = "hypercorn"
    GRANIAN = "granian"
    DAPHNE = "daphne"
    WAITRESS = "waitress"
    CHEROOT = "cheroot"
    UNKNOWN = "unknown"


NAMES = {
    AppServer.GUNICORN: "gunicorn",
    AppServer.UWSGI: "uWSGI",
    AppServer.PASSENGER: "Passenger",
    AppServer.MOD_WSGI: "mod_wsgi",
    AppServer.FASTCGI: "FastCGI",
    AppServer.CGI: "CGI",
    AppServer.WERKZEUG: "Werkzeug's own server",
    AppServer.UVICORN: "uvicorn",
    AppServer.HYPERCORN: "hypercorn",
    AppServer.GRANIAN: "granian",
    AppServer.DAPHNE: "daphne",
    AppServer.WAITRESS: "waitress",
    AppServer.CHEROOT: "cheroot",
    AppServer.UNKNOWN: "an unknown server",
}

GEVENT = "gevent"
GTHREAD = "gthread"
SYNC = "sync"
TORNADO = "tornado"

# gunicorn's workers for ASGI and aiohttp apps, by the short name: its own, uvicorn's and aiohttp's.
LOOP_WORKERS = frozenset({"asgi", "uvicorn", "uvicornh11", "gunicornweb", "gunicornuvloopweb"})

KNOWN_WORKERS = LOOP_WORKERS | {GEVENT, GTHREAD, SYNC, TORNADO}

# Servers that give the app the connection, which a WebSocket needs.
GIVES_CONNECTION = frozenset({AppServer.GUNICORN, AppServer.WERKZEUG})


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
    event_loop: bool = False  # a stream is a task of an event loop; concurrency 0 means no limit, then
    limit_unknown: bool = False  # there is a limit, which only the running server knows

    @property
    def gives_connection(self) -> bool:
        """Whether the app gets what a WebSocket needs."""
        return self.server in GIVES_CONNECTION or self.event_loop

    @property
    def worker_known(self) -> bool:
        """Whether it is known how gunicorn's worker carries a stream."""
        return self.worker in KNOWN_WORKERS
