"""uWSGI `harakiri`, which counts the whole length of a response."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import uwsgi
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.model import Culprit, Fix, Flow, Owner, Place, Source, Symptom

CULPRIT = Culprit(
    id="uwsgi-harakiri",
    title="uWSGI kills a worker during a stream (harakiri)",
    why=(
        "harakiri is the time that a request may take, and a stream is one request until it ends. When the "
        "time is over, the master kills the whole process: every stream of its other threads or greenlets "
        "ends too, and a heartbeat does not help. Measured on uWSGI 2.0.21."
    ),
    symptoms="Streams are cut after about the same time, whether or not they are silent.",
    detection=(
        "From outside it looks like any other program that ends a stream after a fixed time; uWSGI's log "
        "says HARAKIRI, and its settings name it."
    ),
    fixes=(
        Fix(
            where="uWSGI",
            change="harakiri = 3600",
            by=Owner.APP,
            server=Server.UWSGI,
            place=Place.FILE,
            cost="uWSGI notices a request that hangs only after an hour",
            note="or for the stream's address alone: route = ^/stream harakiri:3600",
        ),
        Fix(
            where="the page",
            change="connect again when the stream ends, and continue after the last id",
            by=Owner.CLIENT,
            cost="each new connection takes a moment",
            note="EventSource does so by itself where the app sends ids",
        ),
    ),
    references=("https://uwsgi-docs.readthedocs.io/en/latest/Options.html#harakiri",),
    looks_like=("gunicorn-timeout", "idle-timeout"),
    shown_by=frozenset({Source.FILE}),
    holds=False,
    shows=(Symptom(Flow.CUT),),
)

SERVERS = (Server.UWSGI,)

LONG_S = 3600  # so long a time was set with streams in mind


def lint(block: Block) -> Iterator[Finding]:
    """Off by default; an hour or more is no fault."""
    value = block.value("harakiri", "0")
    time_s = uwsgi.number(value)
    if not time_s or time_s >= LONG_S:
        return
    fix = CULPRIT.fixes[0]
    yield block.finding(
        CULPRIT,
        Level.WARNING,
        f"{block.say(value)}: a stream that lasts longer than {time_s} s is cut, with all others of its"
        " process",
        value=value,
        fix=fix,
        edits=uwsgi.edits(block, fix.change),
    )
