"""Cases say of themselves what they are, in words that the catalogue knows."""

import re
from dataclasses import replace

import pytest

from flushcheck.culprits import CULPRITS
from flushcheck.model import Transport
from tests.lab.case import CASES, Case, Client, Kind, Protocol, every, find, read, with_seen
from tests.lab.launchers import LAUNCHERS
from tests.lab.verdicts import held
from tests.lab.versions import INSTALLED, VERSIONS

EVERY = list(every())
JUDGED = [case for case in EVERY if case.kind is not Kind.PART]
TLS = [case for case in JUDGED if case.tls]


@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.name)
def test_a_launcher_knows_the_program(case: Case) -> None:
    assert case.program in LAUNCHERS


@pytest.mark.parametrize("case", JUDGED, ids=lambda case: case.name)
def test_the_observer_has_seen_the_case(case: Case) -> None:
    seen = {"chunked-token", "events-token", "chunked-kilo", "polling-token"}
    assert seen | (set() if "origin" in case.options else {"ws-token"}) <= set(case.seen)


@pytest.mark.parametrize("case", JUDGED, ids=lambda case: case.name)
def test_the_culprits_are_in_the_catalogue(case: Case) -> None:
    for_one = [name for client in Client for name in case.options.get(f"culprit {client}", "").split()]
    assert set(for_one) <= set(case.culprits)
    assert {*case.culprits, *case.options.get("also", "").split()} <= set(CULPRITS)
    assert set(case.transports) <= set(Transport)
    assert bool(case.transports) == (case.kind is Kind.GUILTY)


@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.name)
def test_what_stands_behind_exists(case: Case) -> None:
    if case.behind not in ("gunicorn", "fastcgi", "nothing"):
        assert find(case.behind).name == case.behind


@pytest.mark.parametrize("case", TLS, ids=lambda case: case.name)
def test_the_observer_has_seen_every_protocol_of_a_tls_case(case: Case) -> None:
    for protocol, seen in case.sights.items():
        assert {"chunked-token", "events-token", "chunked-kilo", "chunked-long", "polling-token"} <= set(
            seen
        ), protocol
    assert (Protocol.H3 in case.sights) == ("h3" in case.options)


@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.name)
def test_the_name_and_the_text_say_whether_there_is_tls(case: Case) -> None:
    assert case.tls == case.name.partition("/")[2].startswith("tls-")
    assert not case.tls or re.search(r"/run/lab/(cert|both)\.pem", case.text)


@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.name)
def test_the_name_says_which_version_runs_where_it_is_not_the_installed_one(case: Case) -> None:
    fetched = case.program in INSTALLED and (case.program, case.version) in VERSIONS
    assert case.name.endswith(f"-{case.version.replace('.', '')}") == fetched or not case.version


@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.name)
def test_a_version_can_be_had(case: Case) -> None:
    assert not case.version or case.program in INSTALLED or (case.program, case.version) in VERSIONS


@pytest.mark.parametrize("case", JUDGED, ids=lambda case: case.name)
def test_a_culprit_that_the_catalogue_lacks_is_called_new(case: Case) -> None:
    assert not set(case.options.get("new-culprit", "").split()) & set(CULPRITS), "say `culprit` now"


@pytest.mark.parametrize("case", JUDGED, ids=lambda case: case.name)
def test_an_innocent_case_arrives_as_it_was_sent(case: Case) -> None:
    """At the sizes that text has; more than jitter makes it "irregular" is a hold."""
    if case.kind is Kind.INNOCENT:
        for client in case.served:
            seen = case.seen_by(client)
            tokens = {"chunked-token", "events-token", "ws-token"} & set(seen)
            shapes = {seen[name].partition(" ")[0] for name in tokens}
            assert shapes <= {"flowing", "irregular"}, client


@pytest.mark.parametrize(
    # Of streams that only wait for each other, each by itself flows.
    "case",
    [case for case in TLS if case.kind is Kind.GUILTY and "flows" not in case.options],
    ids=lambda case: case.name,
)
def test_a_guilty_case_is_held_for_the_clients_that_it_names_and_no_others(case: Case) -> None:
    own = set(map(Transport, case.transports))
    second_fault = "also" in case.options
    assert set(case.clients) <= set(case.served) or set(case.clients) == set(Client)
    for client in case.served:
        expected = own if client in case.clients else set()
        found = held(case, client)
        assert expected <= found, client
        assert found == expected or second_fault, client


def test_there_are_eighty_tls_cases_over_seven_programs_and_a_third_is_innocent() -> None:
    assert len(TLS) >= 80
    assert len({case.program for case in TLS}) >= 7
    assert sum(case.kind is Kind.INNOCENT for case in TLS) >= len(TLS) / 3


def test_seen_lines_are_written_and_read_again() -> None:
    text = "# guilty: it holds\n# culprit: http-hop\n# seen ws-token: held\n# seen-h2 ws-token: held\n\n--listen 8080\n"
    folder = CASES / "hop"
    sights = {
        Protocol.HTTP1: {"chunked-token": "blocks 4096", "ws-token": "flowing"},
        Protocol.H2: {"chunked-token": "flowing"},
    }
    new = with_seen(text, sights)
    assert new.splitlines() == [
        "# guilty: it holds",
        "# culprit: http-hop",
        "# seen chunked-token: blocks 4096",
        "# seen ws-token: flowing",
        "# seen-h2 chunked-token: flowing",
        "",
        "--listen 8080",
    ]
    assert read(folder / "plain.conf").kind is Kind.INNOCENT


def test_a_browser_takes_http1_for_what_h2_does_not_carry() -> None:
    sights = {
        Protocol.HTTP1: {"chunked-token": "held", "ws-token": "flowing"},
        Protocol.H2: {"chunked-token": "flowing"},
    }
    case = replace(find("nginx/tls-h2-good"), seen=sights[Protocol.HTTP1], sights=sights)
    assert case.seen_by(Client.BROWSER) == {"chunked-token": "flowing", "ws-token": "flowing"}
    assert case.seen_by(Client.HTTP1) == sights[Protocol.HTTP1]
    assert case.served == (Client.HTTP1, Client.BROWSER)


def test_a_name_that_fits_nothing_says_what_is_near() -> None:
    with pytest.raises(LookupError, match=r"near: .*nginx/gzip"):
        find("nginx/gzippp")
