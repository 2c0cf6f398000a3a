"""File and measurement agree, for every case of the laboratory whose configuration flushcheck reads.

The recordings are judged as they were made, the case's files are checked, and the two are compared. Where only one of
the two names a culprit, the case itself says why: `# file <culprit>: <why>`.
"""

import json
from pathlib import Path

import pytest

from flushcheck.checking.check import merge
from flushcheck.checking.cross_check import FoundBy, compare
from flushcheck.configs.findings import Server
from flushcheck.diagnosis.inference import judge
from flushcheck.files import check_text
from flushcheck.model import Run
from flushcheck.model.codec import from_json
from tests.lab import case as lab

RECORDINGS = Path(__file__).parents[1] / "recordings"
PROGRAMS = {server.value: server for server in Server} | {"php-fpm": Server.PHP, "passenger": Server.APACHE}

IN_THE_APP = {
    "app-layer",
    "app-response",
    "django-gzip-middleware",
    "express-compression",
    "flask-compress",
}  # no server's file shows what an app does to its own responses


def files(case: lab.Case, depth: int = 0) -> list[lab.Case]:
    """The case and what stands behind it, as far as we read their programs."""
    own = [case] if case.program in PROGRAMS else []
    return own + (files(lab.find(case.behind), depth + 1) if "/" in case.behind and depth < 5 else [])


CASES = [
    (case, RECORDINGS / f"{case.name.replace('/', '-')}.json")
    for case in lab.every()
    if case.kind is not lab.Kind.PART and not case.tls and not case.version and files(case)
]
# Programs that the laboratory has in one version alone. Of their cases over TLS the recorded ones are judged.
NEWER = [
    (case, RECORDINGS / f"{case.name.replace('/', '-')}.json")
    for case in lab.every()
    if case.program in ("traefik", "envoy") and (not case.tls or case.options.get("recorded") == "yes")
]


@pytest.mark.parametrize(("case", "recording"), NEWER, ids=[case.name for case, _ in NEWER])
def test_a_newer_program_has_its_recordings(case: lab.Case, recording: Path) -> None:
    assert recording.is_file(), f"make lab CASE={case.name} LAB=--record"


@pytest.mark.parametrize(("case", "recording"), CASES + NEWER, ids=[case.name for case, _ in CASES + NEWER])
def test_static_and_live_agree_or_the_difference_is_explained(case: lab.Case, recording: Path) -> None:
    if not recording.is_file():
        pytest.skip("not recorded")
    report = judge(from_json(Run, json.loads(recording.read_text())))
    found = merge([check_text(one.text, server=PROGRAMS[one.program], name=one.name) for one in files(case)])
    alone = {one.culprit for one in compare(report, found.findings) if one.found_by is not FoundBy.BOTH}
    assert alone - IN_THE_APP == explained(case)
    assert [problem for problem in found.problems if problem.incomplete] == []


def explained(case: lab.Case) -> set[str]:
    """The culprits on which file and measurement differ, as the case says itself."""
    return {key.removeprefix("file ") for key in case.options if key.startswith("file ")}


def has_settings(case: lab.Case) -> bool:
    """Whether the file is more than comments: PHP's own server takes its settings from the command line."""
    return any(line.strip() and line.strip()[0] not in "#;" for line in case.text.splitlines())


@pytest.mark.parametrize(
    "case",
    [
        case
        for case, _ in CASES + NEWER
        if case.kind is lab.Kind.INNOCENT and has_settings(case) and not explained(case)
    ],
    ids=lambda case: case.name,
)
def test_an_innocent_case_has_no_finding(case: lab.Case) -> None:
    found = merge([check_text(one.text, server=PROGRAMS[one.program], name=one.name) for one in files(case)])
    assert found.exit_code() == (3 if "unknown to file" in case.options else 0)
