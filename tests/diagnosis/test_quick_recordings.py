"""Quick runs that were recorded on real servers: what short streams show is judged right, and stalls make none wrong.

The recordings are the laboratory's (`make lab LAB="--ci --quick --record"`), of the cases for which two rounds of short
streams were enough. Others need the full length, and its recordings hold the rules for that.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.measurement import short_look
from flushcheck.model import Run, Verdict
from flushcheck.model.codec import from_json
from tests.diagnosis.test_busy import USUAL, WHO, WORST, stalled
from tests.diagnosis.test_recordings import RECORDINGS
from tests.lab.case import Case, Kind, every
from tests.lab.verdicts import Mark, assess_run

FOLDER = RECORDINGS / "quick"


def recording_of(case: Case) -> Run:
    return from_json(Run, json.loads((FOLDER / f"{case.name.replace('/', '-')}.json").read_text()))


CASES = {case.name.replace("/", "-"): case for case in every() if case.kind is not Kind.PART}
RECORDED = [CASES[path.stem] for path in sorted(FOLDER.glob("*.json"))]
ROUNDS = 6


@pytest.mark.parametrize("case", RECORDED, ids=[case.name for case in RECORDED])
def test_a_quick_run_is_judged_right(case):
    run = recording_of(case)
    assert run.short_s
    assert short_look.unsettled(run.observations) == ()
    result = assess_run(case, {}, judge(run), 0.0)
    assert result.mark is Mark.RIGHT, result.why


def test_there_is_a_recording_of_each_kind():
    reports = [judge(recording_of(case)) for case in RECORDED]
    assert len({culprit.culprit.id for report in reports for culprit in report.culprits}) >= 15
    assert {report.verdict for report in reports} == {Verdict.FLOWING, Verdict.HELD, Verdict.BROKEN}
    assert len({case.program for case in RECORDED}) >= 8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("noises", "wrong", "again"), [(USUAL, 0.003, 0.5), (WORST, 0.003, 0.7)], ids=["usual", "worst"]
)
def test_a_busy_machine_has_a_quick_run_made_again_and_makes_none_wrong(noises, wrong, again):
    words: Counter[str] = Counter()
    faults = []
    for case in RECORDED:
        run = recording_of(case)
        for number in range(ROUNDS):
            draw = random.Random(f"{case.name} {number}")
            (often, mean_s), who = draw.choice(noises), draw.choice(WHO)
            noisy = tuple(stalled(seen, who, draw, often, mean_s) for seen in run.observations)
            if short_look.unsettled(noisy):
                words["again"] += 1
                continue
            result = assess_run(case, {}, judge(replace(run, observations=noisy)), 0.0)
            words[result.mark] += 1
            if result.mark is Mark.WRONG:
                faults.append(f"{case.name} {number}: {result.why}")
    assert len(faults) <= wrong * words.total(), faults
    assert words[Mark.UNDECIDED] <= 0.03 * words.total()
    assert words["again"] <= again * words.total()
