"""A run that met a stream which the service held itself has no culprit, whatever else it shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.diagnosis.certificates import certificate_sentence
from flushcheck.diagnosis.connection_notes import NOT_VERIFIED
from flushcheck.diagnosis.inference import judge
from flushcheck.diagnosis.pretence import MAX_SHOWN, pretended_sentence
from flushcheck.model import (
    Capabilities,
    Certificate,
    CertificateMatch,
    CertificateReport,
    Client,
    EndRecord,
    Flow,
    Observation,
    Outcome,
    Probe,
    Report,
    Run,
    Transport,
    Variant,
    Verdict,
)
from tests.diagnosis.paths import Path

HEADER = (("server", "nginx"), ("flushcheck-pretend", "blocks-4096"))
PLAIN = Observation(Probe(Transport.CHUNKED), Outcome.COMPLETE, status=200)

SENTENCES = [
    # name, observation, the value in the sentence; "": no sentence
    ("neither header nor end", PLAIN, ""),
    ("an end of an ordinary stream", replace(PLAIN, end=EndRecord(3)), ""),
    ("the header", replace(PLAIN, headers=HEADER), "(pretend=blocks-4096)"),
    ("the end record", replace(PLAIN, end=EndRecord(3, pretended="end")), "(pretend=end)"),
    (
        "the header first",
        replace(PLAIN, headers=HEADER, end=EndRecord(3, pretended="end")),
        "(pretend=blocks-4096)",
    ),
    ("an empty header", replace(PLAIN, headers=(("flushcheck-pretend", ""),)), ""),
    (
        "a long value",
        replace(PLAIN, headers=(("flushcheck-pretend", "x" * 5000),)),
        f"(pretend={'x' * MAX_SHOWN})",
    ),
]


@pytest.mark.parametrize(("name", "observation", "expected"), SENTENCES, ids=[row[0] for row in SENTENCES])
def test_a_pretended_stream_is_named(name, observation, expected):
    sentence = pretended_sentence((PLAIN, observation))
    assert (expected in sentence) if expected else sentence == ""


def test_the_sentence_says_what_to_do():
    seen = replace(PLAIN, headers=HEADER)
    assert pretended_sentence((seen,)) == (
        "the service held the stream itself, on request (pretend=blocks-4096), so this run shows nothing about the path; "
        "leave pretend out of the address and run again"
    )


HELD = Path(hold_bytes=4096, freed_by=frozenset({Variant.XAB}), removes_header=True).run()


def test_one_pretended_stream_takes_the_culprit_from_the_whole_run():
    assert judge(HELD).culprits
    last = replace(HELD.observations[-1], headers=HEADER)
    report = judge(replace(HELD, observations=(*HELD.observations[:-1], last)))
    assert (report.verdict, report.culprits) == (Verdict.UNKNOWN, ())
    assert all(not transport.culprits and not transport.freed_by for transport in report.transports)
    assert report.headline.startswith("could not tell: the service held the stream itself")
    assert Flow.HELD in {transport.flow for transport in report.transports}


def test_an_address_without_a_service_that_sends_the_header_has_no_culprit_either():
    refused = Observation(Probe(Transport.CHUNKED), Outcome.REFUSED, status=404, headers=HEADER)
    report = judge(Run("http://h", (refused,)))
    assert (report.verdict, report.culprits) == (Verdict.UNKNOWN, ())


ORIGIN = Capabilities(tuple(Transport), 100, 60.0, 1_000_000)


@pytest.mark.parametrize(
    ("name", "capabilities", "is_origin"),
    [
        ("a service", None, False),
        ("an origin", ORIGIN, True),
        ("an origin with the service's paths", replace(ORIGIN, paths=True), False),
    ],
    ids=["service", "origin", "paths"],
)
def test_the_report_has_what_arrived_and_how_the_run_got_there(name, capabilities, is_origin):
    certificate = Certificate("site.test", "Public Authority", "2027-06-01 12:00:00", "aa", "key")
    last = replace(HELD.observations[-1], headers=HEADER)
    slow = Path(hold_bytes=10_000_000).run().observations
    program = [replace(seen, probe=replace(seen.probe, client=Client.HTTP1)) for seen in slow]
    run = replace(
        HELD,
        observations=(*HELD.observations[:-1], last, *program),
        tool="curl 8",
        verified=False,
        certificate=certificate,
        capabilities=capabilities,
    )
    report = judge(run)
    shown = CertificateReport(certificate, None, CertificateMatch.NOT_COMPARED)
    assert report == Report(
        target=run.target,
        verdict=Verdict.UNKNOWN,
        headline=f"could not tell: {pretended_sentence(run.observations)}",
        transports=tuple(
            replace(each, culprits=(), clients=(), freed_by=())
            for each in judge(replace(run, observations=(*HELD.observations, *program))).transports
        ),
        culprits=(),
        notes=(NOT_VERIFIED, certificate_sentence(shown, ())),
        tool="curl 8",
        certificate=shown,
        is_origin=is_origin,
    )
