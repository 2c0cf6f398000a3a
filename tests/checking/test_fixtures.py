"""Fixtures with a culprit have Findings at their marked lines, their innocent twins have none."""

from pathlib import Path

import pytest

from flushcheck.configs.findings import Server
from flushcheck.culprits import CULPRITS, LINTERS
from flushcheck.files import check_text
from flushcheck.model import Source
from tests.checking.marks import CONFIGS, expected, fixtures, found, server_of

FIXTURES = fixtures()
MARKED = {
    culprit
    for path in FIXTURES
    for found_here in expected({path.name: path.read_text()})
    for _, _, culprit in found_here
}


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


LINTED = {linter.CULPRIT.id for linter in LINTERS}


@pytest.mark.parametrize("culprit", CULPRITS)
def test_a_culprit_says_whether_a_file_can_show_it(culprit: str) -> None:
    module = f"flushcheck/culprits/{culprit.replace('-', '_')}.py"
    if Source.FILE in CULPRITS[culprit].shown_by:
        assert culprit in LINTED, (
            f"write lint() and SERVERS in {module}, or take Source.FILE out of shown_by there"
        )
    else:
        assert culprit not in LINTED, f"{module} has a lint(): add Source.FILE to shown_by there"


@pytest.mark.parametrize("culprit", sorted(LINTED))
def test_every_culprit_that_a_file_can_show_has_a_guilty_file_and_an_innocent_twin(culprit: str) -> None:
    # The folder is that of the server; four formats share the twin of their first.
    named = [path for path in FIXTURES if path.name.partition(".")[0] == culprit]
    program = culprit.partition("-")[0]
    server = named[0].parent.name if named else program if program in list(Server) else "<server>"
    guilty = f"tests/config_files/{server}/{culprit}.conf"
    marked = culprit in MARKED
    assert marked, (
        f"write {guilty} with the comment `# expect-next: {culprit}` above the guilty line "
        "(`(note)` behind it, if the finding is a note)"
    )
    twins = [path for path in named if ".innocent" in path.name]
    assert twins or not named, (
        f"write {guilty.replace('.conf', '.innocent.conf')}: the same configuration without the fault"
    )


def test_a_linter_finds_its_culprit_in_the_files_of_each_of_its_servers() -> None:
    seen: set[tuple[str, Server]] = set()
    for path in [*FIXTURES, *(CONFIGS / "docs").glob("*/*")]:
        server = Server(path.parent.name)
        checked = check_text(path.read_text(), server=server, name=path.name)
        # An Ingress is judged by the linters of the nginx behind it.
        seen |= {(finding.culprit.id, finding.server) for finding in checked.findings}
    declared = {(linter.CULPRIT.id, server) for linter in LINTERS for server in linter.SERVERS}
    assert declared == seen
