"""Which of several workers accepts a connection."""

from __future__ import annotations

import mmap

import pytest

from flushcheck.service.serving.accept_balance import MAX_SKIPS, SLACK, SLOTS, AcceptBalance


def counts() -> memoryview[int]:
    """What the workers share."""
    return memoryview(mmap.mmap(-1, 4 * SLOTS)).cast("i")


SHARES = [
    # name, connections of this worker, of the others, whether it accepts
    ("alone", 9, [], True),
    ("as many", 9, [9], True),
    ("a few more", SLACK, [0], True),
    ("more", SLACK + 1, [0], False),
    ("more than one of several", 9, [20, 6], False),
    ("fewer", 0, [9, 9], True),
]


@pytest.mark.parametrize(("name", "own", "others", "accepts"), SHARES, ids=[row[0] for row in SHARES])
def test_a_worker_with_more_connections_lets_another_accept(name, own, others, accepts):
    shared, yielded = counts(), []
    worker = AcceptBalance(shared, SLOTS + 3, let_others=lambda: yielded.append(1))
    for number, connections in enumerate(others):
        other = AcceptBalance(shared, 10 + number)
        for _ in range(connections):
            other.opened()
    for _ in range(own):
        worker.opened()
    assert worker.may_accept() is accepts
    assert bool(yielded) is not accepts


def test_a_worker_that_hangs_keeps_no_other_from_accepting():
    shared = counts()
    worker, _hangs = AcceptBalance(shared, 1, let_others=int), AcceptBalance(shared, 2)
    for _ in range(9):
        worker.opened()
    for _ in range(2):
        assert [worker.may_accept() for _ in range(MAX_SKIPS + 1)] == [*[False] * MAX_SKIPS, True]


def test_a_worker_that_has_left_does_not_count():
    shared = counts()
    worker, other = AcceptBalance(shared, 1, let_others=int), AcceptBalance(shared, 2)
    for _ in range(9):
        worker.opened()
    assert not worker.may_accept()
    other.leave()
    other.closed()  # its last connections end later
    assert worker.may_accept()
    for _ in range(9):
        worker.closed()
    AcceptBalance(shared, 3)
    assert worker.may_accept()
