"""What a real Chromium got of each case, beside what the case's file says the observer got, and beside flushcheck."""

import pytest

from flushcheck.model import Flow, Scenario, Transport
from tests.lab import chromium
from tests.lab.case import Kind, Protocol, every
from tests.lab.chromium import PROBES, Row

VERSION, ROWS = chromium.read_table(chromium.TABLE.read_text())
CASES = {case.name: case for case in every()}


def name_of(row: Row) -> str:
    return f"{row.case}-{row.protocol}"


SAME_ROWS = [row for row in ROWS if not chromium.reason(CASES[row.case], row.protocol)]


@pytest.mark.parametrize("row", SAME_ROWS, ids=name_of)
def test_chromium_gets_what_the_case_says(row: Row) -> None:
    assert chromium.unlike(CASES[row.case], row) == ()


@pytest.mark.parametrize("row", SAME_ROWS, ids=name_of)
def test_flushcheck_says_what_chromium_gets(row: Row) -> None:
    assert row.different == ()


def test_a_reason_is_about_a_protocol_of_the_table() -> None:
    protocols = {(row.case, f"chromium {row.protocol}") for row in ROWS}
    reasons = {
        (case.name, key) for case in CASES.values() for key in case.options if key.startswith("chromium ")
    }
    assert reasons <= protocols


def test_they_agree_on_every_stream_of_three_quarters_of_the_cases_and_of_sixty() -> None:
    cases = {row.case for row in ROWS}
    agreed = cases - {row.case for row in ROWS if row.told and not row.agreed}
    assert len(agreed) >= max(60, 0.75 * len(cases))


def test_every_tls_case_was_looked_at_by_each_protocol_that_it_offers() -> None:
    cases = [
        case
        for case in CASES.values()
        if case.kind is not Kind.PART and (case.tls or case.name in chromium.PLAIN)
    ]
    wanted = {
        (case.name, protocol)
        for case in cases
        for protocol in Protocol
        if protocol is Protocol.HTTP1 or case.sights.get(protocol)
    }
    assert {(row.case, row.protocol) for row in ROWS} == wanted


def test_the_table_names_the_version_and_is_written_as_it_is_read() -> None:
    assert VERSION
    assert chromium.write_table(VERSION, ROWS) == chromium.TABLE.read_text()


SAME = [
    # one           other          same
    (Flow.FLOWING,  Flow.FLOWING,  True),
    (Flow.HELD,     Flow.BLOCKS,   True),
    (Flow.HELD,     Flow.FLOWING,  False),
    (Flow.UNKNOWN,  Flow.FLOWING,  False),
    (Flow.BLOCKS,   Flow.TICKS,    False),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "same"), SAME)
def test_same(one: Flow, other: Flow, same: bool) -> None:
    assert chromium.same(one, other) is chromium.same(other, one) is same


def test_a_row_shows_where_the_two_differ() -> None:
    got = dict.fromkeys(chromium.STREAMS, Flow.FLOWING)
    row = Row("nginx/good", Protocol.H2, got, got | {"chunked": Flow.HELD})
    assert row.different == ("chunked",)
    assert "flowing/held" in str(row)
    text = chromium.write_table("1.2", [row])
    assert chromium.read_table(text) == ("1.2", [row])
    beside_observer = Row("nginx/good", Protocol.H3, got, {})
    assert beside_observer.different == ()
    assert chromium.read_table(chromium.write_table("1.2", [beside_observer])) == ("1.2", [beside_observer])
    unknown = Row("nginx/good", Protocol.H2, got | {"chunked": Flow.UNKNOWN}, got)
    assert (unknown.different, unknown.agreed) == ((), False)
    assert chromium.read_table(chromium.write_table("1.2", [unknown])) == ("1.2", [unknown])
    assert "agree on 0 of 1 cases" in chromium.account([row])


def test_every_transport_and_both_sizes_are_in_the_table() -> None:
    assert {probe.transport for probe in PROBES.values()} == set(Transport)
    assert {probe.scenario for probe in PROBES.values()} == {Scenario.TOKEN, Scenario.KILO}
