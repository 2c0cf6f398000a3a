"""Runs of unknown origin that claim to be streams of a user's own app: each gets a report, whatever it says."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from flushcheck.diagnosis.inference import judge
from flushcheck.model import (
    Arrival,
    Client,
    NamedAddress,
    Observation,
    Outcome,
    Probe,
    ReceivedPiece,
    Run,
    Scenario,
    Transport,
    Vantage,
    Variant,
)
from flushcheck.reports.html import html
from flushcheck.reports.json_report import document
from flushcheck.reports.terminal import terminal
from flushcheck.reports.ticket import ticket

SECONDS = st.floats(-10, 1e6, allow_nan=False)
SIZES = st.integers(-5, 1_000_000)
TEXT = st.sampled_from(["", "gzip", "text/event-stream", "nginx", "Caddy", "\x1b[2J", "off", "gunicorn", "2"])
NAMES = st.sampled_from(
    ["content-type", "content-encoding", "content-length", "server", "x-varnish", "x-accel-buffering"]
)

PROBES = st.builds(
    Probe,
    transport=st.sampled_from(Transport),
    scenario=st.sampled_from([Scenario.OWN, Scenario.OWN, Scenario.TOKEN]),
    variant=st.sampled_from(Variant),
    vantage=st.sampled_from(Vantage),
    run=st.integers(-1, 3),
    client=st.sampled_from(Client),
)
ARRIVALS = st.builds(
    Arrival,
    at_s=SECONDS,
    size_bytes=SIZES,
    text_bytes=SIZES,
    pieces=st.lists(st.builds(ReceivedPiece, SIZES, SECONDS), max_size=2).map(tuple),
    record_bytes=st.lists(SIZES, max_size=3).map(tuple),
    records=st.lists(SIZES, max_size=3).map(tuple),
    mid_record=st.booleans(),
)
OBSERVATIONS = st.builds(
    Observation,
    probe=PROBES,
    outcome=st.sampled_from(Outcome),
    detail=TEXT,
    status=st.integers(0, 999),
    http_version=st.sampled_from(["", "1.0", "1.1", "2", "x"]),
    headers=st.lists(st.tuples(NAMES, TEXT), max_size=4).map(tuple),
    requested_s=SECONDS,
    headers_s=SECONDS,
    ended_s=SECONDS,
    stall_s=SECONDS,
    arrivals=st.lists(ARRIVALS, max_size=8).map(tuple),
    tls_version=st.sampled_from(["", "TLSv1.3"]),
    compressed_head=st.sampled_from(["", "1f8b0808000000000000", "zz", "1f"]),
    head_bytes=SIZES,
    unread_bytes=SIZES,
    framing=st.sampled_from(["", "plain chunks", "server-sent events"]),
)
RUNS = st.builds(
    Run,
    target=TEXT,
    observations=st.lists(OBSERVATIONS, max_size=6).map(tuple),
    addresses=st.lists(st.builds(NamedAddress, TEXT, TEXT), max_size=3).map(tuple),
    method=TEXT,
)


@settings(max_examples=100, deadline=None)
@given(RUNS)
def test_every_run_gets_a_report_in_every_form(run):
    report = judge(run)
    json.dumps(document(report))
    for text in (terminal(report, width=80, color=False), ticket(report)):
        assert "\x1b" not in text
    html(report)


def test_pieces_in_an_own_stream_are_no_moments_of_its_records():
    pieces = (ReceivedPiece(0, 0.0), ReceivedPiece(1, 0.1))
    arrival = Arrival(0.5, 9, 9, pieces, records=(3, 3, 3))
    own = Observation(
        Probe(Transport.CHUNKED, Scenario.OWN), Outcome.COMPLETE, status=200, arrivals=(arrival,)
    )
    report = judge(Run("http://site.test", (own,)))
    (found,) = report.transports
    assert (found.sent_s, found.received_s) == ((), (0.5, 0.5, 0.5))
    assert "<svg" not in html(report)
