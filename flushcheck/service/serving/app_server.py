"""What this process runs under: the facts that `diagnosis.app_server` turns into a report.

They are looked up once, while the app is loaded: gunicorn's worker, uWSGI's and mod_wsgi's own modules, what
Passenger and CGI put into the process's environment. Where the process does not tell, the server's part of
each request does (RFC 3875's GATEWAY_INTERFACE, Werkzeug's socket). What a client sends has names that begin
with HTTP_, and is not read.

The command `doctor` imports this module, so it imports neither flask nor gevent.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from flushcheck.configs.server_setup import (
    GEVENT,
    GTHREAD,
    KNOWN_WORKERS,
    LOOP_WORKERS,
    SYNC,
    AppServer,
    ServerSetup,
)
from flushcheck.diagnosis.app_server import examine
from flushcheck.reports.app_server import server_report_line
from flushcheck.service.serving import internals
from flushcheck.streaming.limits import Limits, unknown_settings

# Where `service.gateways` puts how many requests its process serves at once.
CONCURRENCY = "flushcheck.concurrency"

# A process of these serves one request, so a line at its start would be a line for each request.
_SILENT = frozenset({AppServer.UNKNOWN, AppServer.CGI})


def setup_at_load(limits: Limits, environ: Mapping[str, str]) -> ServerSetup:
    """The facts, as far as the process knows them while it loads the app.

    Args:
        limits: the settings in force.
        environ: the process's environment.
    """
    return replace(
        _detected(environ),
        patched=internals.is_patched(),
        gevent=installed_version("gevent"),
        max_streams=limits.max_streams,
        unknown_settings=unknown_settings(environ),
        engine=limits.engine == "on",
    )


def setup_of_request(setup: ServerSetup, environ: Mapping[str, Any]) -> ServerSetup:
    """The facts, with those that are known only now.

    Args:
        setup: from `setup_at_load`.
        environ: of the request, as PEP 3333 defines it.
    """
    if setup.server is AppServer.UNKNOWN:
        setup = _completed(setup, environ)
    # Not while the app is loaded: with preload_app gevent has patched nothing by then.
    misfits = internals.misfits() if setup.server is AppServer.GUNICORN and internals.is_patched() else ()
    return replace(setup, engine_misfits=misfits)


def log_startup(limits: Limits, environ: Mapping[str, str], log: Callable[[str], None]) -> None:
    """Log one line about the server of a process that starts, or none where the process does not know enough.

    With `preload_app` that is later, when gunicorn's hook hands the worker over.
    """
    # Unknown settings have been logged by then.
    setup = replace(setup_at_load(limits, environ), unknown_settings=())

    def log_line() -> None:
        known = setup_of_request(setup, {})
        if known.server not in _SILENT:
            log(server_report_line(examine(known)))

    if setup.server is AppServer.UNKNOWN:
        internals.when_worker_known(log_line)
    else:
        log_line()


def installed_version(name: str) -> str:
    """The version of a library; "" if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def from_gunicorn_settings(settings: Any) -> ServerSetup:
    """The facts in gunicorn's settings: its `Config`, or what `cli.gunicorn_settings` copies of it."""
    # gunicorn's own short name, or a dotted path: "gunicorn.workers.ggevent.GeventWorker".
    kind = settings.worker_class_str.rpartition(".")[2].lower().removesuffix("worker")
    kind = {"thread": GTHREAD}.get(kind, kind)
    if kind not in KNOWN_WORKERS:
        kind = settings.worker_class_str  # in full, so that its owner recognises it
    # What threads and connections mean to another worker class is not known. An event loop heeds neither:
    # measured on gunicorn 27.0.1 with 60 streams, worker_connections 10, and its own or uvicorn's worker.
    concurrency = {
        GEVENT: settings.worker_connections,
        GTHREAD: min(settings.threads, settings.worker_connections),
        SYNC: 1,
    }.get(kind, 0)
    return ServerSetup(
        AppServer.GUNICORN,
        installed_version("gunicorn"),
        worker=kind,
        processes=settings.workers,
        concurrency=concurrency,
        timeout_s=settings.timeout,
        preloaded=settings.preload_app,
        event_loop=kind in LOOP_WORKERS,
    )


def _detected(environ: Mapping[str, str]) -> ServerSetup:
    worker = internals.gunicorn_worker()
    if worker is not None:
        return from_gunicorn_settings(worker.cfg)
    uwsgi: Any = sys.modules.get("uwsgi")
    if hasattr(uwsgi, "numproc"):
        uwsgi_version = uwsgi.version.decode(errors="replace")
        return ServerSetup(AppServer.UWSGI, uwsgi_version, processes=uwsgi.numproc, concurrency=uwsgi.cores)
    wsgi: Any = sys.modules.get("mod_wsgi")
    if hasattr(wsgi, "maximum_processes"):
        wsgi_version = ".".join(map(str, wsgi.version))
        # Outside of a daemon process group the app runs in Apache's own processes, and their number changes.
        processes = wsgi.maximum_processes if wsgi.process_group else 0
        return ServerSetup(
            AppServer.MOD_WSGI, wsgi_version, processes=processes, concurrency=wsgi.threads_per_process
        )
    if environ.get("IN_PASSENGER") == "1":
        return ServerSetup(AppServer.PASSENGER, concurrency=1)
    if "GATEWAY_INTERFACE" in environ and "REQUEST_METHOD" in environ:
        return ServerSetup(AppServer.CGI, concurrency=1)
    return ServerSetup(AppServer.UNKNOWN)


def _completed(setup: ServerSetup, environ: Mapping[str, Any]) -> ServerSetup:
    """The facts of a process that knew nothing when it loaded the app."""
    worker = internals.gunicorn_worker()
    if worker is not None:  # with preload_app it is forked later
        known = from_gunicorn_settings(worker.cfg)
        return replace(
            known,
            patched=setup.patched,
            gevent=setup.gevent,
            max_streams=setup.max_streams,
            unknown_settings=setup.unknown_settings,
            engine=setup.engine,
        )
    if "gunicorn.socket" in environ:
        return replace(
            setup, server=AppServer.GUNICORN, version=installed_version("gunicorn"), worker_found=False
        )
    if "werkzeug.socket" in environ:
        threads = setup.max_streams if environ.get("wsgi.multithread") else 1
        return replace(
            setup,
            server=AppServer.WERKZEUG,
            version=installed_version("werkzeug"),
            processes=1,
            concurrency=threads,
        )
    if "GATEWAY_INTERFACE" in environ:
        return replace(setup, server=AppServer.FASTCGI, concurrency=int(environ.get(CONCURRENCY, 0)))
    return setup
