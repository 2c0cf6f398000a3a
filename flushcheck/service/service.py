"""What all routes share: settings, the text given at start, and what changes while the process runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from flushcheck.service.limits.admission import Admission
from flushcheck.service.limits.concurrency import ConcurrencyLimiter
from flushcheck.service.limits.threadpool import SerialExecutor
from flushcheck.service.serving.drain import Drain
from flushcheck.service.serving.engine import Engine
from flushcheck.streaming.limits import Limits


@dataclass(frozen=True, slots=True)
class Service:
    """One process of the service."""

    limits: Limits
    own_text: str  # served as text=file; "" if none was given
    mount: str  # path below which the server itself puts the app; "" for the root
    limiter: ConcurrencyLimiter  # how many streams are open
    admission: Admission  # who may open one more
    drain: Drain  # whether the process ends
    engine: Engine  # writes the streams where it can
    executor: SerialExecutor = field(default_factory=SerialExecutor)  # where others' runs are judged
