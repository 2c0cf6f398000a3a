"""What all routes share: settings, the text given at start, and what changes while the process runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from flushcheck.core.limits import Limits
from flushcheck.web.admission import Admission
from flushcheck.web.aside import Desk
from flushcheck.web.draining import Drain
from flushcheck.web.engine import Engine
from flushcheck.web.gate import Gate


@dataclass(frozen=True, slots=True)
class Service:
    """One process of the service."""

    limits: Limits
    own_text: str  # served as text=file; "" if none was given
    mount: str  # path below which the server itself puts the app; "" for the root
    gate: Gate  # how many streams are open
    admission: Admission  # who may open one more
    drain: Drain  # whether the process ends
    engine: Engine  # writes the streams where it can
    desk: Desk = field(default_factory=Desk)  # where others' runs are judged
