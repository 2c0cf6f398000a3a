"""What a report says about an offer of HTTP/3 that came to nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.diagnosis.http3_notes import http3_notes
from flushcheck.diagnosis.inference import judge
from flushcheck.measurement.observations import Observations
from flushcheck.model import Client, Observation, Outcome, Probe, Run, Transport, Vantage, Verdict
from tests.measurement.streams import saw

CHUNKED, POLLING = Probe(Transport.CHUNKED), Probe(Transport.POLLING)
OFFER = (("alt-svc", 'h3=":443"'),)
OFFERED = replace(saw(CHUNKED), headers=OFFER, http_version="2")
SILENT = "no response over UDP port 443 within 2.0 s"


def over_http3(probe: Probe, outcome: Outcome, detail: str = "") -> Observation:
    return Observation(replace(probe, client=Client.HTTP3), outcome, detail)


UDP_BLOCKED = (
    over_http3(CHUNKED, Outcome.UNREACHABLE, SILENT),
    over_http3(POLLING, Outcome.UNREACHABLE, SILENT),
)
REFUSED = over_http3(POLLING, Outcome.REFUSED, "status 502")
NOT_TESTED = "offers HTTP/3 by alt-svc, which was not tested: "

NOTES = [
    # name                             observations                                                    the run                      notes
    ("no offer",                       (saw(CHUNKED),),                                                {"http3_missing": True},      ()),
    ("an offer, tested",               (OFFERED, replace(saw(CHUNKED), probe=replace(CHUNKED, client=Client.HTTP3))), {},            ()),
    ("an offer, not wanted",           (OFFERED,),                                                     {},                           ()),
    ("an offer, no library",           (OFFERED,),                                                     {"http3_missing": True},
     (NOT_TESTED + "pip install 'flushcheck[http3]'",)),
    ("an offer of this host, no library", (replace(OFFERED, headers=(("alt-svc", 'h3="site.test:443"'),)),), {"http3_missing": True},
     (NOT_TESTED + "pip install 'flushcheck[http3]'",)),
    ("an offer, a proxy",              (OFFERED,),                                                     {"proxy": "http://p:1", "http3_missing": True},
     (NOT_TESTED + "it does not pass through a forward proxy",)),
    ("no UDP, HTTP/2",                 (OFFERED, *UDP_BLOCKED),                                        {},
     (f"offers HTTP/3 by alt-svc; {SILENT}: browsers fall back to HTTP/2",)),
    ("no UDP, HTTP/1.1",               (replace(OFFERED, http_version="1.1"), *UDP_BLOCKED),           {},
     (f"offers HTTP/3 by alt-svc; {SILENT}: browsers fall back to HTTP/1.1",)),
    ("HTTP/2 at the app's port only",  (replace(OFFERED, http_version="1.1"), replace(OFFERED, probe=replace(CHUNKED, vantage=Vantage.DIRECT)), *UDP_BLOCKED), {},
     (f"offers HTTP/3 by alt-svc; {SILENT}: browsers fall back to HTTP/1.1",)),
    ("one response over HTTP/3",       (OFFERED, *UDP_BLOCKED[:1], REFUSED),                           {},                           ()),
    ("HTTP/3 alone",                   UDP_BLOCKED,                                                    {},                           ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "observations", "facts", "notes"), NOTES, ids=[row[0] for row in NOTES])
def test_an_offer_that_came_to_nothing_is_one_sentence(name, observations, facts, notes):
    run = Run("https://site.test/path", observations, **facts)
    assert http3_notes(run, Observations(observations)) == notes
    assert [note for note in judge(run).notes if "HTTP/3" in note] == list(notes)


def test_an_offer_of_another_host_is_none():
    offer = replace(OFFERED, headers=(("alt-svc", 'h3="cdn.test:443"'),))
    assert judge(Run("https://site.test", (offer,), http3_missing=True)).notes == ()


def test_a_network_without_udp_is_no_fault_of_the_path():
    report = judge(Run("https://site.test", (OFFERED, *UDP_BLOCKED)))
    assert (report.verdict, report.clients) == (Verdict.FLOWING, ((Client.BROWSER, Verdict.FLOWING),))
    assert [client.client for client in report.transports[0].clients] == [Client.BROWSER]


def test_http_3_that_was_asked_for_alone_and_fails_is_told():
    report = judge(Run("https://site.test", UDP_BLOCKED))
    assert report.verdict is Verdict.UNKNOWN
    assert SILENT in report.headline


def test_a_response_over_http_3_that_fails_is_a_fault():
    report = judge(
        Run("https://site.test", (OFFERED, saw(POLLING), over_http3(CHUNKED, Outcome.REFUSED, "status 502")))
    )
    assert dict(report.clients)[Client.HTTP3] is not Verdict.FLOWING
