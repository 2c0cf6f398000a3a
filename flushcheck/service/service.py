"""What all routes share: the settings, the text given at start, and the state of this process."""

from __future__ import annotations

from dataclasses import dataclass, field

from flushcheck.service.limits.admission import Admission
from flushcheck.service.limits.concurrency import ConcurrencyLimiter
from flushcheck.service.limits.threadpool import SerialExecutor
from flushcheck.service.recipes import Recipes
from flushcheck.service.serving.serve import Serving
from flushcheck.streaming.limits import Limits


@dataclass(frozen=True, slots=True)
class Service:
    """One process of the service."""

    limits: Limits
    own_text: str  # served as text=file; "" if none was given
    mount: str  # path below which the server itself puts the app; "" for the root
    limiter: ConcurrencyLimiter  # counts the open streams
    admission: Admission  # may this client open one more?
    serving: Serving  # writes the streams
    recipes: Recipes = field(default_factory=Recipes)  # how to respond without Flask
    executor: SerialExecutor = field(default_factory=SerialExecutor)  # analyzes submitted runs
