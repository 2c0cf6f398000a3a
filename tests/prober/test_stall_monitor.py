import time

from flushcheck.prober.stall_monitor import BEAT_S, StallMonitor


class Slow:
    """A clock and a sleep that oversleeps when told so."""

    def __init__(self, beats: list[float], metronome: StallMonitor) -> None:
        self.now = 100.0
        self._late = iter(beats)
        self._metronome = metronome

    def monotonic(self) -> float:
        return self.now

    def sleep(self, duration_s: float) -> None:
        late_s = next(self._late, None)
        if late_s is None:
            self._metronome.__exit__(None, None, None)
        self.now += duration_s + (late_s or 0.0)


def test_the_longest_stall_that_touches_the_span_counts(monkeypatch):
    metronome = StallMonitor()
    clock = Slow([0.0, 0.3, 0.001, 0.0, 0.05, 0.0], metronome)
    monkeypatch.setattr("flushcheck.prober.stall_monitor.time", clock)
    metronome._beat()
    first, second = 100.0 + 2 * BEAT_S, 100.0 + 0.301 + 5 * BEAT_S
    assert abs(metronome.max_stall_s(0, 1000) - 0.3) < 1e-9
    # It began while the span lasted, or ended in it.
    assert abs(metronome.max_stall_s(0, first + 0.1) - 0.3) < 1e-9
    assert abs(metronome.max_stall_s(first + 0.29, 1000) - 0.3) < 1e-9
    assert abs(metronome.max_stall_s(first + 0.31, 1000) - 0.05) < 1e-9
    assert metronome.max_stall_s(second + 0.06, 1000) == 0.0
    assert metronome.max_stall_s(0, 100) == 0.0


def test_it_beats_while_it_is_entered():
    with StallMonitor() as metronome:
        deadline = time.monotonic() + 5
        # Not letting any other thread run is a stall, whoever's fault it is.
        while not metronome.max_stall_s(0, time.monotonic()) and time.monotonic() < deadline:
            sum(range(3_000_000))
    assert metronome.max_stall_s(0, time.monotonic()) > 0
    metronome._thread.join(5)
    assert not metronome._thread.is_alive()
