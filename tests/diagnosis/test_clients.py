"""What each Client got is decided by itself; the report says what differs, and is as bad as the worst."""

from __future__ import annotations

import dataclasses

import pytest

from flushcheck.culprits.nginx_proxy_buffering import HTTP11_FIX
from flushcheck.diagnosis.inference import judge
from flushcheck.model import (
    Client,
    Flow,
    Observation,
    Outcome,
    Probe,
    Report,
    RequestAtApp,
    Run,
    Transport,
    Variant,
    Verdict,
)
from tests.measurement.streams import HELD, NO_PATTERN, NOTHING, blocks, kilo, loopback, saw

POLLING, CHUNKED, EVENTS, WEBSOCKET = Transport
BROWSER, HTTP1, HTTP3 = Client
NGINX = "nginx proxy_buffering holds the response until a buffer is full or the app has finished"


def over(http_version: str, *observations: Observation) -> list[Observation]:
    """These, as a browser saw them over this version of HTTP."""
    return [dataclasses.replace(observation, http_version=http_version) for observation in observations]


def h2(*observations: Observation) -> list[Observation]:
    """These, as a browser saw them over HTTP/2."""
    return over("2", *observations)


def by(client: Client, *observations: Observation) -> list[Observation]:
    """These, as this Client saw them."""
    return [
        dataclasses.replace(observation, probe=dataclasses.replace(observation.probe, client=client))
        for observation in observations
    ]


def report(*observations: Observation) -> Report:
    return judge(Run("https://test", observations))


XAB = Probe(CHUNKED, variant=Variant.XAB)
CLEAN = [saw(CHUNKED), saw(EVENTS)]
HELD_BY_NGINX = [saw(CHUNKED, HELD), saw(XAB)]
FAILED = saw(WEBSOCKET, NOTHING, outcome=Outcome.REFUSED, status=400)
VAGUE = saw(CHUNKED, NO_PATTERN)

HEADLINES = [
    # name,                                       Observations,                                       verdict, headline
    ("one client over HTTP/2",                    h2(*CLEAN),                                         Verdict.FLOWING,
     "flowing in browsers over HTTP/2 on chunked, events"),
    ("one client over HTTP/1.1",                  CLEAN,                                              Verdict.FLOWING,
     "flowing on chunked, events"),
    ("a browser that is on HTTP/3",               over("3", *CLEAN),                                  Verdict.FLOWING,
     "flowing in browsers over HTTP/3 on chunked, events"),
    ("a browser that goes over to HTTP/3",        [*h2(CLEAN[0]), *over("3", CLEAN[1])],              Verdict.FLOWING,
     "flowing in browsers over HTTP/2 and HTTP/3 on chunked, events"),
    ("a control over HTTP/2",                     [*CLEAN, *h2(saw(loopback(CHUNKED)))],              Verdict.FLOWING,
     "flowing on chunked, events"),
    ("the same for both",                         [*h2(*CLEAN), *by(HTTP1, *CLEAN)],                  Verdict.FLOWING,
     "flowing on chunked, events"),
    ("held for both",                             [*h2(*HELD_BY_NGINX), *by(HTTP1, *HELD_BY_NGINX)],  Verdict.HELD,
     f"held on chunked: {NGINX}"),
    ("held for HTTP/1.1 clients",                 [*h2(*CLEAN), *by(HTTP1, *HELD_BY_NGINX)],          Verdict.HELD,
     f"flowing in browsers over HTTP/2 on chunked, events; held for HTTP/1.1 clients on chunked: {NGINX}"),
    ("held in browsers",                          [*h2(*HELD_BY_NGINX), *by(HTTP1, *CLEAN)],          Verdict.HELD,
     f"held in browsers over HTTP/2 on chunked: {NGINX}; flowing for HTTP/1.1 clients on chunked, events"),
    ("broken in browsers",                        [*h2(*CLEAN, FAILED), *by(HTTP1, *CLEAN, saw(WEBSOCKET))], Verdict.BROKEN,
     "broken in browsers over HTTP/2 on websocket: the cause could not be named; flowing for HTTP/1.1 clients on chunked, events, websocket"),
    ("unclear for HTTP/1.1 clients",              [*h2(*CLEAN), *by(HTTP1, VAGUE)],                   Verdict.UNKNOWN,
     "flowing in browsers over HTTP/2 on chunked, events; could not tell for HTTP/1.1 clients: 20 pieces {} without a pattern, up to 0.8 s late"),
    ("broken is worse than unclear",              [*h2(VAGUE), *by(HTTP1, *CLEAN, FAILED)],           Verdict.BROKEN, None),
    ("held is worse than broken",                 [*h2(*CLEAN, FAILED), *by(HTTP1, *HELD_BY_NGINX)],  Verdict.HELD, None),
    ("held over HTTP/3",                          [*h2(*CLEAN), *by(HTTP3, *HELD_BY_NGINX)],          Verdict.HELD,
     f"flowing in browsers over HTTP/2 on chunked, events; held in browsers over HTTP/3 on chunked: {NGINX}"),
    ("a browser over HTTP/1.1",                   [*CLEAN, *by(HTTP3, *HELD_BY_NGINX)],               Verdict.HELD,
     f"flowing in browsers on chunked, events; held in browsers over HTTP/3 on chunked: {NGINX}"),
    ("HTTP/1.1 clients alone",                    by(HTTP1, *CLEAN),                                  Verdict.FLOWING,
     "flowing on chunked, events"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "observations", "verdict", "headline"), HEADLINES, ids=[row[0] for row in HEADLINES]
)
def test_the_path_is_as_bad_as_for_the_client_it_treats_worst(name, observations, verdict, headline):
    told = report(*observations)
    assert told.verdict is verdict
    if headline is not None:
        assert told.headline in (headline.format("came"), headline.format("arrived"))


def test_a_transport_has_the_flow_of_the_first_client_and_what_each_one_got():
    made = report(*h2(*CLEAN), *by(HTTP1, *HELD_BY_NGINX, saw(kilo(CHUNKED), blocks(4096))))
    assert made.clients == ((BROWSER, Verdict.FLOWING), (HTTP1, Verdict.HELD))
    (chunked, events) = made.transports
    assert chunked.flow is Flow.FLOWING
    browser, http1 = chunked.clients
    assert (browser.client, browser.flow, browser.http_version) == (BROWSER, Flow.FLOWING, "2")
    assert (http1.client, http1.flow, http1.freed_by) == (HTTP1, Flow.HELD, (Variant.XAB,))
    assert (browser.summary, browser.hold_bytes) == ("20 pieces arrived one by one, at most 0 ms late", None)
    assert http1.summary == (
        "all 20 pieces arrived together at the end, the first one 1.9 s after it was sent; longer streams arrive "
        "in blocks of 4096 bytes"
    )
    assert (http1.hold_s > 1.8, http1.hold_bytes) == (True, 4096)
    assert [detection.culprit.id for detection in http1.culprits] == ["nginx-proxy-buffering"]
    assert len(http1.sent_s) == len(http1.received_s) == 20
    assert [client.client for client in events.clients] == [BROWSER]


def test_over_http_3_a_websocket_is_that_of_an_http_1_1_client_unless_it_asked_for_its_own():
    http1 = by(HTTP1, saw(CHUNKED), FAILED)
    told = report(*h2(saw(CHUNKED), saw(WEBSOCKET)), *http1, *by(HTTP3, saw(CHUNKED)))
    assert told.clients == ((BROWSER, Verdict.FLOWING), (HTTP1, Verdict.BROKEN), (HTTP3, Verdict.BROKEN))
    (_, websocket) = told.transports
    flows = [(item.client, item.flow) for item in websocket.clients]
    assert flows == [(BROWSER, Flow.FLOWING), (HTTP1, Flow.FAILED), (HTTP3, Flow.FAILED)]
    own = report(*http1, *by(HTTP3, saw(CHUNKED), saw(WEBSOCKET)))
    assert own.clients == ((HTTP1, Verdict.BROKEN), (HTTP3, Verdict.FLOWING))


def test_the_same_over_http_3_is_told_once():
    both = [*CLEAN, saw(WEBSOCKET)]
    assert report(*h2(*both), *by(HTTP1, *both), *by(HTTP3, *CLEAN)).headline == (
        "flowing on chunked, events, websocket"
    )


def test_a_culprit_says_which_clients_meet_it():
    (culprit,) = report(*h2(*CLEAN), *by(HTTP1, *HELD_BY_NGINX)).culprits
    assert culprit.clients == (HTTP1,)
    assert all(fact.sentence.startswith("HTTP/1.1 client, chunked: ") for fact in culprit.evidence)
    assert culprit.evidence[0].probes == ("chunked-token-http1",)


def test_evidence_of_a_second_client_is_added_once():
    (culprit,) = report(*h2(*HELD_BY_NGINX), *by(HTTP1, *HELD_BY_NGINX)).culprits
    assert culprit.clients == (BROWSER, HTTP1)
    assert culprit.transports == (CHUNKED,)
    added = [fact.sentence for fact in culprit.evidence if fact.sentence.startswith("HTTP/1.1 client, ")]
    assert len(added) == 1
    assert len(culprit.evidence) == 4
    assert all(fact.sentence.startswith("chunked: ") for fact in culprit.evidence[:3])


def test_a_fix_that_one_client_refutes_is_not_offered():
    held, refuted = (
        [saw(CHUNKED, HELD, request=RequestAtApp(protocol=f"HTTP/{version}")), saw(XAB)]
        for version in ("1.0", "1.1")
    )
    for browser, http1, offered in ((held, held, True), (held, refuted, False), (refuted, held, False)):
        (culprit,) = report(*h2(*browser), *by(HTTP1, *http1)).culprits
        assert (HTTP11_FIX in culprit.fixes) is offered


def test_notes_of_another_client_name_it_and_are_not_repeated():
    gzip = saw(Probe(CHUNKED, variant=Variant.IDENTITY), HELD)
    both = "chunked: held for clients that accept no compression (held, held for up to 1.90 s)"
    told = report(*h2(saw(CHUNKED)), *by(HTTP1, saw(CHUNKED), gzip), saw(loopback(CHUNKED)))
    assert told.notes == (f"HTTP/1.1 client, {both}",)
    told = report(*h2(saw(CHUNKED), gzip), *by(HTTP1, saw(CHUNKED), gzip), saw(loopback(CHUNKED)))
    assert told.notes == (both,)


def test_hops_are_known_from_every_client_once():
    via = [saw(CHUNKED, headers={"via": "1.1 varnish"})]
    told = report(*h2(saw(CHUNKED)), *by(HTTP1, *via), *by(HTTP3, *via))
    assert [hop.what for hop in told.hops if "varnish" in hop.what] == ["a hop with Via: varnish"]
