"""Places for streams: counted, given back once, never more than there are."""

import threading

from flushcheck.service.limits.concurrency import Gate


def test_places_are_taken_and_given_back_once():
    gate = Gate(2)
    first, second = gate.enter(), gate.enter()
    assert first
    assert second
    assert gate.full
    assert gate.enter() is None
    first.release()
    first.release()
    assert gate.open == 1
    assert gate.enter()


def test_a_stream_knows_how_many_it_met():
    gate = Gate(9)
    first, second, third = gate.enter(), gate.enter(), gate.enter()
    assert first
    assert second
    assert third
    assert [slot.concurrent for slot in (first, second, third)] == [3, 3, 3]
    first.release()
    second.release()
    assert [slot.concurrent for slot in (first, second, third)] == [1, 2, 3]


def test_threads_do_not_miscount():
    gate = Gate(50)

    def come_and_go() -> None:
        for _ in range(500):
            slot = gate.enter()
            assert slot
            slot.release()

    threads = [threading.Thread(target=come_and_go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gate.open == 0
