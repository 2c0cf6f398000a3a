"""What the page's JavaScript repeats from Python: the fields of the values they exchange, and a few numbers."""

from __future__ import annotations

import dataclasses
import json
import re
from enum import StrEnum
from typing import Any

import pytest

from flushcheck.diagnosis.comparison import Trend, compare_reports
from flushcheck.files import check_text
from flushcheck.measurement import plan
from flushcheck.measurement.patterns import SAME_DELIVERY_S
from flushcheck.model import (
    Arrival,
    Bundle,
    Certificate,
    CertificateMatch,
    CertificateReport,
    Confidence,
    Culprit,
    CulpritReport,
    CutCause,
    EndRecord,
    FaultLocation,
    FaultPlace,
    Fix,
    Flow,
    Hop,
    IdleResult,
    Observation,
    Outcome,
    Owner,
    Piece,
    Probe,
    ReceivedPiece,
    Report,
    RequestAtApp,
    Run,
    Server,
    StreamReport,
    Transport,
    TransportReport,
    Vantage,
    Verdict,
)
from flushcheck.model.culprit import Evidence
from flushcheck.reports.comparison import comparison_document
from flushcheck.reports.findings import findings_document
from flushcheck.reports.json_report import document
from flushcheck.service import create_app
from flushcheck.service.page_capture import PageCapture, PageEnding, PageRead
from flushcheck.service.page_files import FOLDER
from flushcheck.streaming.limits import Limits

TYPES = (FOLDER / "types.d.ts").read_text()
HOLD_DETECTOR = (FOLDER / "hold-detector.js").read_text()


def declared(interface: str) -> dict[str, str]:
    """The fields of an interface with their types, for example `{"seq": "number"}`."""
    body = re.search(rf"^export interface {interface} {{\n(.*?)^}}", TYPES, re.MULTILINE | re.DOTALL)
    assert body, f"types.d.ts has no interface {interface}"
    return dict(re.findall(r"^  (\w+)\??: (.+);$", body[1], re.MULTILINE))


DATACLASSES = (
    Piece,
    RequestAtApp,
    EndRecord,
    Probe,
    ReceivedPiece,
    Arrival,
    Observation,
    Certificate,
    Run,
    PageRead,
    PageCapture,
)


@pytest.mark.parametrize("kind", DATACLASSES, ids=lambda kind: kind.__name__)
def test_an_interface_has_the_fields_of_the_dataclass(kind: type[Any]) -> None:
    names = [field.name for field in dataclasses.fields(kind)]
    assert list(declared(kind.__name__)) == names


ENUMS = [
    ("Transport", Transport),
    ("Outcome", Outcome),
    ("Verdict", Verdict),
    ("Trend", Trend),
    ("PageEnding", PageEnding),
]


@pytest.mark.parametrize(("name", "enum"), ENUMS, ids=[name for name, _ in ENUMS])
def test_a_union_has_the_values_of_the_enum(name: str, enum: type[StrEnum]) -> None:
    union = re.search(rf"^export type {name} = (.+);$", TYPES, re.MULTILINE)
    assert union
    assert [value.strip('"') for value in union[1].split(" | ")] == list(enum)


def test_a_vantage_is_one_of_the_enums() -> None:
    assert [value.strip('"') for value in declared("Probe")["vantage"].split(" | ")] == list(Vantage)


def test_a_match_is_one_of_the_enums() -> None:
    match = declared("CertificateReport")["match"]
    assert [value.strip('"') for value in match.split(" | ")] == list(CertificateMatch)


def a_report() -> dict[str, Any]:
    """A report with everything in it."""
    fact = Evidence("a sentence")
    culprit = Culprit("an-id", "a title", "why", "symptoms", "detection", fixes=(Fix("w", "c", Owner.APP),))
    idle = IdleResult(CutCause.NONE, "a summary")
    return document(
        Report(
            target="http://example.org",
            verdict=Verdict.HELD,
            headline="a headline",
            transports=(TransportReport(Transport.CHUNKED, Flow.HELD, "a summary", idle=idle),),
            culprits=(CulpritReport(culprit, Confidence.CERTAIN, (Transport.CHUNKED,), (fact,)),),
            hops=(Hop("a hop", fact),),
            fault_location=FaultLocation(FaultPlace.APP, "a summary", (fact,)),
            stream=StreamReport("GET", 200, "a format", 1, 1, 0.0, True, 1.0, "a summary"),
            certificate=CertificateReport(Certificate(), Certificate(), CertificateMatch.SAME),
            bundles=(Bundle(Server.NGINX, "w", "c", ("an-id",)),),
        )
    )


REPORT = a_report()
HELD, FLOWING = (
    Report("http://x", Verdict.UNKNOWN, "", (TransportReport(Transport.CHUNKED, flow, ""),), ())
    for flow in (Flow.HELD, Flow.FLOWING)
)
COMPARISON = comparison_document(compare_reports(HELD, FLOWING), HELD, FLOWING)
DOCUMENTS = [
    # interface            its JSON
    ("Report",             REPORT),
    ("TransportReport",    REPORT["transports"]["chunked"]),
    ("IdleResult",         REPORT["transports"]["chunked"]["idle"]),
    ("CulpritReport",      REPORT["culprits"][0]),
    ("Fix",                REPORT["culprits"][0]["fixes"][0]),
    ("Bundle",             REPORT["bundles"][0]),
    ("FaultLocation",      REPORT["fault_location"]),
    ("CertificateReport",  REPORT["certificate"]),
    ("Certificate",        REPORT["certificate"]["site"]),
    ("Hop",                REPORT["hops"][0]),
    ("StreamReport",       REPORT["stream"]),
    ("Comparison",         COMPARISON),
    ("ComparedReport",     COMPARISON["before"]),
    ("Change",             COMPARISON["changes"][0]),
]  # fmt: skip


@pytest.mark.parametrize(("interface", "written"), DOCUMENTS, ids=[name for name, _ in DOCUMENTS])
def test_an_interface_has_the_keys_of_the_report(interface: str, written: dict[str, Any]) -> None:
    assert list(declared(interface)) == list(written)


CONFIGURATION = """server {
    include elsewhere.conf;
    location / { proxy_pass http://127.0.0.1:8000; }
    location /free { proxy_pass http://127.0.0.1:8000; proxy_buffering off; }
    location /known {
        # flushcheck: allow nginx-proxy-buffering short responses only
        proxy_pass http://127.0.0.1:8000;
    }
}
"""
CHECKED = findings_document(check_text(CONFIGURATION))
FINDINGS = [
    # interface          its JSON; the page uses a part of it
    ("Findings",         CHECKED),
    ("Finding",          CHECKED["findings"][0]),
    ("CheckedBlock",      CHECKED["passed"][0]),
    ("ReadProblem",      CHECKED["problems"][0]),
]  # fmt: skip


@pytest.mark.parametrize(("interface", "written"), FINDINGS, ids=[name for name, _ in FINDINGS])
def test_an_interface_has_only_keys_of_the_findings(interface: str, written: dict[str, Any]) -> None:
    assert set(declared(interface)) <= set(written)


def test_an_allowed_finding_says_where_and_why_it_is_allowed() -> None:
    extra = re.search(
        r"^export interface AllowedFinding extends Finding {\n(.*?)^}", TYPES, re.MULTILINE | re.DOTALL
    )
    assert extra
    assert set(re.findall(r"^  (\w+)", extra[1], re.MULTILINE)) <= set(CHECKED["allowed"][0])


def test_a_failure_of_the_check_has_the_keys_that_the_page_declares() -> None:
    response = (
        create_app(Limits()).test_client().post("/check", data=b"hello world\n", content_type="text/plain")
    )
    assert list(declared("CheckFailure")) == list(response.json)  # type: ignore[arg-type]  # JSON


def test_the_page_gets_the_settings_that_it_declares() -> None:
    client = create_app(Limits()).test_client()
    page = client.get("/", headers={"Accept": "text/html"}).text
    written = re.search(r'<script type="application/json" id="settings">(.*?)</script>', page)
    assert written
    settings = json.loads(written[1])
    assert set(declared("Settings")) == set(settings)
    assert set(declared("Thresholds")) == set(settings["thresholds"])
    assert set(declared("Bounds")) == set(settings["bounds"])


def test_a_planned_probe_has_the_fields_that_the_page_declares() -> None:
    client = create_app(Limits()).test_client()
    probes = client.post("/diagnostics/plan", json={"target": "", "observations": []}).json["probes"]  # type: ignore[index]  # JSON
    assert list(declared("PlannedProbe")) == list(probes[0])
    assert probes[0]["id"] == next(iter(plan.baselines(tuple(Transport), quick=False))).id


def constant(name: str) -> float:
    """A number in a part of client.js, which other pages import and which therefore gets no settings."""
    value = re.search(rf"^const {name} = ([\d.]+);", HOLD_DETECTOR, re.MULTILINE)
    assert value, f"hold-detector.js has no {name}"
    return float(value[1])


def test_the_client_takes_the_same_reads_for_one_delivery() -> None:
    assert constant("SAME_DELIVERY_MS") == SAME_DELIVERY_S * 1000
