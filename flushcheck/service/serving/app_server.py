"""What this very process runs under: the facts that `diagnosis.app_server` speaks of.

They are looked up once, while the app is being loaded: gunicorn's worker or master, uWSGI's and mod_wsgi's
own modules, what Passenger and CGI put into the process's environment. Where the process does not tell, the
server's own words in each request do (RFC 3875's GATEWAY_INTERFACE, Werkzeug's socket). What a client sends
comes under names with HTTP_ in front, and is not looked at.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from flushcheck.diagnosis.app_server import GREEN, SYNC, THREADS, Runner, Setup, examine
from flushcheck.reports.app_server import checkup_line
from flushcheck.streaming.limits import Limits, unknown_settings

# Where `web.gateways` says how many requests its process takes at once.
PLACES = "flushcheck.places"

# Nothing begins these once for many requests, so that a line at the start would be a line for each.
_SILENT = frozenset({Runner.UNKNOWN, Runner.CGI})


def loaded(limits: Limits, environ: Mapping[str, str]) -> Setup:
    """The facts, as far as the process knows them while it loads the app.

    Args:
        limits: the settings in force.
        environ: the process's environment.
    """
    setup = _found(environ)
    monkey = sys.modules.get("gevent.monkey")
    return replace(
        setup,
        patched=bool(monkey and monkey.is_module_patched("socket")),
        gevent=installed("gevent"),
        max_streams=limits.max_streams,
        strangers=unknown_settings(environ),
    )


def asked(setup: Setup, environ: Mapping[str, Any]) -> Setup:
    """The facts, with those that only a request tells.

    Args:
        setup: what `loaded` found.
        environ: of the request, as PEP 3333 has it.
    """
    if setup.runner is not Runner.UNKNOWN:
        return setup
    if "werkzeug.socket" in environ:
        threads = setup.max_streams if environ.get("wsgi.multithread") else 1
        return replace(
            setup, runner=Runner.WERKZEUG, version=installed("werkzeug"), processes=1, places=threads
        )
    if "GATEWAY_INTERFACE" in environ:
        return replace(setup, runner=Runner.FASTCGI, places=int(environ.get(PLACES, 0)))
    return setup


def greeting(limits: Limits, environ: Mapping[str, str]) -> str:
    """One line for the log of a process that begins; "" where the process does not know enough."""
    setup = loaded(limits, environ)
    if setup.runner in _SILENT:
        return ""
    return checkup_line(examine(replace(setup, strangers=())))  # these the start has told already


def installed(name: str) -> str:
    """The version of a library; "" if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _found(environ: Mapping[str, str]) -> Setup:
    owner = _gunicorn()
    if owner is not None:
        # Only a worker has `alive`; if the master loads the app, that is before any worker is there.
        return of_settings(owner.cfg, preloaded=not hasattr(owner, "alive"))
    uwsgi: Any = sys.modules.get("uwsgi")
    if hasattr(uwsgi, "numproc"):
        told = uwsgi.version.decode(errors="replace")
        return Setup(Runner.UWSGI, told, processes=uwsgi.numproc, places=uwsgi.cores)
    wsgi: Any = sys.modules.get("mod_wsgi")
    if hasattr(wsgi, "maximum_processes"):
        told = ".".join(map(str, wsgi.version))
        # Outside of a group of its own the app is inside of Apache's processes, and those come and go.
        processes = wsgi.maximum_processes if wsgi.process_group else 0
        return Setup(Runner.MOD_WSGI, told, processes=processes, places=wsgi.threads_per_process)
    if environ.get("IN_PASSENGER") == "1":
        return Setup(Runner.PASSENGER, places=1)
    if "GATEWAY_INTERFACE" in environ and "REQUEST_METHOD" in environ:
        return Setup(Runner.CGI, places=1)
    return Setup(Runner.UNKNOWN)


def of_settings(settings: Any, *, preloaded: bool) -> Setup:
    """The facts in gunicorn's settings.

    Args:
        settings: `gunicorn.config.Config`.
        preloaded: whether the app is loaded before its worker is forked.
    """
    # gunicorn's own short name, or a dotted path: "gunicorn.workers.ggevent.GeventWorker".
    kind = settings.worker_class_str.rpartition(".")[2].lower().removesuffix("worker")
    kind = {"thread": THREADS}.get(kind, kind)
    places = {GREEN: settings.worker_connections, SYNC: 1}.get(kind, settings.threads)
    return Setup(
        Runner.GUNICORN,
        installed("gunicorn"),
        worker=kind,
        processes=settings.workers,
        places=places,
        timeout_s=settings.timeout,
        preloaded=preloaded,
    )


def _gunicorn() -> Any:
    """gunicorn's worker, or its master while that loads the app; None under anything else."""
    # It handles SIGTERM, whatever its class and however it was configured.
    owner = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if hasattr(getattr(owner, "cfg", None), "worker_class_str"):
        return owner
    # The master takes the signals when it has loaded the app: until then it is one of those who wait for us.
    frame = sys._getframe().f_back
    while frame is not None:
        owner = frame.f_locals.get("self")
        if type(owner).__module__ == "gunicorn.arbiter":
            return owner
        frame = frame.f_back
    return None
