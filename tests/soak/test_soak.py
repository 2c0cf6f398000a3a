"""The short form of `make soak`: 150 streams for 12 seconds. Minutes show what creeps; this shows what leaks by the stream."""

from __future__ import annotations

from pathlib import Path

from tests.soak.soak import MAX_GROWTH, soak, soaked

# In so short a time one arena more of the allocator is a few percent.
ARENA_BYTES = 1024 * 1024


def test_streams_that_come_and_go_leave_nothing_behind(tmp_path: Path):
    with soaked(tmp_path, streams=150) as service:
        outcome = soak(service, streams=150, seconds=12)
    assert outcome.wrong == []
    assert outcome.whole > 150
    assert (
        outcome.growth * outcome.looks[0].memory_bytes
        < MAX_GROWTH * outcome.looks[0].memory_bytes + ARENA_BYTES
    )
    assert outcome.greenlets[1] <= outcome.greenlets[0] + 2
    assert outcome.files[1] <= outcome.files[0] + 2
    assert outcome.still_open == 0
    assert "Traceback" not in service.output()
