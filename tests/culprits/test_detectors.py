"""Each detector, with a row on either side of everything that it asks of a run.

The first row of a culprit is what convicts it; each further row changes one thing of that.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.culprits import (
    DETECTORS,
    FALLBACK_DETECTORS,
)
from flushcheck.model import Transport
from tests.culprits import rows, rows_nginx, rows_own
from tests.culprits.seen import (
    Stated,
)

TABLES = [*rows_nginx.TABLES, *rows.TABLES]

ROWS = [
    pytest.param(detector, on, replace(guilty, **changes), confidence, id=f"{detector.CULPRIT.id}: {name}")
    for detector, on, guilty, own_rows in TABLES
    for name, changes, confidence in own_rows
]


@pytest.mark.parametrize(("detector", "on", "seen", "confidence"), ROWS)
def test_what_a_detector_makes_of_a_run(detector, on, seen, confidence):
    detection = detector.detect(seen.observations(), on)
    assert (detection.confidence if detection else None) is confidence
    if detection is not None:
        assert detection.culprit is detector.CULPRIT
        assert detection.evidence


def test_every_detector_has_a_table():
    # Silent streams have a table of their own: tests/measurement/test_idle_timeouts.py.
    own = {detector.CULPRIT.id for detector, _ in rows_own.TABLES}
    tabled = {detector.CULPRIT.id for detector, *_ in TABLES} | {"idle-timeout"} | own
    detectors = {detector.CULPRIT.id for detector in (*DETECTORS, *FALLBACK_DETECTORS)}
    missing = sorted(detectors - tabled)
    assert not missing, (
        f"add a table for {missing} to tests/culprits/rows.py: the guilty run, and a row per condition"
    )
    assert tabled == detectors


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize(
    "detector", [*DETECTORS, *FALLBACK_DETECTORS], ids=lambda detector: detector.CULPRIT.id
)
def test_a_run_without_probes_shows_nothing(detector, transport):
    assert detector.detect(Stated({}, {}), transport) is None
