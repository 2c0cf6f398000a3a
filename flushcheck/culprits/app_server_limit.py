"""An app server other than gunicorn whose threads, or whose own limit, are fewer than the streams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flushcheck.configs import app_server, uwsgi
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.server_setup import AppServer
from flushcheck.configs.tree import Block, Value
from flushcheck.culprits.gunicorn_sync_worker import FEW, MANY
from flushcheck.model import Culprit, Fix, Flow, Owner, Source, Symptom

_THREAD = "each stream needs a thread"

# By the server's name in `configs.server_setup.AppServer`.
FIXES = {
    "waitress": Fix(
        where="waitress",
        change="--threads=100 --connection-limit=200",
        by=Owner.APP,
        cost=_THREAD,
        note="measured on 3.0.2: 4 threads by default, and two fewer streams than connection_limit (100)",
    ),
    "cheroot": Fix(
        where="cheroot",
        change="--threads 100",
        by=Owner.APP,
        cost=_THREAD,
        note="measured on 11.1.2: as many as --threads, and --max-threads adds none; 10 by default",
    ),
    "uwsgi": Fix(
        where="uWSGI",
        change="threads = 100",
        by=Owner.APP,
        cost=_THREAD,
        note="measured on 2.0.21: processes times threads; enable-threads and async add none",
    ),
    "mod_wsgi": Fix(
        where="mod_wsgi, the virtual host",
        change="WSGIDaemonProcess ... threads=100",
        by=Owner.SERVER,
        cost=_THREAD,
    ),
    "granian": Fix(
        where="granian",
        change="--blocking-threads 100 --backpressure 1000",
        by=Owner.APP,
        cost=_THREAD,
        note=(
            "measured on 2.8.9: --blocking-threads counts for WSGI alone, --backpressure (1024 shared by the "
            "workers) for every app"
        ),
    ),
    "uvicorn": Fix(
        where="uvicorn",
        change="--limit-concurrency 1000",
        by=Owner.APP,
        note="measured on 0.54.0: one stream fewer than this number; without the option there is no limit",
    ),
    "wsgi-on-asgi": Fix(
        where="uvicorn or hypercorn with a WSGI app",
        change="gunicorn -k gevent",
        by=Owner.APP,
        cost="libraries that block in C need care under gevent",
        note=(
            "measured: uvicorn 0.54.0 gives WSGI apps 10 threads, hypercorn 0.18.0 four more than there are "
            "cores, and 32 at most; an ASGI app under either needs no thread"
        ),
    ),
}

CULPRIT = Culprit(
    id="app-server-limit",
    title="the app server has fewer threads than streams, or a limit of its own: other requests wait",
    why=(
        "A threaded server gives each request a thread until the response ends, so a stream takes one for "
        "minutes. When all are taken, new requests wait, headers included, or get 503. Many servers have 1, "
        "4 or 10 threads by default. An ASGI server needs no thread for a stream, but may have a limit."
    ),
    symptoms=(
        "One stream flows. Streams requested together begin one after another, each flows once it has begun, "
        "and even a health check waits while all threads are taken."
    ),
    detection=(
        "`flushcheck check` and `flushcheck doctor -- COMMAND` count the streams that the server's command "
        "line allows. Where the server is gunicorn a run shows it, as gunicorn-sync-worker."
    ),
    fixes=tuple(FIXES.values()),
    references=(
        "https://docs.pylonsproject.org/projects/waitress/en/stable/arguments.html",
        "https://uwsgi-docs.readthedocs.io/en/latest/Options.html#threads",
        "https://www.uvicorn.org/settings/#resource-limits",
    ),
    looks_like=("gunicorn-sync-worker",),
    shown_by=frozenset({Source.APP, Source.FILE}),
    shows=(Symptom(Flow.LATE),),
)

SERVERS = (Server.APP_SERVER, Server.UWSGI)

# The options that limit each server, the narrowest first, and its default.
_OPTIONS = {
    AppServer.UVICORN: (("--limit-concurrency", "--interface"), ""),
    AppServer.HYPERCORN: (("--workers",), "1"),
    AppServer.GRANIAN: (("--blocking-threads", "--backpressure", "--backlog"), "1024"),
    AppServer.WAITRESS: (("--threads", "--connection-limit"), "4"),
    AppServer.CHEROOT: (("--threads",), "10"),
}


def lint(block: Block) -> Iterator[Finding]:
    """The threads by default, or a limit; a server of one stream at a time is as bad as a sync worker."""
    yield from _uwsgi(block) if block.server is Server.UWSGI else _command(block)


def _command(block: Block) -> Iterator[Finding]:
    """The options of a command that starts an app."""
    facts, count = app_server.setup(block), app_server.at_once(block)
    if not count or count >= MANY or facts.server not in _OPTIONS:
        return
    names, default = _OPTIONS[facts.server]
    value = app_server.option(block, *names, default=default)
    refused = facts.server is AppServer.UVICORN and facts.event_loop
    then = "all others get 503" if refused else "all others wait"
    few = Level.WARNING if count < FEW else Level.NOTE
    streams = f"{count} stream{'' if count == 1 else 's'}"
    yield block.finding(
        CULPRIT,
        Level.ERROR if count == 1 else few,
        f"{_shown(block, value)}: {app_server.program_name(block)} serves {streams} at a time, {then}",
        value=value,
        fix=_fix(facts.server, event_loop=facts.event_loop),
    )


def _shown(block: Block, value: Value) -> str:
    return block.say(value) if value.first else app_server.program_name(block)


def _fix(server: AppServer, *, event_loop: bool) -> Fix:
    on_asgi = server in (AppServer.UVICORN, AppServer.HYPERCORN) and not event_loop
    return FIXES["wsgi-on-asgi" if on_asgi else server]


def _uwsgi(block: Block) -> Iterator[Finding]:
    """One thread in one process by default, so silence counts."""
    at_once = uwsgi.concurrency(block)
    if at_once is None:
        return
    each, processes = at_once.each, at_once.processes
    total = (processes or 1) * (each or 1)
    if each is None or total >= MANY:
        return
    value = at_once.value
    level = Level.ERROR if each == 1 else Level.WARNING if total < FEW else Level.NOTE
    streams = f"{total} stream{'' if total == 1 else 's'}"
    where = f"in {processes} process{'' if processes == 1 else 'es'}" if processes else "in each process"
    fix = FIXES[AppServer.UWSGI]
    if at_once.is_engine:
        fix = replace(fix, change=f"{value.name} = 1000", cost="", note="libraries that block in C need care")
    yield block.finding(
        CULPRIT,
        level,
        f"{block.say(value)}: {streams} at a time {where}, all other requests wait",
        value=value,
        fix=fix,
        edits=uwsgi.edits(block, fix.change),
    )
