"""Whether the process stops, as gunicorn's worker tells it."""

from __future__ import annotations

import time

import pytest

from flushcheck.service.application import create_app
from flushcheck.service.serving import internals
from flushcheck.service.serving.drain import GRACE_S, Drain
from flushcheck.streaming.limits import Limits
from tests.service.serving.workers import Worker
from tests.service.wire import json_of


@pytest.fixture
def worker(monkeypatch) -> Worker:
    """A worker that a hook has handed over."""
    worker = Worker()
    monkeypatch.setattr(internals._Handover, "worker", worker)
    return worker


def test_streams_end_after_a_grace(monkeypatch, worker):
    now_s = [50.0]
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


def test_without_a_worker_a_process_never_drains():
    assert not Drain().begun


def test_readiness_falls_first(worker):
    client = create_app(Limits()).test_client()
    assert client.get("/readyz").status_code == 200
    worker.alive = False
    refused = client.get("/readyz")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"]
    assert "process is shutting down" in json_of(refused)["error"]
    assert client.get("/healthz").status_code == 200
    assert client.get("/stream/chunked?count=2&interval=0").text == "Water in"
