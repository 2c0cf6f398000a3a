"""Which stream is due when, with a clock that is a number: no sleeping, no socket."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from flushcheck.service.serving.schedule import GROUP, QUEUED, TICK_S, UNSCHEDULED, Schedule

Stream = SimpleNamespace


def stream(name: str = "") -> Stream:
    return Stream(name=name, tick=UNSCHEDULED)


def due_names(schedule: Schedule[Stream], now_s: float) -> list[str]:
    """The names of all that is due at this moment, in order."""
    schedule.advance(now_s)
    names: list[str] = []
    while group := schedule.next_group(due=True, backlog=True):
        names += [item.name for item in group]
    return names


MOMENTS = [
    # name, planned for, not due yet at, due at
    ("in the middle of a tick", 2.5 * TICK_S, 2.99 * TICK_S, 3 * TICK_S),
    ("at the start of a tick", 2 * TICK_S, 2.99 * TICK_S, 3 * TICK_S),
    ("just before its end", 2.99 * TICK_S, 2.99 * TICK_S, 3 * TICK_S),
    ("minutes away", 75_000.5 * TICK_S, 75_000.9 * TICK_S, 75_001 * TICK_S),
]


@pytest.mark.parametrize(("name", "at_s", "before_s", "due_s"), MOMENTS, ids=[row[0] for row in MOMENTS])
def test_an_item_is_due_when_its_tick_ends_and_never_before_its_moment(name, at_s, before_s, due_s):
    schedule: Schedule[Stream] = Schedule()
    assert schedule.plan(stream("a"), at_s)
    assert schedule.next_s == pytest.approx(due_s)
    assert due_names(schedule, before_s) == []
    assert due_names(schedule, due_s) == ["a"]
    assert schedule.next_s == math.inf


def test_items_of_one_tick_share_it_and_only_the_first_is_news_for_the_loop():
    schedule: Schedule[Stream] = Schedule()
    assert schedule.plan(stream("a"), 2.1 * TICK_S)
    assert not schedule.plan(stream("b"), 2.9 * TICK_S)
    assert schedule.plan(stream("c"), 1.5 * TICK_S)
    assert due_names(schedule, 10 * TICK_S) == ["c", "a", "b"]


def test_what_is_due_comes_before_the_backlog_in_groups_and_the_backlog_one_by_one():
    schedule: Schedule[Stream] = Schedule()
    for number in range(3):
        schedule.queue(stream(f"backlog {number}"))
    for _ in range(GROUP + 1):
        schedule.plan(stream("due"), 1.0)
    schedule.advance(2.0)
    sizes = []
    while group := schedule.next_group(due=True, backlog=True):
        sizes.append((group[0].name, len(group)))
    assert sizes == [
        ("due", GROUP),
        ("due", 1),
        *((f"backlog {number}", 1) for number in range(3)),
    ]


ROOMS = [
    # name, time for due ones, time for the backlog, what is served
    ("all", True, True, ["due", "backlog"]),
    ("the slice of the backlog is over", True, False, ["due"]),
    ("both slices are over", False, False, []),
]


@pytest.mark.parametrize(("name", "due", "backlog", "served"), ROOMS, ids=[row[0] for row in ROOMS])
def test_a_slice_serves_what_it_has_time_for(name, due, backlog, served):
    schedule: Schedule[Stream] = Schedule()
    schedule.queue(stream("backlog"))
    schedule.queue(stream("due"), urgent=True)
    names = []
    while group := schedule.next_group(due=due, backlog=backlog):
        names += [item.name for item in group]
    assert names == served
    assert schedule.busy is (served != ["due", "backlog"])


def test_an_unscheduled_item_leaves_nothing_in_the_wheel():
    schedule: Schedule[Stream] = Schedule()
    kept, gone = stream("kept"), stream("gone")
    schedule.plan(kept, 300.0)
    schedule.plan(gone, 300.0)
    schedule.unschedule(gone)
    assert gone.tick == UNSCHEDULED
    assert [item.name for items in schedule._wheel.values() for item in items] == ["kept"]
    assert due_names(schedule, 301.0) == ["kept"]


def test_unscheduling_twice_or_what_was_never_planned_does_nothing():
    schedule: Schedule[Stream] = Schedule()
    item = stream()
    schedule.unschedule(item)
    schedule.plan(item, 1.0)
    schedule.unschedule(item)
    schedule.unschedule(item)
    assert due_names(schedule, 2.0) == []


def test_a_queued_item_is_taken_out_of_the_wheel_and_queued_once():
    schedule: Schedule[Stream] = Schedule()
    item = stream("a")
    schedule.plan(item, 1.0)
    schedule.queue(item)
    schedule.queue(item, urgent=True)
    assert item.tick == QUEUED
    assert due_names(schedule, 2.0) == ["a"]


def test_an_item_can_be_planned_again_after_its_turn():
    schedule: Schedule[Stream] = Schedule()
    item = stream("a")
    for at_s in (1.0, 2.0, 3.0):
        assert schedule.plan(item, at_s)
        assert due_names(schedule, at_s + TICK_S) == ["a"]
        schedule.unschedule(item)
    assert not schedule.busy
