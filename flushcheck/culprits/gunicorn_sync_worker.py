"""An app server that serves too few streams at once."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import gunicorn
from flushcheck.configs.findings import Action, Edit, Finding, Level, Server
from flushcheck.configs.tree import Block, Directive, edit
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Client,
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Owner,
    Symptom,
    Transport,
)

CULPRIT = Culprit(
    id="gunicorn-sync-worker",
    title="the app server serves too few streams at once, so the others wait",
    why=(
        "A sync worker serves one request at a time, a threaded one as many as it has threads. A stream "
        "occupies the worker until it ends: the next one waits, headers included, and then flows."
    ),
    symptoms=(
        "Streams requested at the same time begin one after another; each flows once it has begun. "
        "gunicorn's sync worker responds with Connection: close."
    ),
    detection="A stream of this transport began only when others of the same run had ended.",
    fixes=(
        Fix(
            where="gunicorn",
            change="--worker-class gevent",
            by=Owner.APP,
            note="libraries that block in C need care under gevent",
        ),
        Fix(
            where="gunicorn",
            change="--threads 100",
            by=Owner.APP,
            cost="each stream needs a thread",
        ),
    ),
    references=("https://docs.gunicorn.org/en/stable/design.html",),
    shows=(Symptom(Flow.LATE),),
    measured_on=("gunicorn 27.0.1",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """A stream of this Transport began when others of the same run were over."""
    queued = seen.queued(transport)
    request = seen.request_at_app(transport)
    server = request.server if request else seen.header(transport, "server") if seen.is_own(transport) else ""
    if queued is None or "gunicorn" not in server:
        return None  # where a server starts a process for each request, its slow start looks the same
    shared = queued[0].shares_connection
    http1 = seen.beside(Client.HTTP1)
    tried = http1 is not None and http1.flow(transport) is not None
    if shared and tried and http1 is not None and http1.queued(transport) is None:
        return None  # no stream waited over HTTP/1.1: the shared connection is the limit
    observation, timing = queued
    facts = [
        Evidence(
            f"{transport}: requested together with others, {observation.probe.id} began "
            f"{timing.queued_s:.1f} s after the first of them, and then flowed",
            (observation.probe.id,),
        )
    ]
    if observation.header("connection").lower() == "close":
        facts.append(
            Evidence(f"{transport}: the response has Connection: close, as from gunicorn's sync worker")
        )
    # On a shared connection the server in front may process no more: see `http2_stream_limit`.
    sure = Confidence.POSSIBLE if shared and not tried else Confidence.LIKELY
    return Detection(CULPRIT, sure, tuple(facts))


# Streams at once that a page with a handful of readers needs, and a small site.
FEW = 16
MANY = 100


SERVERS = (Server.GUNICORN,)


def lint(block: Block) -> Iterator[Finding]:
    """sync by default, so silence counts."""
    value = gunicorn.worker(block)
    kind = gunicorn.kind(value)
    workers, threads = gunicorn.workers(block), gunicorn.threads(block)
    at_once = (workers or 1) * (threads or 1)
    if kind not in ("sync", "gthread") or (kind == "gthread" and (threads is None or at_once >= MANY)):
        return
    streams = f"{at_once} stream{'' if at_once == 1 else 's'}"
    where = f"with {workers} worker{'' if workers == 1 else 's'}" if workers else "in each worker"
    other = gunicorn.unless(value)
    unless = f", unless {other} says otherwise" if other else ""
    level = Level.WARNING if at_once < FEW else Level.NOTE
    if kind == "sync" and not other:
        level = Level.ERROR
    yield block.finding(
        CULPRIT,
        level,
        f"{value.name} {kind} ({block.where(value)}): {streams} at a time {where}, all others wait{unless}",
        value=value,
        fix=_FIX_FILE if _in_file(block, value.at) else _FIX_LINE,
        edits=_edits(block, value.at),
    )


_GEVENT_NOTE = "needs gunicorn[gevent] installed; libraries that block in C need care under gevent"
_FIX_LINE = Fix(
    where="gunicorn's command line",
    change="-k gevent",
    by=Owner.APP,
    note=_GEVENT_NOTE,
)
_FIX_FILE = Fix(
    where="gunicorn.conf.py",
    change='worker_class = "gevent"',
    by=Owner.APP,
    note=_GEVENT_NOTE,
)


def _in_file(block: Block, guilty: Directive | None) -> bool:
    """Whether the settings file sets it; true too where nothing does and there is only the file."""
    return not guilty.word.startswith("-") if guilty is not None else block.at.name != "command"


def _edits(block: Block, old: Directive | None) -> tuple[Edit, ...]:
    at = block.at
    if _in_file(block, old):
        # `threads` makes it gthread beside a worker_class that then stands there already.
        named = block.scope.nearest("worker_class")
        if named and not named[-1].word.startswith("-"):
            return (edit(Action.REPLACE, named[-1], _FIX_FILE.change),)
        return block.edit(old, _FIX_FILE.change)
    if old is not None or at.line != at.end_line:
        return ()
    # A JSON list of Docker's, or a line for a shell.
    listed = at.word.startswith('"')
    more = ', "-k", "gevent"' if listed else " -k gevent"
    return (Edit(Action.INSIDE, at.file, at.line, at.end_line, at.word if listed else "gunicorn ", (more,)),)
