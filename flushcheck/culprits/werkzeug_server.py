"""Werkzeug's own server, which `flask run` starts."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import app_server
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.server_setup import AppServer
from flushcheck.configs.tree import Block
from flushcheck.model import Culprit, Fix, Flow, Owner, Source, Symptom

CULPRIT = Culprit(
    id="werkzeug-server",
    title="Werkzeug's own server (`flask run`) runs the app: it is for development",
    why=(
        "It starts a thread for each request, without a limit, and does not wait for streams when it stops: "
        "each restart of the reloader cuts them. Its documentation says not to use it in production."
    ),
    symptoms="Streams flow, and are cut whenever the server stops or reloads.",
    detection="`flushcheck doctor` sees the server in the app's process, or `flask run` in a command line.",
    fixes=(
        Fix(
            where="the command that starts the app",
            change="gunicorn -k gevent wsgi:app",
            by=Owner.APP,
            note="libraries that block in C need care under gevent",
        ),
    ),
    references=("https://flask.palletsprojects.com/en/stable/deploying/",),
    shown_by=frozenset({Source.APP, Source.FILE}),
    holds=False,
    shows=(Symptom(Flow.CUT),),
)

SERVERS = (Server.APP_SERVER,)


def lint(block: Block) -> Iterator[Finding]:
    """`flask run`; without threads it serves one request at a time."""
    facts = app_server.setup(block)
    if facts.server is not AppServer.WERKZEUG:
        return
    alone = " and, without threads, serves one stream at a time" if facts.concurrency == 1 else ""
    yield block.finding(
        CULPRIT,
        Level.WARNING,
        f"flask run is for development: it cuts streams whenever it stops or reloads{alone}",
        at=block.pass_directive,
    )
