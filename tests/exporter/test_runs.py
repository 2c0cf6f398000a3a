"""A run is a process: what it is given, what its output means, and every way in which it can end."""

from __future__ import annotations

import json
import queue
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from flushcheck.exporter import runs
from flushcheck.exporter.runs import Ending, Outcome, RunProcess, Target, family_document, family_of
from flushcheck.reports.prometheus import Family
from tests.exporter.fakes import COMMAND, result, target

WITHIN_S = 20.0


def started(of: Target, command: Sequence[str] = COMMAND) -> tuple[RunProcess, queue.SimpleQueue[Outcome]]:
    ends: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    run = RunProcess(command, of, of.timeout_s, lambda _run, outcome: ends.put(outcome))
    run.start()
    return run, ends


def outcome(of: Target, command: Sequence[str] = COMMAND) -> Outcome:
    return started(of, command)[1].get(timeout=WITHIN_S)


def test_a_run_brings_its_metrics():
    found = outcome(target("shop"))
    assert (found.ending, found.summary, found.is_as_expected) == (Ending.MEASURED, "flowing", True)
    assert [family.name for family in found.families] == ["flushcheck_hold_seconds"]
    assert found.took_s > 0


OUTPUTS = [
    # name                 what it prints                              ending            in the summary
    ("nothing",            "",                                         Ending.FAILED,    "ended without a result"),
    ("no JSON",            "Traceback",                                Ending.FAILED,    "cannot be read"),
    ("another document",   "[1]",                                      Ending.FAILED,    "cannot be read"),
    ("half of it",         result("shop")[:-9],                        Ending.FAILED,    "cannot be read"),
    ("no families",        '{"summary": "x", "is_as_expected": true}', Ending.FAILED,    "cannot be read"),
    ("a wrong sample",     '{"summary": "x", "is_as_expected": true, "families": [["a", "b", "gauge", [[[], "x"]]]]}', Ending.FAILED, "cannot be read"),
    ("a reason",           '{"failed": "its options cannot be used"}', Ending.FAILED,    "its options cannot be used; `flushcheck diagnose --targets`"),
    ("a result",           result("shop", summary="held"),             Ending.MEASURED,  "held"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "prints", "ending", "summary"), OUTPUTS, ids=[row[0] for row in OUTPUTS])
def test_the_output_of_a_run_says_how_it_ended(name, prints, ending, summary):
    found = outcome(target("shop", prints=prints))
    assert found.ending is ending
    assert summary in found.summary


def test_the_output_of_a_run_is_bounded(monkeypatch):
    monkeypatch.setattr(runs, "MAX_RESULT_BYTES", 1000)
    assert outcome(target("shop", prints="x" * 200_000)).ending is Ending.FAILED


def test_a_command_that_cannot_be_started_is_an_outcome():
    found = outcome(target("shop"), ["/none/python"])
    assert (found.ending, found.summary.split(";")[0]) == (Ending.FAILED, "FileNotFoundError")


def test_a_run_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr(runs, "GRACE_S", 0.5)
    found = outcome(target("shop", timeout_s=0.1, takes_s=60))
    assert (found.ending, found.summary) == (Ending.TIMEOUT, "the run took too long")


def test_a_run_can_be_stopped_at_once(tmp_path):
    log = tmp_path / "log"
    run, ends = started(target("shop", takes_s=60, log=str(log)))
    wait_for(log, "begin")
    began_s = time.monotonic()
    run.stop()
    assert ends.get(timeout=WITHIN_S).ending is Ending.STOPPED
    assert time.monotonic() - began_s < WITHIN_S, "by itself it ends after 60 s"


def test_a_run_that_is_stopped_before_it_starts_ends_too():
    run, ends = started(target("shop", takes_s=60))
    run.stop()
    assert ends.get(timeout=WITHIN_S).ending is Ending.STOPPED


def test_a_run_that_ignores_sigterm_is_killed():
    ignoring = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('x', flush=True); time.sleep(60)"
    run, ends = started(target("shop"), [sys.executable, "-c", ignoring])
    time.sleep(0)  # stop may come before or after the signal is ignored: both end
    run.stop()
    run.join(0.5)
    assert ends.get(timeout=WITHIN_S).ending is Ending.STOPPED


def test_the_task_of_a_target_is_not_shown():
    assert "s3cr3t" not in repr(Target("shop", "h", 0.0, 30.0, json.dumps({"options": ["s3cr3t"]})))


def test_a_family_survives_its_document():
    family = Family("a", "text", (((("target", 'x"\n'), ("flow", "held")), 1.0), ((), 2.5)), "counter")
    assert family_of(json.loads(json.dumps(family_document(family)))) == family


def wait_for(log: Path, word: str) -> None:
    ends_s = time.monotonic() + WITHIN_S
    while not log.exists() or word not in log.read_text():
        assert time.monotonic() < ends_s, f"no {word}"
        time.sleep(0.01)
