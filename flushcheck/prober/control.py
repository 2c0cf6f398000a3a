"""The control: the service probes itself over its loopback, while the path is probed from here.

It has to be a flushcheck service to do so, it may not know its own address, and it may be older than this
client: whatever is not a list of observations made on its loopback counts as no control.
"""

from __future__ import annotations

import queue
import threading
import time

from flushcheck.model import Observation, Vantage
from flushcheck.model.codec import from_json
from flushcheck.prober.decompress import DecodeError
from flushcheck.prober.http_client import PEER_ERRORS
from flushcheck.prober.session import get_json
from flushcheck.prober.target import Target

PATH = "/diagnostics/control"
SHORT_PATH = "/diagnostics/control?quick=1"  # an older service makes streams of the full length all the same
MAX_BYTES = 4 * 1024 * 1024


class Control:
    """A request for the control that is under way."""

    def __init__(self, target: Target, deadline: float) -> None:
        """Begin to ask for it; for short streams where the target's are."""
        self._result: queue.SimpleQueue[tuple[Observation, ...]] = queue.SimpleQueue()
        if target.is_origin:
            self._result.put(())  # an origin makes no requests
            return
        threading.Thread(
            target=lambda: self._result.put(_fetch(target, deadline)),
            name="flushcheck-control",
            daemon=True,
        ).start()

    def wait(self, until: float) -> tuple[Observation, ...]:
        """Return what the service saw of itself; nothing if it has not responded by `until`."""
        try:
            return self._result.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return ()


def _fetch(target: Target, deadline: float) -> tuple[Observation, ...]:
    # By requests, because nothing is measured here: the moments are the service's own.
    try:
        data = get_json(
            target, SHORT_PATH if target.short else PATH, deadline=deadline, max_bytes=MAX_BYTES
        ).data
        items = data.get("observations") if isinstance(data, dict) else None
        observations = [
            from_json(Observation, item, "observation") for item in (items if isinstance(items, list) else [])
        ]
    except (*PEER_ERRORS, DecodeError, ValueError, RecursionError):  # UsageError and JSON's are ValueErrors
        return ()
    return tuple(observation for observation in observations if observation.probe.vantage is Vantage.LOOPBACK)
