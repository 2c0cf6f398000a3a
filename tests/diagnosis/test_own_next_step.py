"""What would separate a slow app from a hold, and what to do about it next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.diagnosis.own_stream import ADD_DIRECT, ADD_REPEAT, LOOK_INSIDE, TOO_LITTLE, next_step
from flushcheck.measurement.observations import Observations
from flushcheck.model import Vantage
from tests.measurement.own import DIRECT, IDENTITY, ONCE, SINGLY, evenly, observed

UNPROXIED = replace(DIRECT, vantage=Vantage.UNPROXIED)
REPEAT = observed(ONCE, IDENTITY)
# Two in each delivery: no hold beside one that flows, and no jitter.
PAIRS = evenly(21, 0.19, records=2)

STEPS = [
    # name,                          what was seen,                                                       step
    ("asked once",                   (observed(ONCE),),                                                   ADD_REPEAT),
    ("asked once at two addresses",  (observed(ONCE), observed(ONCE, DIRECT)),                            ADD_REPEAT),
    ("repeated",                     (observed(ONCE), REPEAT),                                            ADD_DIRECT),
    ("the same at the app's port",   (observed(ONCE), REPEAT, observed(ONCE, DIRECT)),                    LOOK_INSIDE),
    ("the same past the proxy",      (observed(ONCE), REPEAT, observed(ONCE, UNPROXIED)),                 LOOK_INSIDE),
    ("nearly the same there",        (observed(PAIRS), REPEAT, observed(SINGLY, DIRECT)),                 TOO_LITTLE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "step"), STEPS, ids=[row[0] for row in STEPS])
def test_the_next_step_is_what_was_not_tried(name, seen, step):
    assert next_step(Observations(seen)) == step
