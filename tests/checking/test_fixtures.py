"""Fixtures with a culprit have Findings at their marked lines, their innocent twins have none."""

from pathlib import Path

import pytest

from flushcheck.checking.cross_check import NO_FILE_SHOWS
from flushcheck.configs.findings import Server
from flushcheck.culprits import CULPRITS, LINTERS
from flushcheck.files import check_text
from tests.checking.marks import CONFIGS, expected, fixtures, found, server_of

FIXTURES = fixtures()


def name(path: Path) -> str:
    return path.relative_to(CONFIGS).as_posix()


@pytest.mark.parametrize("path", FIXTURES, ids=name)
def test_the_marked_lines_are_found_and_no_others(path: Path) -> None:
    text = path.read_text()
    checked = check_text(text, server=server_of(path), name=path.name)
    marked, marked_notes = expected({path.name: text})
    seen, seen_notes = found(checked)
    assert seen == marked
    assert marked_notes <= seen_notes
    assert [problem for problem in checked.problems if problem.incomplete] == []


@pytest.mark.parametrize("path", [path for path in FIXTURES if ".innocent" in path.name], ids=name)
def test_an_innocent_twin_has_no_mark(path: Path) -> None:
    assert expected({path.name: path.read_text()}) == (set(), set())


def test_a_file_can_show_every_culprit_except_those_in_the_app_and_in_the_network() -> None:
    # http-hop is what a diagnosis calls a program that it cannot name.
    assert CULPRITS.keys() - {linter.CULPRIT.id for linter in LINTERS} == NO_FILE_SHOWS | {"http-hop"}


def test_every_culprit_that_a_file_can_show_has_a_guilty_file_and_an_innocent_twin() -> None:
    marked: set[str] = set()
    for path in FIXTURES:
        findings, notes = expected({path.name: path.read_text()})
        marked |= {culprit for _, _, culprit in findings | notes}
    ids = {linter.CULPRIT.id for linter in LINTERS}
    assert not ids - marked, f"add a file with `# expect-next: {(ids - marked).pop()}` to tests/config_files"
    twins = {path.name.partition(".innocent")[0] for path in FIXTURES if ".innocent" in path.name}
    # A twin stands beside each guilty file, under its name; four formats share the twin of their first.
    for path in FIXTURES:
        if ".innocent" not in path.name and path.stem in ids:
            assert path.stem in twins, f"add {path.stem}.innocent{path.suffix} to {path.parent}"


def test_a_linter_finds_its_culprit_in_the_files_of_each_of_its_servers() -> None:
    seen: set[tuple[str, Server]] = set()
    for path in [*FIXTURES, *(CONFIGS / "docs").glob("*/*")]:
        server = Server(path.parent.name)
        checked = check_text(path.read_text(), server=server, name=path.name)
        seen |= {(finding.culprit.id, server) for finding in checked.findings}
    declared = {(linter.CULPRIT.id, server) for linter in LINTERS for server in linter.SERVERS}
    assert declared == seen
