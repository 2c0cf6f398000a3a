"""The table of measured servers says what the heads of the cases say, and nothing else."""

import json

import pytest

from flushcheck.culprits import CULPRITS
from flushcheck.model.codec import to_json
from flushcheck.reports.measured import markdown
from flushcheck.reports.measured_cases import (
    MeasuredCase,
    MeasuredFix,
    MeasuredStreams,
    MeasuredTable,
    Protocol,
)
from flushcheck.service.measured_table import table as shipped
from tests.lab import measured
from tests.lab.case import find

AGAIN = "write it anew: python -m tests.lab.measured"


@pytest.fixture(scope="module")
def now() -> MeasuredTable:
    """The table of the cases as they are, with the versions that were measured."""
    versions = {case.name: case.version for case in shipped().cases}
    return measured.table(lambda case: versions.get(case.name, "new"))


def test_the_table_of_the_service_is_that_of_the_cases(now):
    assert json.loads(measured.DATA.read_text()) == to_json(now), AGAIN


def test_the_page_of_the_docs_is_the_same_table(now):
    assert measured.PAGE.read_text() == markdown(now), AGAIN


def test_each_case_has_the_version_that_was_measured():
    assert [case.name for case in shipped().cases if not case.version] == []


@pytest.mark.parametrize(
    ("seen", "route", "words"),
    [
        ({}, "chunked-token", ""),
        ({"events-token": "held"}, "chunked-token", ""),
        ({"chunked-token": "flowing"}, "chunked-token", "flows"),
        ({"chunked-token": "flowing", "chunked-kilo": "flowing", "chunked-big": "blocks 68236"}, "chunked-token", "flows"),
        ({"chunked-token": "held"}, "chunked-token", "held"),
        ({"chunked-token": "held", "chunked-kilo": "blocks 4123"}, "chunked-token", "blocks of 4123 bytes"),
        ({"chunked-token": "held", "chunked-kilo": "held", "chunked-big": "blocks 68236"}, "chunked-token", "blocks of 68236 bytes"),
        ({"chunked-token": "flowing", "chunked-kilo": "blocks 16401"}, "chunked-token", "blocks of 16401 bytes"),
        ({"chunked-token": "ticks 0.20", "chunked-big": "blocks 68236"}, "chunked-token", "ticks of 0.20 s"),
        ({"chunked-token": "irregular"}, "chunked-token", "irregular"),
        ({"chunked-token": "irregular", "chunked-kilo": "held"}, "chunked-token", "held"),
        ({"chunked-token": "one-late"}, "chunked-token", "one piece late"),
        ({"ws-token": "failed 501"}, "ws-token", "fails: 501"),
        ({"ws-token": "failed"}, "ws-token", "fails"),
        ({"polling-token": "replayed"}, "polling-token", "replayed"),
    ],
)  # fmt: skip
def test_a_cell_is_the_worst_of_what_the_lines_show(seen, route, words):
    assert measured.behaviour(seen, route) == words


def test_a_row_has_a_line_for_each_protocol_of_its_case():
    case = measured.measured(find("nginx/tls-h2-buffering"), "1.22.1")
    assert [row.protocol for row in case.streams] == [Protocol.TLS, Protocol.HTTP2]
    assert "proxy_buffering off;" in [fix.change for fix in case.fixes]
    assert case.configuration.startswith("map $http_upgrade")
    assert "# guilty" not in case.configuration


def test_a_program_gets_no_line_of_another_program():
    fixes = [fix for case in shipped().cases if case.program == "Apache" for fix in case.fixes]
    assert fixes
    assert not any("proxy_set_header" in fix.change for fix in fixes)


@pytest.mark.parametrize(
    ("name", "culprit", "read", "change"),
    [
        ("traefik/tls-buffering", "traefik-buffering", True, "middlewares: []"),
        ("envoy/tls-zstd", "envoy-compressor", True, "name: gzip"),
        ("squid/reverse", "websocket-upgrade", False, "http_upgrade_request_protocols"),
        ("squid/reverse", "websocket-upgrade", True, ""),
    ],
)
def test_the_line_of_the_catalogue_is_one_for_the_program(name, culprit, read, change):
    fixes = list(measured._from_catalogue(find(name), CULPRITS[culprit], "", read=read))
    assert [change in fix.change for fix in fixes] == [True] * bool(change)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("apache/http10", "# remove SetEnv force-proxy-request-1.0 1"),
        ("apache/websocket", "upgrade=websocket"),
        ("nginx/read-timeout", "proxy_read_timeout 1h;"),
    ],
)
def test_the_line_for_what_refuses_or_ends_a_stream_is_that_of_its_file(name, change):
    (fix,) = measured.measured(find(name), "").fixes
    assert change in fix.change


def test_links_and_hops_of_the_laboratory_are_not_in_it():
    assert {case.name.partition("/")[0] for case in shipped().cases}.isdisjoint(measured.OF_THE_LAB)


def test_a_table_without_measurements_is_a_page_without_rows():
    page = markdown(MeasuredTable(()))
    assert page.startswith("# What servers do to a stream")
    assert "| --- |" not in page


def test_a_bar_in_a_line_does_not_end_its_cell():
    case = MeasuredCase("p", "1", "p/c", "a | b", "", "app", (MeasuredStreams(Protocol.PLAIN, "held"),), ("x",), (MeasuredFix("x", "w", "y | z"),))  # fmt: skip
    assert r"a \| b" in markdown(MeasuredTable((case,)))
