"""What was recorded on real servers is judged as it was found to be, without any of them.

The recordings are the laboratory's (`make lab`): one run a case, on the program itself. The case says who is to
blame, from the measurements of an observer that shares no code with flushcheck's own.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from flushcheck.culprits import CULPRITS
from flushcheck.diagnosis.inference import judge
from flushcheck.model import Confidence, Run, Source, Variant
from flushcheck.model.codec import from_json
from tests.lab.case import Case, Kind, every
from tests.lab.verdicts import Mark, assess_run
from tests.watched.test_watched import TABLE as WATCHED

RECORDINGS = Path(__file__).resolve().parents[1] / "recordings"


def path_of(case: Case) -> Path:
    return RECORDINGS / f"{case.name.replace('/', '-')}.json"


RECORDED = [case for case in every() if case.kind is not Kind.PART and path_of(case).exists()]


# What a recording leaves open, and why; every other one is judged right.
UNDECIDED: dict[str, str] = {}


@pytest.mark.parametrize("case", RECORDED, ids=[case.name for case in RECORDED])
def test_a_recording_is_judged_right(case):
    data = json.loads(path_of(case).read_text())
    result = assess_run(case, case.sights, judge(from_json(Run, data)), 0.0)
    assert result.mark is (Mark.UNDECIDED if case.name in UNDECIDED else Mark.RIGHT), result.why


@pytest.mark.parametrize("name", ["hop/ticks-200", "haproxy/default"])
def test_where_http10_was_not_tried_a_timer_has_two_suspects(name):
    # A browser cannot speak HTTP/1.0, and nothing else tells HAProxy's timer from another's.
    (case,) = (case for case in RECORDED if case.name == name)
    run = from_json(Run, json.loads(path_of(case).read_text()))
    left = tuple(one for one in run.observations if one.probe.variant is not Variant.HTTP10)
    assert len(left) < len(run.observations)
    named = {one.culprit.id: one.confidence for one in judge(replace(run, observations=left)).culprits}
    assert set(named) == {"haproxy-http-delay", "http-hop"}
    assert named["haproxy-http-delay"] is Confidence.POSSIBLE


def test_every_live_culprit_is_shown_by_a_recording():
    reports = [(case, judge(from_json(Run, json.loads(path_of(case).read_text())))) for case in RECORDED]
    shown = {culprit.id for _, report in reports for culprit in report.culprits}
    shown |= {culprit for _, _, culprits, _ in WATCHED for culprit in culprits}
    # Between two mounts a layer is known by its name: no detector shows it.
    mounts = [report for case, report in reports if "outer" in case.options]
    named = {culprit.id for report in mounts for culprit in report.culprits}
    for name, culprit in CULPRITS.items():
        if Source.PATH in culprit.shown_by:
            assert name in shown, (
                f"no recording shows {name}: write a case in tests/lab/cases/<program>/ that names it, and run "
                "`make lab CASE=<program>/<case> LAB=--record`; if only a file can show it, give its CULPRIT a "
                "`shown_by` without Source.PATH"
            )
        else:
            assert name not in shown - named, (
                f"a recording shows {name}: add Source.PATH to `shown_by` of its CULPRIT"
            )


def test_every_case_of_the_laboratory_has_its_recording():
    # Of those over TLS the ones that every test run makes, and those of a culprit whose program no test run has:
    # enough to hold the rules, and few megabytes.
    recorded = {
        path_of(case).name
        for case in every()
        if case.kind is not Kind.PART
        and (not (case.tls or case.version) or case.options.keys() & {"ci", "recorded"})
    }
    assert recorded == {path.name for path in RECORDINGS.glob("*.json")}
