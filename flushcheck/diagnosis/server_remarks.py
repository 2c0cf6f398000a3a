"""What to know about a server setup, or to change in it: one Remark each, with the line to write.

Each rule is a condition on the facts of a ServerSetup. A fact that is not known breaks no rule. What holds or
cuts streams has the id of its culprit in the catalogue; a remark on the service itself has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flushcheck.configs.findings import Level
from flushcheck.configs.server_setup import (
    GEVENT,
    GTHREAD,
    NAMES,
    SYNC,
    TORNADO,
    AppServer,
    ServerSetup,
)
from flushcheck.culprits import (
    app_server_limit,
    gateway_websocket,
    gunicorn_preload_app,
    gunicorn_sync_worker,
    gunicorn_worker_connections,
    joined_response,
    werkzeug_server,
)
from flushcheck.model.settings import UnknownSetting
from flushcheck.model.wording import count_of


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to know, or to change."""

    id: str  # a culprit of the catalogue, for example "gunicorn-sync-worker"; "": the service, no stream
    level: Level
    sentence: str
    fix: str = ""  # the line to write; "" if there is nothing to do


_ORDER = (Level.ERROR, Level.WARNING, Level.NOTE)


def remarks_on(setup: ServerSetup) -> tuple[Remark, ...]:
    """What to know about this setup, the worst first."""
    return tuple(sorted(_remarks(setup), key=lambda remark: _ORDER.index(remark.level)))


def _remarks(setup: ServerSetup) -> Iterator[Remark]:
    if setup.refused:
        yield Remark("", Level.ERROR, f"the service would not start: {setup.refused}")
    yield from map(_unknown_setting, setup.unknown_settings)
    if setup.server is AppServer.GUNICORN:
        yield from _gunicorn(setup)
    elif setup.server is AppServer.WERKZEUG:
        yield Remark(
            werkzeug_server.CULPRIT.id,
            Level.WARNING,
            "Werkzeug's own server is for development: it has no limits and cuts streams when it stops",
            "gunicorn -k gevent wsgi:app",
        )
    else:
        yield from _few_at_once(setup)
    if not setup.gives_connection and setup.server is not AppServer.UNKNOWN:
        yield Remark(
            gateway_websocket.CULPRIT.id,
            Level.NOTE,
            f"{NAMES[setup.server]} gives the app no connection: a WebSocket is refused (status 501 from the "
            "service), and clients fall back",
        )


def _gunicorn(setup: ServerSetup) -> Iterator[Remark]:
    if not setup.worker_found:
        yield Remark(
            "",
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
        yield from _few_at_once(setup)
    elif setup.worker == TORNADO:
        # Measured on gunicorn 27.0.1 with Tornado 6.6.1: nothing arrived before the end.
        yield Remark(
            joined_response.CULPRIT.id,
            Level.WARNING,
            "the tornado worker sends a WSGI app's response when it is complete; only a Tornado app streams",
            "for a WSGI app: gunicorn -k gevent",
        )
    elif not setup.worker_known:
        yield Remark(
            "",
            Level.NOTE,
            f"the worker class {setup.worker} is not known here: start the app and count the streams",
        )
    if not setup.gevent and setup.worker == GTHREAD:
        yield Remark(
            "",
            Level.NOTE,
            "gevent is not installed: with it, a stream takes no thread",
            "pip install 'gunicorn[gevent]'",
        )


def _gevent(setup: ServerSetup) -> Iterator[Remark]:
    if not setup.gevent:
        yield Remark(
            "",
            Level.ERROR,
            "gevent is not installed: gunicorn does not start with a gevent worker",
            "pip install 'gunicorn[gevent]'",
        )
    if setup.preloaded and not setup.patched:
        yield Remark(
            gunicorn_preload_app.CULPRIT.id,
            Level.ERROR,
            "preload_app loads the app before gevent has patched the standard library: locks, sockets and "
            "pools that it has made by then block the whole worker and all its streams",
            "preload_app = False",
        )
    if setup.engine_misfits:
        yield Remark(
            "",
            Level.WARNING,
            f"the stream engine does not fit the installed versions: {'; '.join(setup.engine_misfits)}. "
            "Each stream is written by its own greenlet, at about twice the processor time",
            "pip install 'gunicorn==27.0.1' 'gevent==26.9.0'",
        )
    elif not setup.engine:
        yield Remark(
            "",
            Level.NOTE,
            "FLUSHCHECK_ENGINE=off: each stream is written by its own greenlet, "
            "at about twice the processor time",
            "FLUSHCHECK_ENGINE=on",
        )
    if 0 < setup.concurrency <= setup.max_streams:
        yield Remark(
            gunicorn_worker_connections.CULPRIT.id,
            Level.WARNING,
            f"worker_connections {setup.concurrency} is not above FLUSHCHECK_MAX_STREAMS "
            f"{setup.max_streams}: streams can take every connection, and then even a health check waits",
            f"worker_connections = {setup.max_streams + max(100, setup.max_streams // 10)}",
        )


def _few_at_once(setup: ServerSetup) -> Iterator[Remark]:
    if not setup.concurrency or not (fix := _more(setup)):
        return
    streams = setup.concurrency * max(1, setup.processes)
    gunicorn = setup.server is AppServer.GUNICORN
    if streams < gunicorn_sync_worker.FEW:
        yield Remark(
            gunicorn_sync_worker.CULPRIT.id if gunicorn else app_server_limit.CULPRIT.id,
            Level.WARNING,
            f"{count_of(streams, 'stream')} at once in all; the next request " + _then(setup),
            fix,
        )
    elif setup.concurrency <= setup.max_streams:
        yield Remark(
            app_server_limit.CULPRIT.id,
            Level.NOTE,
            f"{count_of(setup.concurrency, 'thread')} in a process, not above FLUSHCHECK_MAX_STREAMS "
            f"{setup.max_streams}: streams can take them all, and then even a health check waits",
            f"FLUSHCHECK_MAX_STREAMS={setup.concurrency - max(1, setup.concurrency // 10)}",
        )


def _then(setup: ServerSetup) -> str:
    refused = setup.server is AppServer.UVICORN and setup.event_loop
    return "gets 503" if refused else "waits until one ends"


def _more(setup: ServerSetup) -> str:
    """The line with which the server carries more streams; "" where nothing in the app's hands does."""
    if setup.server is AppServer.GUNICORN:
        return "gunicorn -k gevent, or --threads 100"
    on_asgi = setup.server in (AppServer.UVICORN, AppServer.HYPERCORN) and not setup.event_loop
    fix = app_server_limit.FIXES.get("wsgi-on-asgi" if on_asgi else setup.server)
    return fix.change if fix else ""


def _unknown_setting(setting: UnknownSetting) -> Remark:
    # Without a similar setting, the variable may belong to Kubernetes or another program: only a note.
    return Remark("", Level.WARNING if setting.similar else Level.NOTE, setting.sentence)
