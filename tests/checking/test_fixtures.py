"""Every guilty configuration is found out at its marked line, every innocent one is left in peace."""

from pathlib import Path

import pytest

from flushcheck.checking.cross_check import NO_FILE_SHOWS
from flushcheck.configs.findings import Server
from flushcheck.configs.recognise import by_lines
from flushcheck.culprits import CULPRITS, LINTERS
from flushcheck.files import check_text
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
    checked = check_text(text, kind=server_of(path), name=path.name)
    guilty, notes = expected({path.name: text})
    seen, seen_notes = found(checked)
    assert seen == guilty
    assert notes <= seen_notes
    assert [trouble for trouble in checked.problems if trouble.incomplete] == []


@pytest.mark.parametrize("path", [path for path in FIXTURES if ".innocent" in path.name], ids=name)
def test_an_innocent_twin_has_no_mark(path: Path) -> None:
    guilty, notes = expected({path.name: path.read_text()})
    assert not guilty
    assert not notes


LINTED = {linter.CULPRIT.id for linter in LINTERS}


def test_a_file_can_show_every_culprit_but_those_in_the_app_and_on_the_way() -> None:
    # http-hop is what a diagnosis calls a program that it cannot name.
    for culprit in sorted(CULPRITS.keys() - LINTED - NO_FILE_SHOWS - {"http-hop"}):
        pytest.fail(
            f"write lint() in flushcheck/culprits/{culprit.replace('-', '_')}.py, or, if no file of a server shows "
            f"it, add {culprit!r} to NO_FILE_SHOWS in flushcheck/checking/cross_check.py"
        )
    for culprit in sorted(LINTED & NO_FILE_SHOWS):
        pytest.fail(
            f"{culprit} has a lint(): remove it from NO_FILE_SHOWS in flushcheck/checking/cross_check.py"
        )
    assert CULPRITS.keys() >= NO_FILE_SHOWS


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


@pytest.mark.parametrize("path", FIXTURES, ids=name)
def test_the_words_alone_tell_whose_file_it_is(path: Path) -> None:
    told = by_lines(path.read_text())
    # A file of three lines may be anybody's; a wrong guess is worse than none.
    assert told in (server_of(path), None)
