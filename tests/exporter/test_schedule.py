"""Which target runs when: first runs, jitter, bounds, hosts, requests, and other targets while some run."""

from __future__ import annotations

import math
from random import Random

import pytest

from flushcheck.exporter.schedule import (
    JITTER,
    MAX_INTERVAL_S,
    MIN_INTERVAL_S,
    SPACING_S,
    Job,
    Schedule,
    first_due_s,
    is_interval,
    next_due_s,
)


class Fixed(Random):
    """A source of randomness that always returns the same part of a range."""

    def __init__(self, part: float) -> None:
        super().__init__()
        self.part = part

    def random(self) -> float:
        return self.part


def schedule(*jobs: Job, at_once: int = 2, part: float = 0.5) -> Schedule:
    return Schedule(jobs, at_once=at_once, random=Fixed(part), now_s=0.0)


def job(name: str, host: str = "", interval_s: float = 300.0) -> Job:
    return Job(name, host or name, interval_s)


INTERVALS = [
    (-1.0, False),
    (0.0, True),
    (MIN_INTERVAL_S - 0.1, False),
    (MIN_INTERVAL_S, True),
    (MAX_INTERVAL_S, True),
    (MAX_INTERVAL_S + 1, False),
    (math.nan, False),
]


@pytest.mark.parametrize(("interval_s", "allowed"), INTERVALS)
def test_an_interval_has_bounds(interval_s, allowed):
    assert is_interval(interval_s) is allowed


FIRST = [
    # name                              place  count  interval   expected
    ("the only one",                    0,     1,     300.0,     0.0),
    ("the first of four",               0,     4,     300.0,     0.0),
    ("the last of four",                3,     4,     300.0,     SPACING_S * 3),
    ("as many as fit into an interval", 9,     15,    30.0,      SPACING_S * 9),
    ("more than fit into an interval",  9,     60,    30.0,      4.5),
    ("only on request",                 0,     1,     0.0,       math.inf),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "place", "count", "interval_s", "expected"), FIRST, ids=[row[0] for row in FIRST]
)
def test_first_runs_are_spread(name, place, count, interval_s, expected):
    assert first_due_s(place, count, interval_s) == expected


NEXT = [
    # name                       interval         part of the jitter   expected
    ("earliest",                 300.0,           0.0,                 300.0 * (1 - JITTER)),
    ("in the middle",            300.0,           0.5,                 300.0),
    ("latest",                   300.0,           1.0,                 300.0 * (1 + JITTER)),
    ("never below the minimum",  MIN_INTERVAL_S,  0.0,                 MIN_INTERVAL_S),
    ("the minimum, later",       MIN_INTERVAL_S,  1.0,                 MIN_INTERVAL_S * (1 + JITTER)),
    ("only on request",          0.0,             0.5,                 math.inf),
]  # fmt: skip


@pytest.mark.parametrize(("name", "interval_s", "part", "expected"), NEXT, ids=[row[0] for row in NEXT])
def test_the_next_run_is_jittered(name, interval_s, part, expected):
    assert next_due_s(interval_s, Fixed(part)) == pytest.approx(expected)


def test_the_jitter_comes_from_the_source_that_is_given():
    times = {next_due_s(300.0, Random(seed)) for seed in (1, 1, 2)}
    assert len(times) == 2


def test_a_target_is_due_its_interval_after_the_end_of_its_run():
    one = schedule(job("a"))
    assert one.start(0.0) == ["a"]
    assert (one.start(1000.0), one.wait_s(1000.0)) == ([], math.inf), "it runs still"
    one.finish("a", 1000.0)
    assert one.wait_s(1000.0) == 300.0
    assert one.start(1299.9) == []
    assert one.start(1300.0) == ["a"]


def test_no_more_run_at_once_than_allowed_and_the_one_due_first_goes_first():
    three = schedule(job("a"), job("b"), job("c"), at_once=2)
    assert three.start(100.0) == ["a", "b"]
    assert three.start(100.0) == []
    three.finish("a", 101.0)
    assert three.start(101.0) == ["c"]
    assert three.running == {"b", "c"}


def test_two_targets_of_one_host_never_run_at_once():
    two = schedule(job("a", "example.org"), job("b", "example.org"), job("c", "other.example"))
    assert two.start(100.0) == ["a", "c"]
    two.finish("a", 101.0)
    assert two.start(101.0) == ["b"]


def test_a_request_goes_before_what_is_only_due():
    three = schedule(job("a"), job("b"), job("c"), at_once=1)
    assert three.request("c", 100.0) is True
    assert three.start(100.0) == ["c"]
    assert three.queued == ()


def test_requests_for_one_target_share_one_run():
    one = schedule(job("a", interval_s=0.0))
    assert (one.request("a", 0.0), one.request("a", 0.0)) == (True, True)
    assert one.queued == ("a",)
    assert one.start(0.0) == ["a"]
    assert one.request("a", 1.0) is True
    assert not one.queued, "it runs already"


def test_a_request_soon_after_a_run_shares_its_result():
    one = schedule(job("a", interval_s=0.0))
    one.request("a", 0.0)
    one.start(0.0)
    one.finish("a", 10.0)
    assert one.request("a", 10.0 + MIN_INTERVAL_S - 0.1) is False
    assert one.queued == ()
    assert one.request("a", 10.0 + MIN_INTERVAL_S) is True


def test_a_request_for_an_unknown_target_is_an_error():
    with pytest.raises(KeyError):
        schedule(job("a")).request("b", 0.0)


def test_a_run_that_was_stopped_counts_as_none():
    one = schedule(job("a"))
    one.start(0.0)
    one.finish("a", 5.0, stopped=True)
    assert one.request("a", 5.0) is True
    assert one.start(5.0) == ["a"]


def test_a_target_only_on_request_is_never_due():
    one = schedule(job("a", interval_s=0.0))
    assert (one.start(1e9), one.wait_s(0.0)) == ([], math.inf)


def test_other_targets_leave_those_that_stay_where_they_are():
    both = schedule(job("a"), job("b"))
    both.start(0.0)
    both.finish("a", 10.0)
    both.request("b", 10.0)
    both.replace([job("a"), job("c")], {"a"}, 20.0)
    assert both.queued == ()
    assert both.request("a", 20.0) is False, "its last result is recent"
    assert both.start(20.0) == []
    assert both.start(20.0 + SPACING_S) == ["c"]
    assert both.start(310.0) == ["a"]


def test_a_target_that_changes_is_due_like_a_new_one():
    one = schedule(job("a"))
    one.start(0.0)
    one.finish("a", 10.0)
    one.replace([job("a", "another.example")], (), 20.0)
    assert one.request("a", 20.0) is True
    assert one.start(20.0) == ["a"]


def test_a_removed_target_that_runs_counts_until_it_ends():
    one = schedule(job("a", "example.org"), at_once=2)
    one.start(0.0)
    one.replace([job("b", "example.org")], (), 1.0)
    assert one.start(100.0) == []
    one.finish("a", 101.0)
    assert one.start(101.0) == ["b"]
    assert one.running == {"b"}
