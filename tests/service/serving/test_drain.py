"""Whether the process ends, as gunicorn's worker says it."""

from __future__ import annotations

import signal
import time
from types import SimpleNamespace

import pytest

from flushcheck.service import create_app
from flushcheck.service.serving.drain import GRACE_S, Drain
from flushcheck.streaming.limits import Limits
from tests.service.wire import json_of


class Worker:
    """What gunicorn's has: a handler of SIGTERM that is its method."""

    def __init__(self, *, alive: bool) -> None:
        self.alive = alive

    def handle_exit(self, _signal: int, _frame: object) -> None: ...


HANDLERS = [
    # who handles SIGTERM, whether the process ends
    (signal.SIG_DFL, False),
    (None, False),
    (lambda *_: None, False),
    (SimpleNamespace().__repr__, False),  # a method of somebody without `alive`
    (Worker(alive=True).handle_exit, False),
    (Worker(alive=False).handle_exit, True),
]


@pytest.mark.parametrize(("handler", "ends"), HANDLERS)
def test_the_worker_is_whoever_handles_sigterm(monkeypatch, handler, ends):
    monkeypatch.setattr(signal, "getsignal", {signal.SIGTERM: handler}.get)
    assert Drain().begun is ends


def test_streams_end_after_a_grace(monkeypatch):
    now_s = [50.0]
    worker = Worker(alive=True)
    monkeypatch.setattr(signal, "getsignal", lambda _: worker.handle_exit)
    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    drain = Drain()
    assert (drain.begun, drain.due) == (False, False)
    now_s[0] += 10
    worker.alive = False
    assert (drain.begun, drain.due) == (True, False)
    now_s[0] += GRACE_S - 0.01
    assert not drain.due
    now_s[0] += 0.02
    assert drain.due


def test_readiness_falls_first(monkeypatch):
    client = create_app(Limits()).test_client()
    assert client.get("/readyz").status_code == 200
    monkeypatch.setattr(signal, "getsignal", lambda _: Worker(alive=False).handle_exit)
    refused = client.get("/readyz")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"]
    assert "process ends" in json_of(refused)["error"]
    assert client.get("/healthz").status_code == 200
    assert client.get("/stream/chunked?count=2&interval=0").text == "Water in"
