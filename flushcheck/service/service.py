"""What all routes share: settings, the text given at start, and what changes while the process runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from flushcheck.service.limits.admission import Admission
from flushcheck.service.limits.concurrency import Gate
from flushcheck.service.limits.threadpool import Desk
from flushcheck.service.serving.serve import Serving
from flushcheck.streaming.limits import Limits


@dataclass(frozen=True, slots=True)
class Service:
    """One process of the service."""

    limits: Limits
    own_text: str  # served as text=file; "" if none was given
    mount: str  # path below which the server itself puts the app; "" for the root
    gate: Gate  # how many streams are open
    admission: Admission  # who may open one more
    serving: Serving  # writes the streams
    desk: Desk = field(default_factory=Desk)  # where others' runs are judged
