"""Paths in, culprits out: only the guilty one is named, and two that look alike stay two."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from flushcheck.diagnosis.bundles import bundles, site_of
from flushcheck.diagnosis.clients import ClientVerdict, culprit_reports
from flushcheck.diagnosis.fixes import with_fixes
from flushcheck.diagnosis.inference import judge
from flushcheck.diagnosis.origin_notes import origin_notes
from flushcheck.measurement import plan
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Capabilities,
    Client,
    Confidence,
    FaultPlace,
    Flow,
    Observation,
    Omission,
    OmissionReason,
    Outcome,
    Probe,
    Report,
    RequestAtApp,
    Run,
    Transport,
    Vantage,
    Variant,
    Verdict,
)
from flushcheck.model.codec import from_json, to_json
from flushcheck.reports.json_report import document
from tests.diagnosis.paths import Path

OLD_HTTP = RequestAtApp(protocol="HTTP/1.0", connection="close")
GATEWAY = RequestAtApp(protocol="HTTP/1.1", gateway="CGI/1.1")
XAB = frozenset({Variant.XAB})
WHOLE = 10_000_000  # larger than any stream of the plan

PATHS = [
    # name, path, verdict, culprits in order
    ("nothing in between", Path(), Verdict.FLOWING, []),
    (
        "nginx with its defaults",
        Path(4096, XAB, removes_header=True, origin=OLD_HTTP),
        Verdict.HELD,
        ["nginx-proxy-buffering"],
    ),
    (
        "nginx with its defaults, no WebSocket either",
        Path(4096, XAB, removes_header=True, origin=OLD_HTTP, upgrades=False),
        Verdict.HELD,
        ["nginx-proxy-buffering", "websocket-upgrade"],
    ),
    (
        "nginx with buffers of 64 KiB",
        Path(65_536, XAB, removes_header=True, origin=OLD_HTTP),
        Verdict.HELD,
        ["nginx-proxy-buffering"],
    ),
    (
        "nginx in front of FastCGI",
        Path(4064, XAB, removes_header=True, origin=GATEWAY, upgrades=False, websocket_status=501),
        Verdict.HELD,
        ["nginx-fastcgi-buffering", "gateway-websocket"],
    ),
    ("nginx gzip", Path(WHOLE, XAB, removes_header=True, encoding="gzip"), Verdict.HELD, ["nginx-gzip"]),
    (
        "the header is removed and has no effect",
        Path(4096, removes_header=True, origin=OLD_HTTP),
        Verdict.HELD,
        ["nginx-hint-taken", "nginx-ignore-headers"],
    ),
    ("held, and no nginx", Path(8192), Verdict.HELD, ["http-hop"]),
    ("held, no nginx, no control", Path(8192, control=False), Verdict.HELD, ["http-hop"]),
    (
        "the app itself",
        Path(WHOLE, control_hold_bytes=WHOLE),
        Verdict.HELD,
        ["app-response"],
    ),
    ("only WebSocket is missing", Path(upgrades=False), Verdict.BROKEN, ["websocket-upgrade"]),
]


@pytest.mark.parametrize(("name", "path", "verdict", "culprits"), PATHS, ids=[row[0] for row in PATHS])
def test_which_culprits_are_named(name, path, verdict, culprits):
    report = judge(path.run())
    assert report.verdict is verdict
    assert [culprit_report.culprit.id for culprit_report in report.culprits] == culprits


def test_the_flow_is_what_a_reader_of_tokens_sees_and_the_size_comes_from_larger_pieces():
    verdicts = {v.transport: v for v in judge(Path(4096, XAB, removes_header=True).run()).transports}
    assert verdicts[Transport.CHUNKED].flow is Flow.HELD
    assert verdicts[Transport.CHUNKED].hold_bytes == 4096
    assert verdicts[Transport.CHUNKED].hold_s == pytest.approx(1.9, abs=0.1)
    assert verdicts[Transport.CHUNKED].freed_by == (Variant.XAB,)
    assert verdicts[Transport.POLLING].flow is Flow.FLOWING
    assert verdicts[Transport.WEBSOCKET].culprits == ()


def test_a_hold_without_a_control_run_is_claimed_with_less_confidence():
    with_control = judge(Path(8192).run()).culprits[0]
    without = judge(Path(8192, control=False).run()).culprits[0]
    assert (with_control.confidence, without.confidence) == (Confidence.LIKELY, Confidence.POSSIBLE)


def test_an_experiment_that_failed_is_not_taken_for_a_no():
    run = Path(4096, XAB, removes_header=True).run()
    broken = tuple(
        Observation(seen.probe, Outcome.TIMEOUT) if seen.probe.variant is Variant.XAB else seen
        for seen in run.observations
    )
    assert judge(Run(run.target, broken)).culprits == ()
    assert judge(Run(run.target, broken)).verdict is Verdict.HELD


def test_a_compressed_hold_without_its_experiment_has_two_suspects():
    run = Path(WHOLE, XAB, removes_header=True, encoding="gzip").run()
    without = tuple(seen for seen in run.observations if seen.probe.variant is not Variant.IDENTITY)
    suspects = judge(Run(run.target, without)).culprits
    assert {(suspect.culprit.id, suspect.confidence) for suspect in suspects} == {
        ("nginx-proxy-buffering", Confidence.POSSIBLE),
        ("nginx-gzip", Confidence.POSSIBLE),
    }


NO_SERVICE = [
    ("nothing observed", ()),
    (
        "nothing reachable",
        (Observation(Probe(Transport.CHUNKED), Outcome.UNREACHABLE, detail="connection refused"),),
    ),
    (
        "a login page",
        (Observation(Probe(Transport.CHUNKED), Outcome.REFUSED, detail="text/html", status=200),),
    ),
]


@pytest.mark.parametrize(("name", "observations"), NO_SERVICE)
def test_without_a_service_nothing_is_concluded(name, observations):
    report = judge(Run("http://test", observations))
    assert (report.verdict, report.culprits) == (Verdict.UNKNOWN, ())


@pytest.mark.parametrize("path", [row[1] for row in PATHS], ids=[row[0] for row in PATHS])
def test_a_saved_run_gives_the_same_report(path):
    run = path.run()
    loaded = from_json(Run, json.loads(json.dumps(to_json(run))))
    before, after = document(judge(run)), document(judge(loaded))
    for report in (before, after):
        for verdict in report["transports"].values():
            verdict.pop("sent_s"), verdict.pop("received_s")
    assert before == after


def test_the_document_has_the_fields_that_were_promised():
    report = document(judge(Path(4096, XAB, removes_header=True, origin=OLD_HTTP, upgrades=False).run()))
    assert (report["schema"], report["verdict"]) == (2, "held")
    assert set(report["transports"]) == {"polling", "chunked", "events", "websocket"}
    assert set(report["transports"]["chunked"]) >= {
        "flow",
        "hold_bytes",
        "hold_s",
        "headers_s",
        "first_piece_s",
        "lag_s",
        "pieces_sent",
        "pieces_received",
        "complete",
        "culprits",
    }
    assert set(report["transports"]["chunked"]["lag_s"]) == {"p50", "max"}
    culprit = report["culprits"][0]
    assert culprit["id"] == "nginx-proxy-buffering"
    assert culprit["confidence"] == "certain"
    assert any("1.9" in sentence for sentence in culprit["evidence"])
    assert set(culprit["fixes"][0]) == {
        "where",
        "change",
        "by",
        "versions",
        "cost",
        "note",
        "response_header",
        "tested",
    }
    json.dumps(report)


NO_ORIGIN = Run("http://x", (), origin_fault="its capabilities are wrong")


@pytest.mark.parametrize(
    "run", [Path(4096).run(), NO_ORIGIN, Run("http://x", ())], ids=["held", "fault", "nothing"]
)
def test_each_report_has_the_time_the_observer_and_the_marker_of_its_run(run):
    marked = replace(run, began_at="2026-11-28T06:53:00Z", took_s=4.5, observer="ci", marker="ab12cd34")
    report = judge(marked)
    assert (report.began_at, report.took_s, report.observer, report.marker) == (
        "2026-11-28T06:53:00Z", 4.5, "ci", "ab12cd34",
    )  # fmt: skip
    assert replace(report, began_at="", took_s=0.0, observer="", marker="") == judge(run)


TLS = [
    # the versions of TLS of the observations, with their vantages                             of the report
    ([],                                                                                          ""),
    ([("", Vantage.PATH)],                                                                        ""),
    ([("", Vantage.PATH), ("TLSv1.2", Vantage.PATH), ("TLSv1.3", Vantage.PATH)],                  "TLSv1.2"),
    ([("TLSv1.2", Vantage.DIRECT), ("TLSv1.2", Vantage.UNPROXIED), ("TLSv1.3", Vantage.PATH)],    "TLSv1.3"),
    ([("TLSv1.3", Vantage.LOOPBACK), ("", Vantage.PATH)],                                         ""),
]  # fmt: skip


@pytest.mark.parametrize(("versions", "expected"), TLS)
def test_a_report_has_the_version_of_tls_on_the_path(versions, expected):
    seen = tuple(
        Observation(Probe(Transport.CHUNKED, vantage=vantage), Outcome.UNREACHABLE, tls_version=version)
        for version, vantage in versions
    )
    assert judge(Run("http://x", seen)).tls_version == expected


def test_a_run_without_a_probe_has_its_circumstances():
    origin = Capabilities((Transport.EVENTS,), 100, 60.0, 1_000_000)
    omitted = (Omission(Probe(Transport.CHUNKED), OmissionReason.NOT_OFFERED),)
    run = Run("http://h/o", (), tool="flushcheck 1", capabilities=origin, omissions=omitted)
    assert judge(run) == Report(
        "http://h/o",
        Verdict.UNKNOWN,
        "could not tell: the origin offers events, and none of that was asked for",
        (),
        (),
        origin_notes(run, ()),
        "flushcheck 1",
    )
    assert origin_notes(run, ())


def test_the_lines_to_paste_have_the_addresses_of_the_run():
    nginx = Path(4096, XAB, removes_header=True, origin=OLD_HTTP).run()
    report = judge(replace(nginx, target="https://example.org/chat", direct="http://app:8000"))
    assert report.bundles == bundles(report.culprits, site_of("https://example.org/chat", "http://app:8000"))
    assert "location /chat" in report.bundles[0].change
    refused = Path(4096, XAB, removes_header=True, origin=OLD_HTTP, upgrades=False).run()
    passes = judge(replace(refused, target="https://example.org/chat", direct="http://app:8000"))
    without = judge(replace(refused, target="https://example.org/chat"))
    assert passes.bundles == bundles(passes.culprits, site_of("https://example.org/chat", "http://app:8000"))
    assert without.bundles == bundles(without.culprits, site_of("https://example.org/chat", ""))


def test_where_the_fault_lies_rules_fixes_out():
    nginx = Path(4096, XAB, removes_header=True, origin=OLD_HTTP).run()
    probes = plan.direct_counterparts(plan.baselines(Transport, quick=False))
    clean = tuple(Path().observe(probe) for probe in probes)
    run = replace(nginx, observations=(*nginx.observations, *clean), direct="http://app:8000")
    report = judge(run)
    view = Observations(run.observations).of_client(Client.BROWSER)
    located = report.fault_location
    assert located
    assert located.place is FaultPlace.PATH
    results = [ClientVerdict(Client.BROWSER, view, report.transports, Verdict.HELD)]
    assert report.culprits == with_fixes(culprit_reports(results), results, located)


def test_a_report_lists_what_was_tried_and_found_clean():
    assert judge(Path().run()).clean[0].startswith("polling: small pieces")
    assert not any(sentence.startswith("chunked:") for sentence in judge(Path(4096).run()).clean)
