"""gunicorn `timeout` on a worker that cannot report while it streams."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import gunicorn
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.plan import STREAMED
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Owner,
    Probe,
    Symptom,
    Transport,
)
from flushcheck.model.wording import count_of

CULPRIT = Culprit(
    id="gunicorn-timeout",
    title="gunicorn kills a worker during a stream (timeout)",
    why=(
        "A sync worker reports to its master only between requests. gunicorn kills the worker of a stream "
        "that lasts longer than timeout (30 seconds by default), and every other stream of that worker "
        "ends with it."
    ),
    symptoms="Streams, WebSocket included, are cut after about the same time, before their end.",
    detection=(
        "Every transport that streams is cut, and the app runs under a gunicorn that closes each connection."
    ),
    fixes=(
        Fix(
            where="gunicorn",
            change="--worker-class gevent",
            by=Owner.APP,
            note=(
                "a gevent worker reports while it streams; libraries that block in C need care under gevent"
            ),
        ),
        Fix(
            where="gunicorn",
            change="--timeout 3600",
            by=Owner.APP,
            cost="gunicorn notices a worker that hangs only after an hour",
        ),
    ),
    references=("https://docs.gunicorn.org/en/stable/settings.html#timeout",),
    looks_like=("gunicorn-sync-worker", "idle-timeout"),
    holds=False,
    shows=(Symptom(Flow.CUT),),
    measured_on=("gunicorn 27.0.1",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Cut on every Transport that streams, by a gunicorn that closes each connection."""
    observation = seen.get(seen.first(transport))
    if observation is None or transport is Transport.POLLING:
        return None
    streams = [seen.flow(other) for other in (*STREAMED, Transport.WEBSOCKET) if seen.get(Probe(other))]
    poll = seen.request_at_app(Transport.POLLING)
    if any(flow is not Flow.CUT for flow in streams) or poll is None or "gunicorn" not in poll.server:
        return None
    if "close" not in observation.header("connection").lower():
        return None
    pieces = count_of(len(observation.pieces), "piece")
    cut = Evidence(
        f"{transport}: cut after {pieces} at {observation.ended_s:.1f} s, "
        f"as all streams were; the app runs under {poll.server} and closes each connection, as a sync "
        "worker does",
        (observation.probe.id,),
    )
    return Detection(CULPRIT, Confidence.POSSIBLE, (cut,))


SERVERS = (Server.GUNICORN,)


def lint(block: Block) -> Iterator[Finding]:
    """30 s by default, and only a sync worker is killed by it."""
    if gunicorn.kind(gunicorn.worker(block)) != "sync":
        return
    value = block.value("timeout", "30")
    time_s = gunicorn.timeout_s(block)
    if time_s:
        yield block.finding(
            CULPRIT,
            Level.WARNING,
            f"timeout {time_s:g} ({block.where(value)}) with a sync worker: a stream that lasts longer than "
            f"{time_s:g} s is cut",
            value=value,
        )
