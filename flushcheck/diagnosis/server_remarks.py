"""What to know about a server setup, or to change in it: one Remark each, with the line to write.

Each rule is a condition on the facts of a ServerSetup. A fact that is not known breaks no rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flushcheck.configs.findings import Level
from flushcheck.culprits import gunicorn_sync_worker
from flushcheck.diagnosis.server_setup import (
    GEVENT,
    GIVES_CONNECTION,
    GTHREAD,
    NAMES,
    SYNC,
    AppServer,
    ServerSetup,
)
from flushcheck.model.settings import UnknownSetting
from flushcheck.model.wording import count_of


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to know, or to change."""

    id: str  # the culprit, where the catalogue has it, for example "gunicorn-sync-worker"
    level: Level
    sentence: str
    fix: str = ""  # the line to write; "" if there is nothing to do


_ORDER = (Level.ERROR, Level.WARNING, Level.NOTE)


def remarks_on(setup: ServerSetup) -> tuple[Remark, ...]:
    """What to know about this setup, the worst first."""
    return tuple(sorted(_remarks(setup), key=lambda remark: _ORDER.index(remark.level)))


def _remarks(setup: ServerSetup) -> Iterator[Remark]:
    if setup.refused:
        yield Remark("setting", Level.ERROR, f"the service would not start: {setup.refused}")
    yield from map(_unknown_setting, setup.unknown_settings)
    if setup.server is AppServer.GUNICORN:
        yield from _gunicorn(setup)
    elif setup.server in (AppServer.UWSGI, AppServer.MOD_WSGI):
        yield from _few_threads(setup)
    elif setup.server is AppServer.WERKZEUG:
        yield Remark(
            "werkzeug",
            Level.WARNING,
            "Werkzeug's own server is for development: it has no limits and cuts streams when it stops",
            "gunicorn -c deploy/gunicorn.conf.py wsgi:app",
        )
    if setup.server not in (*GIVES_CONNECTION, AppServer.UNKNOWN):
        yield Remark(
            "websocket",
            Level.NOTE,
            f"{NAMES[setup.server]} gives the app no connection: the response to a WebSocket handshake is "
            "501, and clients fall back",
        )


def _gunicorn(setup: ServerSetup) -> Iterator[Remark]:
    if not setup.worker_found:
        yield Remark(
            "gunicorn-worker",
            Level.WARNING,
            "gunicorn's worker is not found, so its settings are unknown, and streams are cut when it stops",
            "gunicorn -c deploy/gunicorn.conf.py wsgi:app",
        )
        return
    if setup.worker == SYNC:
        killed = (
            f"; gunicorn kills the worker when a stream lasts {setup.timeout_s:g} s (timeout)"
            if setup.timeout_s
            else ""
        )
        installed = "" if setup.gevent else "pip install 'gunicorn[gevent]', then: "
        yield Remark(
            gunicorn_sync_worker.CULPRIT.id,
            Level.ERROR,
            f"a sync worker serves one stream at a time: {count_of(setup.processes or 1, 'stream')} in all"
            f"{killed}",
            f"{installed}gunicorn -k gevent",
        )
    elif setup.worker == GEVENT:
        yield from _gevent(setup)
    elif setup.worker == GTHREAD:
        yield from _few_threads(setup)
    else:
        yield Remark(
            "worker-class",
            Level.WARNING,
            f"the worker class {setup.worker} was not tested",
            "gunicorn -k gevent",
        )
    if not setup.gevent and setup.worker not in (GEVENT, SYNC):
        yield Remark(
            "gevent",
            Level.NOTE,
            "gevent is not installed: with it, a stream takes no thread",
            "pip install 'gunicorn[gevent]'",
        )


def _gevent(setup: ServerSetup) -> Iterator[Remark]:
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
            "preload_app loads the app before gevent has patched the standard library: locks, sockets and "
            "pools that it has made by then block the whole worker and all its streams",
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
    if 0 < setup.concurrency <= setup.max_streams:
        yield Remark(
            "worker-connections",
            Level.WARNING,
            f"worker_connections {setup.concurrency} is not above FLUSHCHECK_MAX_STREAMS "
            f"{setup.max_streams}: streams can take every connection, and then even a health check waits",
            f"worker_connections = {setup.max_streams + max(100, setup.max_streams // 10)}",
        )


def _few_threads(setup: ServerSetup) -> Iterator[Remark]:
    if not setup.concurrency:
        return
    fixes = {
        AppServer.GUNICORN: "gunicorn -k gevent, or --threads 100",
        AppServer.UWSGI: "threads = 100",
        AppServer.MOD_WSGI: "WSGIDaemonProcess ... threads=100",
    }
    streams = setup.concurrency * max(1, setup.processes)
    if streams < gunicorn_sync_worker.FEW:
        yield Remark(
            gunicorn_sync_worker.CULPRIT.id if setup.server is AppServer.GUNICORN else "threads",
            Level.WARNING,
            f"{count_of(streams, 'stream')} at once in all; the next request waits until one ends",
            fixes[setup.server],
        )
    elif setup.concurrency <= setup.max_streams:
        yield Remark(
            "threads",
            Level.NOTE,
            f"{count_of(setup.concurrency, 'thread')} in a process, not above FLUSHCHECK_MAX_STREAMS "
            f"{setup.max_streams}: streams can take them all, and then even a health check waits",
            f"FLUSHCHECK_MAX_STREAMS={setup.concurrency - max(1, setup.concurrency // 10)}",
        )


def _unknown_setting(setting: UnknownSetting) -> Remark:
    # Without a similar setting, the variable may belong to Kubernetes or another program: only a note.
    return Remark("setting", Level.WARNING if setting.similar else Level.NOTE, setting.sentence)
