"""What a culprit says of itself in data is what the laboratory has measured: programs, versions, and symptoms."""

from __future__ import annotations

import re

import pytest

from flushcheck.culprits import CULPRITS
from flushcheck.model import Culprit, Flow
from flushcheck.service.measured_table import table
from tests.lab.case import Case, Kind, every
from tests.live.servers import ROOT

OF_THE_LAB = "a TCP relay of the laboratory"
PROGRAMS = {"Node.js": "node", "Passenger": "passenger"}
# Packages of an app and PHP are no servers of the table: their versions stand in these sentences or recordings.
ELSEWHERE = {
    "Django": "flushcheck/configs/versions.py",
    "Starlette": "flushcheck/configs/versions.py",
    "PHP": "tests/recordings/nginx-php-zlib.json",
}

# A run cannot tell it from another hop, so its case names that; the configuration of the case shows it.
FROM_A_FILE = {"apache-ratelimit": "apache/ratelimit"}

GUILTY = [case for case in every() if case.kind is Kind.GUILTY]
MEASURED = [pytest.param(culprit, id=culprit.id) for culprit in CULPRITS.values() if culprit.measured_on]
SHOWING = [
    pytest.param(culprit, id=culprit.id)
    for culprit in CULPRITS.values()
    if culprit.measured_on and culprit.shows
]

# A shape of a `seen` line -> the flow of a report.
FLOWS = {"one-late": Flow.LATE, "blocks": Flow.BLOCKS, "ticks": Flow.TICKS}
BYTES_OFF, SECONDS_OFF = 0.1, 0.35  # a header in the same buffer; a piece that waits for the next one


def cases_of(culprit: Culprit) -> list[Case]:
    return [
        case for case in GUILTY if culprit.id in case.culprits or case.name == FROM_A_FILE.get(culprit.id)
    ]


@pytest.mark.parametrize("culprit", MEASURED)
def test_what_it_was_measured_on_is_backed_by_a_measurement(culprit: Culprit) -> None:
    found_in = FROM_A_FILE.get(culprit.id, "")
    rows = {
        (case.program, case.version)
        for case in table().cases
        if culprit.id in case.culprits or case.name == found_in
    }
    for entry in culprit.measured_on:
        if entry == OF_THE_LAB:
            assert any(case.program == "relay" for case in cases_of(culprit))
            continue
        program, _, version = entry.rpartition(" ")
        assert re.fullmatch(r"\d+(\.\d+)+", version), entry
        if program in ELSEWHERE:
            assert version in (ROOT / ELSEWHERE[program]).read_text(), entry
        else:
            assert (PROGRAMS.get(program, program), version) in rows, f"{entry}: not among {sorted(rows)}"


def test_each_culprit_that_is_measured_says_so() -> None:
    named = {name for case in table().cases for name in case.culprits[:1]}
    generic = {culprit.id for culprit in CULPRITS.values() if culprit.generic}
    missing = {name for name in named if not CULPRITS[name].measured_on} - generic
    assert not missing, f"add measured_on to the CULPRIT of {sorted(missing)}"


@pytest.mark.parametrize("culprit", SHOWING)
def test_what_it_shows_is_what_was_seen(culprit: Culprit) -> None:
    seen = {
        shape for case in cases_of(culprit) for names in case.sights.values() for shape in names.values()
    } - {"flowing", "irregular"}
    if not seen:  # streams that only wait for each other: each by itself flows
        assert all("flows" in case.options for case in cases_of(culprit))
        return
    # A TLS record is a size without a word.
    words = [
        (word, number)
        for word, _, number in (shape.partition(" ") for shape in seen)
        if word.isalpha() or "-" in word
    ]
    flows = {FLOWS.get(word) or Flow(word) for word, _ in words}
    for symptom in culprit.shows:
        assert symptom.flow in flows, f"{symptom} is not among {sorted(seen)}"
        if symptom.block_bytes:
            sizes = [int(number) for word, number in words if word == "blocks"]
            assert any(abs(size / symptom.block_bytes - 1) <= BYTES_OFF for size in sizes), sizes
        if symptom.tick_s:
            periods = [float(number) for word, number in words if word == "ticks"]
            assert any(abs(period / symptom.tick_s - 1) <= SECONDS_OFF for period in periods), periods
