"""Permits for streams: counted, returned once, never more than the limit."""

import threading

from flushcheck.service.limits.concurrency import ConcurrencyLimiter


def test_a_permit_is_returned_once():
    limiter = ConcurrencyLimiter(2)
    first, second = limiter.acquire(), limiter.acquire()
    assert first
    assert second
    assert limiter.full
    assert limiter.acquire() is None
    first.release()
    first.release()
    assert limiter.in_use == 1
    assert limiter.acquire()


def test_the_reason_names_the_limit():
    assert ConcurrencyLimiter(7).reason == "Limit reached: 7 concurrent streams in this process"


def test_a_stream_knows_the_largest_number_of_the_start_and_now():
    limiter = ConcurrencyLimiter(9)
    first, second, third = limiter.acquire(), limiter.acquire(), limiter.acquire()
    assert first
    assert second
    assert third
    assert [permit.concurrent for permit in (first, second, third)] == [3, 3, 3]
    first.release()
    second.release()
    assert [permit.concurrent for permit in (first, second, third)] == [1, 2, 3]


def test_threads_do_not_miscount():
    limiter = ConcurrencyLimiter(50)

    def acquire_and_release() -> None:
        for _ in range(500):
            permit = limiter.acquire()
            assert permit
            permit.release()

    threads = [threading.Thread(target=acquire_and_release) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert limiter.in_use == 0
