"""What a report says of an origin, and of what was left out because of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.diagnosis.origin_notes import no_run, origin_notes
from flushcheck.model import (
    Capabilities,
    Flow,
    Observation,
    Omission,
    OmissionReason,
    Outcome,
    Probe,
    Run,
    Scenario,
    Transport,
    TransportReport,
    Variant,
    Verdict,
)

CHUNKED, WEBSOCKET = Transport.CHUNKED, Transport.WEBSOCKET
CAPABILITIES = Capabilities((CHUNKED, Transport.EVENTS), 5, 60.0, 1_000_000)
RUN = Run("http://x/f.php", (), capabilities=CAPABILITIES)
HELD = TransportReport(CHUNKED, Flow.HELD, "")
FLOWING = TransportReport(CHUNKED, Flow.FLOWING, "")
PLAIN = "an origin responded; it serves 5 requests at the same time"
NO_CONTROL = "no control run: an origin cannot probe itself; --direct compares with the app's own port, and --outer with a second mount outside of the app's layers"


def omitted(*rows: tuple[Probe, OmissionReason]) -> Run:
    return replace(RUN, omissions=tuple(Omission(probe, reason) for probe, reason in rows))


NOT_OFFERED, TOO_LONG, TOO_LARGE, AT_ONCE, NO_TIME = OmissionReason
NOTES = [
    # name                 run                                                        report   notes
    ("a service",          Run("http://x", ()),                                       HELD,    ()),
    ("its own paths",      replace(RUN, capabilities=replace(CAPABILITIES, paths=True)), HELD, ()),
    ("an origin",          RUN,                                                       FLOWING, (PLAIN,)),
    ("one at a time",      replace(RUN, capabilities=replace(CAPABILITIES, max_streams=1)), FLOWING,
                           ("an origin responded; it serves 1 request at the same time",)),
    ("with name and date", replace(RUN, capabilities=replace(CAPABILITIES, origin="php/8.2", until="2026-12-05")), FLOWING,
                           ("an origin (php/8.2) responded; it serves 5 requests at the same time, until 2026-12-05",)),
    ("held",               RUN,                                                       HELD,    (PLAIN, NO_CONTROL)),
    ("held, compared",     replace(RUN, direct="http://y"),                           HELD,    (PLAIN,)),
    ("held, two mounts",   replace(RUN, outer="http://x/outer"),                      HELD,    (PLAIN,)),
    ("no websocket",       omitted((Probe(WEBSOCKET), NOT_OFFERED)),                  FLOWING, (PLAIN, "not offered by the origin: websocket")),
    ("no header",          omitted((Probe(WEBSOCKET), NOT_OFFERED), (Probe(CHUNKED, variant=Variant.XAB), NOT_OFFERED),
                                   (Probe(Transport.EVENTS, variant=Variant.XAB), NOT_OFFERED)), FLOWING,
                           (PLAIN, "not offered by the origin: websocket, the response header X-Accel-Buffering: no")),
    ("too large",          omitted((Probe(CHUNKED, Scenario.BIG), TOO_LARGE)),        FLOWING,
                           (PLAIN, "left out, because the origin allows no stream of that size: chunked with pieces of 16000 bytes")),
    ("too long",           omitted((Probe(CHUNKED, Scenario.IDLE, lasts_s=65), TOO_LONG)), FLOWING,
                           (PLAIN, "left out, because the origin allows no stream of that length: chunked for 65 s")),
    ("at once",            omitted(*((Probe(CHUNKED, variant=Variant.TOGETHER, run=run), AT_ONCE) for run in range(3))), FLOWING,
                           (PLAIN, "left out, because the origin serves fewer requests at the same time: several streams at once")),
    ("no time",            omitted((Probe(CHUNKED), NO_TIME)),                        FLOWING,
                           (PLAIN, "left out, because no time was left; a longer --timeout makes room: chunked")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "run", "report", "notes"), NOTES, ids=[row[0] for row in NOTES])
def test_what_is_said_of_an_origin(name, run, report, notes):
    assert origin_notes(run, (FLOWING, report)) == notes


SEEN = (Observation(Probe(CHUNKED), Outcome.REFUSED, "status 404", 404),)
HEADLINES = [
    ("a fault",         replace(RUN, origin_fault="no origin"),                   "could not tell: no origin"),
    ("nothing offered", omitted((Probe(WEBSOCKET), NOT_OFFERED)),
                        "could not tell: the origin offers chunked, events, and none of that was asked for"),
    ("nothing at all",  RUN,                                                      ""),
    ("a service",       replace(omitted((Probe(WEBSOCKET), NOT_OFFERED)), capabilities=None), ""),
    ("a run",           replace(RUN, observations=SEEN, origin_fault="?"),        ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "run", "headline"), HEADLINES, ids=[row[0] for row in HEADLINES])
def test_a_run_without_a_probe_says_why(name, run, headline):
    assert no_run(run) == headline
    if headline:
        report = judge(run)
        assert (report.verdict, report.headline, report.transports) == (Verdict.UNKNOWN, headline, ())


def test_an_origin_that_refuses_everything_is_there_and_nothing_is_known_of_the_path():
    report = judge(replace(RUN, observations=SEEN))
    assert report.verdict is Verdict.UNKNOWN
    assert "no flushcheck service" not in report.headline
    assert PLAIN in report.notes


def test_where_no_origin_is_the_service_is_missed():
    report = judge(replace(RUN, capabilities=None, observations=SEEN))
    assert report.headline.startswith("no flushcheck service at")
    paths = replace(CAPABILITIES, paths=True)
    assert judge(replace(RUN, capabilities=paths, observations=SEEN)).headline == report.headline
