"""Two mounts of one origin: what the comparison concludes, and what it must not."""

from __future__ import annotations

import dataclasses
import json

import pytest

from flushcheck.diagnosis.connection_notes import connection_notes
from flushcheck.diagnosis.inference import judge
from flushcheck.diagnosis.origin_notes import origin_notes
from flushcheck.diagnosis.two_mounts import layer_name, layers_between, layers_evidence, mounts_fault
from flushcheck.measurement import plan
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Capabilities,
    Certificate,
    CertificateMatch,
    CertificateReport,
    FaultLocation,
    FaultPlace,
    Observation,
    Omission,
    OmissionReason,
    Outcome,
    Probe,
    Report,
    Run,
    Transport,
    Vantage,
    Variant,
    Verdict,
)
from flushcheck.model.run_schema import run_from_json, run_to_json
from flushcheck.reports.html import html
from flushcheck.reports.json_report import document
from flushcheck.reports.terminal import terminal
from flushcheck.reports.ticket import ticket
from tests.diagnosis.paths import Path

WHOLE = 10_000_000
CLEAN = Path(control=False)
HOLDS = Path(WHOLE, control=False)
GZIPS = Path(WHOLE, control=False, encoding="gzip")
# nginx's default, as the stream behind it shows it.
BUFFERS = Path(4096, frozenset({Variant.XAB}), removes_header=True, control=False)
INNER, OUTER = "http://app:8000/flushcheck", "http://app:8000/outer"

COMPRESS = "flask_compress.flask_compress.Compress Flask-Compress/1.25"
GZIP_52 = "django.middleware.gzip.GZipMiddleware Django/5.2"
GZIP_61 = "django.middleware.gzip.GZipMiddleware Django/6.1"
LOGS = "app.log_bodies"
CERTIFICATE = Certificate("site.test", "Public Authority", "2027-06-01 12:00:00", "aa", "key")
PLACED = ("inner", "outer")


def origin(place: str = "", layers: tuple[str, ...] = ()) -> Capabilities:
    return Capabilities(tuple(Transport), 100, 60.0, 1_000_000, place=place, layers=layers)


def two_mounts(
    inner: Path,
    outer: Path | Outcome,
    *layers: str,
    places: tuple[str, str] = PLACED,
    outside: tuple[str, ...] = (),
) -> Run:
    """A run at the innermost mount, and its baselines at the outermost one."""
    probes = plan.direct_counterparts(plan.baselines(Transport, quick=False), Vantage.OUTER)
    if isinstance(outer, Path):
        seen = tuple(outer.observe(probe) for probe in probes)
    else:
        seen = tuple(Observation(probe, outer, detail="connection refused") for probe in probes)
    run = inner.run()
    return dataclasses.replace(
        run,
        target=INNER,
        observations=(*run.observations, *seen),
        outer=OUTER,
        capabilities=origin(places[0], layers),
        outer_capabilities=origin(places[1], outside),
    )


APP, PATH, BOTH, NOWHERE, UNKNOWN = FaultPlace
HELD, FLOWING = Verdict.HELD, Verdict.FLOWING
COULD_NOT = Verdict.UNKNOWN

PLACES = [
    # name                            run                                              verdict    culprits                    place
    ("held inside",                   two_mounts(HOLDS, CLEAN, LOGS),                  HELD,      ["app-layer"],              APP),
    ("held inside, no names",         two_mounts(HOLDS, CLEAN),                        HELD,      ["app-layer"],              APP),
    ("a compressor inside",           two_mounts(GZIPS, CLEAN, LOGS, COMPRESS),        HELD,      ["flask-compress"],         APP),
    ("Django before its change",      two_mounts(GZIPS, CLEAN, GZIP_52),               HELD,      ["django-gzip-middleware"], APP),
    ("Django since its change",       two_mounts(GZIPS, CLEAN, GZIP_61),               HELD,      ["app-layer"],              APP),
    ("two known compressors",         two_mounts(GZIPS, CLEAN, GZIP_52, COMPRESS),     HELD,      ["app-layer"],              APP),
    ("two, one of them innocent",     two_mounts(GZIPS, CLEAN, GZIP_61, COMPRESS),     HELD,      ["flask-compress"],         APP),
    ("an unknown compressor",         two_mounts(GZIPS, CLEAN, "app.Squeeze"),         HELD,      ["app-layer"],              APP),
    ("no compression",                two_mounts(HOLDS, CLEAN, COMPRESS),              HELD,      ["app-layer"],              APP),
    ("compressed outside too",        two_mounts(GZIPS, Path(encoding="gzip"), COMPRESS), HELD,   ["app-layer"],              APP),
    ("looks like nginx",              two_mounts(BUFFERS, CLEAN, LOGS),                HELD,      ["app-layer"],              APP),
    ("nginx in front of both",        two_mounts(BUFFERS, BUFFERS, COMPRESS),          HELD,      ["nginx-proxy-buffering"],  PATH),
    ("nothing wrong",                 two_mounts(CLEAN, CLEAN, COMPRESS),              FLOWING,   [],                         NOWHERE),
    ("held outside alone",            two_mounts(CLEAN, HOLDS, COMPRESS),              COULD_NOT, [],                         UNKNOWN),
    ("exchanged, as the origins say", two_mounts(HOLDS, CLEAN, places=("outer", "inner")), COULD_NOT, [],                     UNKNOWN),
    ("one origin says its place",     two_mounts(HOLDS, CLEAN, places=("", "inner")),  HELD,      ["app-layer"],              APP),
    ("both say the same place",       two_mounts(HOLDS, CLEAN, places=("outer", "outer")), HELD,  ["app-layer"],              APP),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "run", "verdict", "culprits", "place"), PLACES, ids=[row[0] for row in PLACES]
)
def test_what_two_mounts_show(name, run, verdict, culprits, place):
    report = judge(run)
    assert report.fault_location is not None
    assert (report.verdict, report.fault_location.place) == (verdict, place), report.headline
    assert [culprit.id for culprit in report.culprits] == culprits
    assert "not in the app" not in report.fault_location.summary
    if verdict is COULD_NOT:
        assert report.culprits == ()
        assert all(transport.culprits == () for transport in report.transports)


def test_a_saved_run_of_two_mounts_gives_the_same_report():
    run = two_mounts(GZIPS, CLEAN, LOGS, COMPRESS)
    saved, report = judge(run_from_json(json.loads(json.dumps(run_to_json(run))))), judge(run)
    assert saved.fault_location == report.fault_location
    assert (saved.verdict, saved.culprits) == (report.verdict, report.culprits)


def test_every_output_says_that_it_is_the_apps_own_layers():
    report = judge(two_mounts(HOLDS, CLEAN, LOGS, GZIP_61))
    between = "between the two mounts, from the outermost: log_bodies, GZipMiddleware (Django/6.1)"
    text = terminal(report, width=1000, color=False)
    for sentence in ("the fault is in the app's own layers", between, "culprit (certain): app-layer"):
        assert sentence in text
    located = document(report)["fault_location"]
    assert (located["place"], located["layers"]) == ("app", [LOGS, GZIP_61])
    assert between in html(report)
    assert ticket(report).startswith("No ticket is needed: you can fix what was found")


def test_a_fault_at_both_mounts_is_not_said_to_be_in_the_layers():
    report = judge(two_mounts(BUFFERS, BUFFERS, COMPRESS))
    assert report.fault_location is not None
    assert report.fault_location.summary == (
        "the fault is in front of the app's layers, in its server or on the path: it shows at the outermost mount "
        f"{OUTER} too"
    )


def test_an_outermost_mount_without_a_stream_is_compared_with_nothing():
    report = judge(two_mounts(HOLDS, Outcome.UNREACHABLE, COMPRESS))
    assert report.fault_location is not None
    assert report.fault_location.place is UNKNOWN
    assert report.fault_location.summary == f"{OUTER} gave no stream to compare with: connection refused"
    assert "app-layer" not in [culprit.id for culprit in report.culprits]


def test_two_faults_are_told_apart():
    refuses = dataclasses.replace(HOLDS, upgrades=False)
    report = judge(two_mounts(refuses, dataclasses.replace(CLEAN, upgrades=False), LOGS))
    assert report.fault_location is not None
    assert report.fault_location.place is BOTH
    assert report.fault_location.summary == (
        "there are two faults: in the app's own layers, and in its server or on the path"
    )


def test_a_known_layer_has_the_names_the_encoding_and_the_experiment_as_evidence():
    (detection,) = judge(two_mounts(GZIPS, CLEAN, LOGS, COMPRESS)).transports[1].culprits
    (mounts,) = judge(two_mounts(GZIPS, CLEAN)).transports[1].culprits
    sentences = [fact.sentence for fact in detection.evidence]
    assert sentences == [
        *(fact.sentence for fact in mounts.evidence),
        "between the two mounts, from the outermost: log_bodies, Compress (Flask-Compress/1.25)",
        "chunked: at the innermost mount it comes as gzip, at the outermost one plain",
        "chunked: with a client that accepts no compression the stream flows (longest wait 0.00 s instead of 1.90 s)",
    ]
    (layer,) = judge(two_mounts(HOLDS, CLEAN, LOGS)).transports[1].culprits
    (bare,) = judge(two_mounts(HOLDS, CLEAN)).transports[1].culprits
    assert layer.evidence == (*bare.evidence, *layers_evidence((LOGS,)))


def test_a_wrong_order_has_its_two_explanations():
    run = two_mounts(CLEAN, HOLDS)
    fault = mounts_fault(run, Observations(run.observations))
    assert fault.endswith(
        f"({OUTER}). All that passes the innermost mount passes the outermost one's place too, so the two addresses are "
        "in the wrong order, or they take different ways through what stands in front"
    )


def test_one_origin_alone_says_no_order():
    exchanged = two_mounts(CLEAN, CLEAN, places=("outer", "inner"))
    for run in (
        dataclasses.replace(exchanged, outer_capabilities=None),
        dataclasses.replace(exchanged, capabilities=None),
    ):
        assert mounts_fault(run, Observations(run.observations)) == ""


def test_versions_of_the_layers_choose_the_fix():
    (culprit,) = judge(two_mounts(GZIPS, CLEAN, GZIP_52)).culprits
    assert culprit.versions[0].startswith("Django 5.2 never flushes")
    (unknown,) = judge(two_mounts(GZIPS, CLEAN, "django.middleware.gzip.GZipMiddleware")).culprits
    assert unknown.versions[0].startswith("Django before 6.1 never flushes")


def test_mounts_that_contradict_each_other_get_what_arrived_and_no_cause():
    contradicting = two_mounts(CLEAN, HOLDS, LOGS)
    run = dataclasses.replace(
        contradicting,
        tool="curl 8",
        verified=False,
        certificate=CERTIFICATE,
        omissions=(Omission(Probe(Transport.CHUNKED), OmissionReason.NO_TIME),),
    )
    report = judge(run)
    sentence = mounts_fault(run, Observations(run.observations))
    arrived = judge(dataclasses.replace(run, outer="", outer_capabilities=None)).transports
    assert report == Report(
        target=INNER,
        verdict=COULD_NOT,
        headline=f"could not tell: {sentence}",
        transports=tuple(dataclasses.replace(each, culprits=(), clients=(), freed_by=()) for each in arrived),
        culprits=(),
        notes=(*connection_notes(run), *origin_notes(run, arrived)),
        tool="curl 8",
        fault_location=FaultLocation(UNKNOWN, sentence),
        certificate=CertificateReport(CERTIFICATE, None, CertificateMatch.NOT_COMPARED),
        is_origin=True,
    )
    assert len(report.notes) > len(connection_notes(run))


def test_the_layers_are_evidence_of_where_the_fault_is():
    run = two_mounts(HOLDS, CLEAN, LOGS)
    located, bare = judge(run).fault_location, judge(two_mounts(HOLDS, CLEAN)).fault_location
    assert located is not None
    assert bare is not None
    assert located == dataclasses.replace(
        bare, layers=(LOGS,), evidence=(*bare.evidence, *layers_evidence((LOGS,)))
    )
    alone = judge(
        dataclasses.replace(HOLDS.run(), target=INNER, outer=OUTER, capabilities=origin("", (LOGS,)))
    )
    assert alone.fault_location is None


WRONG = [
    # name           run                                    begins with
    ("one mount",    Run(INNER, ()),                        ""),
    ("clean",        two_mounts(CLEAN, CLEAN),              ""),
    ("held inside",  two_mounts(HOLDS, CLEAN),              ""),
    ("held at both", two_mounts(HOLDS, HOLDS),              ""),
    ("no outermost", two_mounts(CLEAN, Outcome.UNREACHABLE), ""),
    ("impossible",   two_mounts(CLEAN, HOLDS),              f"chunked: flowing at the innermost mount ({INNER}), held (held for up to"),
    ("exchanged",    two_mounts(CLEAN, CLEAN, places=("outer", "inner")), f"the origins say that {INNER} is the outermost mount and {OUTER} the innermost"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "run", "begins"), WRONG, ids=[row[0] for row in WRONG])
def test_what_cannot_be_is_said(name, run, begins):
    fault = mounts_fault(run, Observations(run.observations))
    assert bool(fault) is bool(begins)
    assert fault.startswith(begins)


LAYERS = [
    # name                          inside                outside    between
    ("none",                        (),                   (),        ()),
    ("all",                         (LOGS, GZIP_52),      (),        (LOGS, GZIP_52)),
    ("around both",                 (LOGS, GZIP_52),      (LOGS,),   (GZIP_52,)),
    ("the same",                    (LOGS,),              (LOGS,),   ()),
    ("other ones around the outer", (LOGS, GZIP_52),      ("x",),    (LOGS, GZIP_52)),
    ("more around the outer",       (LOGS,),              (LOGS, "x"), (LOGS,)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "inside", "outside", "between"), LAYERS, ids=[row[0] for row in LAYERS])
def test_which_layers_lie_between(name, inside, outside, between):
    run = Run(
        INNER, (), outer=OUTER, capabilities=origin(layers=inside), outer_capabilities=origin(layers=outside)
    )
    assert layers_between(run) == between


def test_one_mount_or_no_origin_has_no_layers_between():
    assert layers_between(Run(INNER, (), capabilities=origin(layers=(LOGS,)))) == ()
    assert layers_between(Run(INNER, (), outer=OUTER)) == ()
    assert layers_between(Run(INNER, (), outer=OUTER, capabilities=origin(layers=(LOGS,)))) == (LOGS,)


NAMES = [
    (GZIP_52, "GZipMiddleware (Django/5.2)"),
    (LOGS, "log_bodies"),
    ("compression", "compression"),
    ("compression compression/1.8.2", "compression (compression/1.8.2)"),
    ("odd. x", "odd. (x)"),
]


@pytest.mark.parametrize(("layer", "name"), NAMES)
def test_how_a_layer_is_called(layer, name):
    assert layer_name(layer) == name


def test_many_layers_are_counted():
    (twelve,) = layers_evidence([f"app.L{number}" for number in range(12)])
    (thirteen,) = layers_evidence([f"app.L{number}" for number in range(13)])
    assert twelve.sentence.endswith(", L11")
    assert thirteen.sentence.endswith(", L11 and 1 more")
    assert layers_evidence(()) == ()
