"""Places for streams: counted, given back once, never more than there are."""

import threading

from flushcheck.service.limits.concurrency import ConcurrencyLimiter


def test_places_are_taken_and_given_back_once():
    gate = ConcurrencyLimiter(2)
    first, second = gate.acquire(), gate.acquire()
    assert first
    assert second
    assert gate.full
    assert gate.acquire() is None
    first.release()
    first.release()
    assert gate.in_use == 1
    assert gate.acquire()


def test_a_stream_knows_how_many_it_met():
    gate = ConcurrencyLimiter(9)
    first, second, third = gate.acquire(), gate.acquire(), gate.acquire()
    assert first
    assert second
    assert third
    assert [slot.concurrent for slot in (first, second, third)] == [3, 3, 3]
    first.release()
    second.release()
    assert [slot.concurrent for slot in (first, second, third)] == [1, 2, 3]


def test_threads_do_not_miscount():
    gate = ConcurrencyLimiter(50)

    def come_and_go() -> None:
        for _ in range(500):
            slot = gate.acquire()
            assert slot
            slot.release()

    threads = [threading.Thread(target=come_and_go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gate.in_use == 0
