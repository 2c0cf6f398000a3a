"""Cases say of themselves what they are, in words that the catalogue knows."""

import pytest

from flushcheck.culprits import CULPRITS
from flushcheck.model import Transport
from tests.lab.case import CASES, Case, Kind, every, find, read, with_seen
from tests.lab.launchers import LAUNCHERS

EVERY = list(every())
JUDGED = [case for case in EVERY if case.kind is not Kind.PART]


@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.name)
def test_a_launcher_knows_the_program(case: Case) -> None:
    assert case.program == "nginx" or case.program in LAUNCHERS


@pytest.mark.parametrize("case", JUDGED, ids=lambda case: case.name)
def test_the_observer_has_seen_the_case(case: Case) -> None:
    assert {"chunked-token", "events-token", "chunked-kilo", "ws-token", "polling-token"} <= set(case.seen)


@pytest.mark.parametrize("case", JUDGED, ids=lambda case: case.name)
def test_the_culprits_are_in_the_catalogue(case: Case) -> None:
    assert {*case.culprits, *case.options.get("also", "").split()} <= set(CULPRITS)
    assert set(case.transports) <= set(Transport)
    assert bool(case.transports) == (case.kind is Kind.GUILTY)


@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.name)
def test_what_stands_behind_exists(case: Case) -> None:
    if case.behind not in ("gunicorn", "fastcgi", "nothing"):
        assert find(case.behind).name == case.behind


@pytest.mark.parametrize("case", JUDGED, ids=lambda case: case.name)
def test_an_innocent_case_arrives_as_it_was_sent(case: Case) -> None:
    """At the sizes that text has; more than jitter makes it "irregular" is a hold."""
    shapes = {case.seen[name].partition(" ")[0] for name in ("chunked-token", "events-token", "ws-token")}
    if case.kind is Kind.INNOCENT:
        assert shapes <= {"flowing", "irregular"}


def test_seen_lines_are_written_and_read_again(tmp_path) -> None:
    text = "# guilty: it holds\n# culprit: http-hop\n# seen ws-token: held\n\n--listen 8080\n"
    folder = CASES / "hop"
    new = with_seen(text, {"chunked-token": "blocks 4096", "ws-token": "flowing"})
    assert new.splitlines() == [
        "# guilty: it holds",
        "# culprit: http-hop",
        "# seen chunked-token: blocks 4096",
        "# seen ws-token: flowing",
        "",
        "--listen 8080",
    ]
    assert read(folder / "plain.conf").kind is Kind.INNOCENT


def test_a_name_that_fits_nothing_says_what_is_near() -> None:
    with pytest.raises(LookupError, match=r"near: .*nginx/gzip"):
        find("nginx/gzippp")
