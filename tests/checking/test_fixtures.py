"""Every guilty configuration is found out at its marked line, every innocent one is left in peace."""

from pathlib import Path

import pytest

from flushcheck.configs.recognise import by_words
from flushcheck.culprits import CULPRITS, LINTERS
from flushcheck.files import check_text
from flushcheck.model import Source
from tests.checking.marks import CONFIGS, expected, fixtures, found, server_of

FIXTURES = fixtures()


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


def test_a_file_can_show_every_culprit_but_those_in_the_app_and_in_the_network() -> None:
    hidden = {name for name, culprit in CULPRITS.items() if culprit.shown_by & {Source.APP, Source.NETWORK}}
    # http-hop is what a diagnosis calls a program that it cannot name.
    assert CULPRITS.keys() - {linter.CULPRIT.id for linter in LINTERS} == hidden | {"http-hop"}


def test_every_culprit_that_a_file_can_show_has_a_guilty_file_and_an_innocent_twin() -> None:
    marked: set[str] = set()
    for path in FIXTURES:
        guilty, notes = expected({path.name: path.read_text()})
        marked |= {one for _, _, one in guilty | notes}
    assert {linter.CULPRIT.id for linter in LINTERS} <= marked
    twins = {path.name.partition(".innocent")[0] for path in FIXTURES if ".innocent" in path.name}
    # A twin stands beside each guilty file, under its name; four formats share the twin of their first.
    for path in FIXTURES:
        if ".innocent" not in path.name and path.stem in {linter.CULPRIT.id for linter in LINTERS}:
            assert path.stem in twins, path


@pytest.mark.parametrize("path", FIXTURES, ids=name)
def test_the_words_alone_tell_whose_file_it_is(path: Path) -> None:
    told = by_words(path.read_text())
    # A file of three lines may be anybody's; a wrong guess is worse than none.
    assert told in (server_of(path), None)
