"""The exporter's loop: requests share runs, bounds hold, a reload changes what it must, and a stop is quick."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from flushcheck.exporter import exporter as module
from flushcheck.exporter.exporter import MIN_RUN_S, RESULT_S, Busy, Exporter, Late, run_limit_s
from flushcheck.exporter.runs import Ending, Outcome, RunProcess, Target
from flushcheck.model import UsageError
from tests.exporter.fakes import COMMAND, result, target
from tests.exporter.test_runs import WITHIN_S, wait_for


class File:
    """The targets file: what it holds may change."""

    def __init__(self, *targets: Target) -> None:
        self.targets: tuple[Target, ...] | str = targets

    def load(self) -> tuple[Target, ...]:
        if isinstance(self.targets, str):
            raise UsageError(self.targets)
        return self.targets


@contextmanager
def running(file: File, *, at_once: int = 2) -> Iterator[tuple[Exporter, list[str]]]:
    log: list[str] = []
    exporter = Exporter(file.load, COMMAND, at_once=at_once, log=log.append, random=Random(1))
    thread = threading.Thread(target=exporter.run)
    thread.start()
    try:
        yield exporter, log
    finally:
        exporter.stop()
        thread.join(WITHIN_S)
        assert not thread.is_alive()


def until(what: object, *, is_so: object) -> None:
    ends_s = time.monotonic() + WITHIN_S
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < ends_s, f"{what} within {WITHIN_S} s"
        time.sleep(0.01)


LIMITS = [
    # name                          own    what waits            expected
    ("nothing waits",               30.0,  [],                   30.0),
    ("enough time",                 30.0,  [60.0],               30.0),
    ("less time",                   30.0,  [20.0],               20.0 - RESULT_S),
    ("the first of two is over",    30.0,  [60.0, 20.0],         20.0 - RESULT_S),
    ("just enough for a run",       30.0,  [MIN_RUN_S + RESULT_S], MIN_RUN_S),
    ("too little for a run",        30.0,  [MIN_RUN_S + RESULT_S - 0.1], 30.0),
    ("a short run of its own",      3.0,   [9.5],                3.0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "own_s", "left_s", "expected"), LIMITS, ids=[row[0] for row in LIMITS])
def test_a_run_ends_in_time_for_the_scrapes_that_wait(name, own_s, left_s, expected):
    assert run_limit_s(own_s, left_s) == pytest.approx(expected)


def test_a_probe_starts_a_run_and_shares_the_next_one(tmp_path):
    log = tmp_path / "log"
    with (
        running(File(target("shop", takes_s=0.3, log=str(log)))) as (exporter, _),
        ThreadPoolExecutor() as pool,
    ):
        outcomes = [
            found.result() for found in [pool.submit(exporter.probe, "shop", WITHIN_S) for _ in range(5)]
        ]
        assert all(found is outcomes[0] for found in outcomes)
        assert exporter.probe("shop", WITHIN_S) is outcomes[0], "its result is recent"
    assert log.read_text().count("begin") == 1


def test_a_probe_that_is_late_leaves_the_run_alone(tmp_path):
    log = tmp_path / "log"
    with running(File(target("shop", takes_s=0.6, log=str(log)))) as (exporter, _):
        with pytest.raises(Late):
            exporter.probe("shop", 0.05)
        found = exporter.probe("shop", WITHIN_S)
        assert isinstance(found, Outcome)
        assert found.ending is Ending.MEASURED
        until("the late one is counted", is_so=lambda: exporter.status.probes_late == 1)
    assert log.read_text().count("begin") == 1


def test_too_many_probes_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    with running(File(target("shop", takes_s=60))) as (exporter, _), ThreadPoolExecutor() as pool:
        waiting = [pool.submit(exporter.probe, "shop", WITHIN_S) for _ in range(2)]
        until("both wait", is_so=lambda: exporter._places._value == 0)
        with pytest.raises(Busy):
            exporter.probe("shop", WITHIN_S)
        exporter.stop()
        assert [each.result() for each in waiting] == [None, None]


def test_no_more_runs_than_allowed_and_never_two_of_one_host(tmp_path):
    log = tmp_path / "log"
    targets = [
        target(f"{host}{n}", host=host, interval_s=300.0, takes_s=0.15, log=str(log))
        for host in "abc"
        for n in range(2)
    ]
    with running(File(*targets), at_once=2) as (exporter, _), ThreadPoolExecutor() as pool:
        for found in [pool.submit(exporter.probe, each.name, WITHIN_S) for each in targets]:
            found.result()
    now: set[str] = set()
    for line in log.read_text().splitlines():
        word, name = line.split()[:2]
        if word == "end":
            now.discard(name)
            continue
        assert name[0] not in {other[0] for other in now}
        now.add(name)
        assert len(now) <= 2
    assert log.read_text().count("end") == len(targets)


def test_the_metrics_follow_the_schedule_without_a_request():
    file = File(target("shop", interval_s=300.0), target("asked", interval_s=0.0))
    with running(file) as (exporter, log):
        until("a run", is_so=lambda: "shop" in exporter.status.outcomes)
        assert "asked" not in exporter.status.outcomes
        assert exporter.status.ended == {("shop", Ending.MEASURED): 1}
        assert exporter.status.intervals_s == {"shop": 300.0, "asked": 0.0}
        assert log[0].startswith("shop: flowing, ")


def test_a_run_that_fails_is_a_result_too():
    with running(File(target("shop", prints="no"))) as (exporter, _):
        found = exporter.probe("shop", WITHIN_S)
    assert isinstance(found, Outcome)
    assert (found.ending, found.is_as_expected, found.families) == (Ending.FAILED, False, ())


def test_a_wrong_file_keeps_the_targets_and_says_so():
    file = File(target("shop"))
    with running(file) as (exporter, log):
        before_s = exporter.status.reloaded_at_s
        file.targets = "targets.yaml:3: expected a list"
        exporter.reload()
        until("it is said", is_so=lambda: not exporter.status.reload_ok)
        assert log == ["the targets in force stay: targets.yaml:3: expected a list"]
        assert list(exporter.status.intervals_s) == ["shop"]
        assert exporter.status.reloaded_at_s == before_s
        assert isinstance(exporter.probe("shop", WITHIN_S), Outcome)
        file.targets = (target("shop"), target("other"))
        exporter.reload()
        until("it is read", is_so=lambda: exporter.status.reload_ok)
        assert list(exporter.status.intervals_s) == ["shop", "other"]
        assert "shop" in exporter.status.outcomes, "its last result is as good as before"
        assert exporter.status.reloaded_at_s > before_s


def test_a_reload_stops_runs_of_targets_that_changed_and_drops_their_results(tmp_path):
    log = tmp_path / "log"
    gone, stays = target("gone", takes_s=60, log=str(log)), target("stays")
    file = File(gone, stays, target("changed", prints=result("changed", summary="old")))
    with running(file) as (exporter, _), ThreadPoolExecutor() as pool:
        exporter.probe("stays", WITHIN_S)
        exporter.probe("changed", WITHIN_S)
        waiting = pool.submit(exporter.probe, "gone", WITHIN_S)
        wait_for(log, "begin")
        file.targets = (stays, target("changed", prints=result("changed", summary="new")))
        exporter.reload()
        assert waiting.result() is None
        until("the run has ended", is_so=lambda: exporter.status.running == 0)
        assert list(exporter.status.outcomes) == ["stays"]
        found = exporter.probe("changed", WITHIN_S)
        assert isinstance(found, Outcome)
        assert found.summary == "new"
        assert exporter.probe("gone", WITHIN_S) is None
    assert "end" not in log.read_text()


def test_a_run_that_ended_before_its_target_changed_is_no_result_of_the_new_one():
    file = File(target("shop", summary="old"))
    exporter = Exporter(file.load, COMMAND, at_once=1, log=print)
    exporter._schedule.request("shop", 0.0)
    (name,) = exporter._schedule.start(0.0)
    exporter._runs[name] = RunProcess(COMMAND, file.load()[0], 30.0, exporter._on_end)
    file.targets = (target("shop", summary="new"),)
    exporter._read_again()
    exporter._end(exporter._runs["shop"], Outcome(Ending.MEASURED, 1.0, "flowing", True))
    exporter._publish()
    assert exporter.status.outcomes == {}
    assert exporter._schedule.request("shop", 1.0) is True


def test_a_stop_ends_a_run_within_three_seconds(tmp_path):
    log = tmp_path / "log"
    with running(File(target("shop", interval_s=300.0, takes_s=60, log=str(log)))) as (exporter, _):
        wait_for(log, "begin")
        began_s = time.monotonic()
        exporter.stop()
    assert time.monotonic() - began_s < 3 + 5, "and a busy machine"
    process = Path(f"/proc/{log.read_text().split()[2]}")
    until("the process has ended", is_so=lambda: not process.exists())
