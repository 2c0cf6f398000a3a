"""A run that met a stream which the service held itself has no culprit, whatever else it shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.diagnosis.pretence import MAX_SHOWN, pretended_sentence
from flushcheck.model import EndRecord, Flow, Observation, Outcome, Probe, Run, Transport, Variant, Verdict
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
