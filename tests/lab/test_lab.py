"""The part of the laboratory that every change must pass: each culprit of the catalogue, and its innocent look-alikes.

`make lab` runs all of it. The cases run side by side, once for the whole session; each test looks its result up.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from flushcheck.culprits import CULPRITS
from flushcheck.model import Source
from tests.lab.bench import JOBS, Bench, choose
from tests.lab.case import Kind, every
from tests.lab.programs import scratch
from tests.lab.setting import WHERE
from tests.lab.verdicts import Mark, Result
from tests.watched.test_watched import TABLE as WATCHED

CASES = choose([], ci=True)

pytestmark = [
    pytest.mark.live,
    # All of them stand on the first test's clock: 82 cases, four at a time, at 5 to 35 s each, and a busy machine.
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not os.environ.get("CI")
        and not all(shutil.which(name, path=WHERE) for name in ("apache2", "haproxy")),
        reason="the lab's servers are not installed (on Debian and Ubuntu `make lab` installs them)",
    ),
]


@pytest.fixture(scope="session")
def results() -> Iterator[dict[str, Result]]:
    """What became of each case."""
    # Not pytest's own folder: web servers switch to another user, which has no access there.
    with scratch(), ExitStack() as stack:
        bench = Bench(stack, JOBS, record=False, measure=False, out=None)
        yield {result.case.name: result for result in bench.run(CASES, say=lambda result: None)}


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_the_case_is_judged_rightly(results: dict[str, Result], name: str) -> None:
    result = results[name]
    if result.mark is Mark.MISSING and not os.environ.get("CI"):
        pytest.skip(result.why)
    assert result.mark in (Mark.RIGHT, Mark.UNDECIDED), result.why


def test_nine_in_ten_guilty_ones_are_named(results: dict[str, Result]) -> None:
    guilty = [r for r in results.values() if r.case.kind is Kind.GUILTY and r.mark is not Mark.MISSING]
    silent = [result.case.name for result in guilty if result.mark is not Mark.RIGHT]
    assert len(silent) <= 0.1 * len(guilty), silent


def test_every_culprit_has_a_guilty_case_here() -> None:
    # `recorded`: its program is fetched only by `make lab`, and a recording stands for it.
    cases = [*CASES, *(case for case in every() if "recorded" in case.options)]
    shown = {name for case in cases for name in (*case.culprits, *case.options.get("also", "").split())}
    # Some show only in streams of the user's own app: recorded, with the apps beside the recordings.
    shown |= {name for _, _, culprits, _ in WATCHED for name in culprits}
    assert {name for name, culprit in CULPRITS.items() if Source.PATH in culprit.shown_by} <= shown


def test_there_are_sixty_cases_over_ten_programs() -> None:
    cases = [case for case in every() if case.kind is not Kind.PART]
    assert len(cases) >= 60
    assert len({case.program for case in cases}) >= 10
