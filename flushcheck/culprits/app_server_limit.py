"""An app server other than gunicorn whose threads, or whose own limit, are fewer than the streams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flushcheck.configs import uwsgi
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.model import Culprit, Fix, Owner, Source

_THREAD = "each stream needs a thread"

# By the server's name in `diagnosis.server_setup.AppServer`.
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
        "`flushcheck doctor -- COMMAND` counts the streams that the server's command line allows. Where the "
        "server is gunicorn a run shows it, as gunicorn-sync-worker."
    ),
    fixes=tuple(FIXES.values()),
    references=(
        "https://docs.pylonsproject.org/projects/waitress/en/stable/arguments.html",
        "https://uwsgi-docs.readthedocs.io/en/latest/Options.html#threads",
        "https://www.uvicorn.org/settings/#resource-limits",
    ),
    looks_like=("gunicorn-sync-worker",),
    shown_by=frozenset({Source.APP, Source.FILE}),
)

# Streams at once that a page with a handful of readers needs, and a small site: as for gunicorn's workers.
FEW = 16
MANY = 100

SERVERS = (Server.UWSGI,)


def lint(block: Block) -> Iterator[Finding]:
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
    fix = FIXES["uwsgi"]
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
