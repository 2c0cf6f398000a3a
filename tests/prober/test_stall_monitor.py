import time

from flushcheck.prober.stall_monitor import INTERVAL_S, StallMonitor


class Slow:
    """A clock and a sleep that oversleeps where it is given a delay."""

    def __init__(self, late: list[float], monitor: StallMonitor) -> None:
        self.now = 100.0
        self._late = iter(late)
        self._monitor = monitor

    def monotonic(self) -> float:
        return self.now

    def sleep(self, duration_s: float) -> None:
        late_s = next(self._late, None)
        if late_s is None:
            self._monitor.__exit__(None, None, None)
        self.now += duration_s + (late_s or 0.0)


def test_the_longest_stall_that_touches_the_span_counts(monkeypatch):
    monitor = StallMonitor()
    clock = Slow([0.0, 0.3, 0.001, 0.0, 0.05, 0.0], monitor)
    monkeypatch.setattr("flushcheck.prober.stall_monitor.time", clock)
    monitor._watch()
    first, second = 100.0 + 2 * INTERVAL_S, 100.0 + 0.301 + 5 * INTERVAL_S
    assert abs(monitor.max_stall_s(0, 1000) - 0.3) < 1e-9
    # It began while the span lasted, or ended in it.
    assert abs(monitor.max_stall_s(0, first + 0.1) - 0.3) < 1e-9
    assert abs(monitor.max_stall_s(first + 0.29, 1000) - 0.3) < 1e-9
    assert abs(monitor.max_stall_s(first + 0.31, 1000) - 0.05) < 1e-9
    assert monitor.max_stall_s(second + 0.06, 1000) == 0.0
    assert monitor.max_stall_s(0, 100) == 0.0


def test_it_runs_while_it_is_entered():
    with StallMonitor() as monitor:
        deadline = time.monotonic() + 5
        # Not letting any other thread run is a stall,.
        while not monitor.max_stall_s(0, time.monotonic()) and time.monotonic() < deadline:
            sum(range(3_000_000))
    assert monitor.max_stall_s(0, time.monotonic()) > 0
    monitor._thread.join(5)
    assert not monitor._thread.is_alive()
