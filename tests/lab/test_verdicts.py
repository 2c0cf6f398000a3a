"""One case, two answers: a report is right for the client that gets what it says, and wrong for the other."""

import dataclasses
import json

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Flow, Report, Run, Transport
from flushcheck.model.codec import from_json
from tests.lab.case import Client, Protocol, find
from tests.lab.verdicts import Mark, assess, assess_run, differences, expected_flows, held
from tests.live.servers import ROOT

CASE = find("nginx/tls-h2-buffering")
BARE = find("nginx/tls-h2-default-130")


def report(name: str) -> Report:
    return judge(from_json(Run, json.loads((ROOT / "tests" / "recordings" / f"{name}.json").read_text())))


ANSWERS = [
    # case                      recorded path             client           mark
    ("nginx/tls-h2-default",    "nginx-bare",             Client.BROWSER,  Mark.RIGHT),  # blocks of 4096
    ("nginx/tls-h2-default",    "nginx-bare",             Client.HTTP1,    Mark.WRONG),  # blocks of 16 kB
    ("nginx/tls-h2-buffering",  "nginx-buffering",        Client.BROWSER,  Mark.WRONG),  # flows
    ("nginx/tls-h2-buffering",  "nginx-http11-buffering", Client.HTTP1,    Mark.WRONG),  # held
    ("nginx/tls-h2-buffering",  "nginx-http11-buffering", Client.BROWSER,  Mark.RIGHT),
    ("nginx/tls-h2-gzip",       "nginx-gzip",             Client.BROWSER,  Mark.RIGHT),  # gzip alone holds it
]  # fmt: skip


@pytest.mark.parametrize(("name", "recording", "client", "mark"), ANSWERS)
def test_a_report_is_compared_with_what_its_client_gets(name, recording, client, mark):
    result = assess(find(name), {}, report(recording), 1.0, client=client)
    assert result.mark is mark, result.why


def test_each_client_has_its_flow():
    assert Flow.HELD in expected_flows(CASE, Client.HTTP1, Transport.CHUNKED)
    assert expected_flows(CASE, Client.BROWSER, Transport.CHUNKED) == {Flow.FLOWING}


def test_a_second_fault_is_looked_for_by_every_client():
    assert held(BARE, Client.BROWSER) == {Transport.WEBSOCKET}
    assert held(BARE, Client.HTTP1) == {Transport.CHUNKED, Transport.EVENTS, Transport.WEBSOCKET}


def test_who_is_not_judged_is_named():
    over_http3 = dataclasses.replace(CASE, sights={**CASE.sights, Protocol.H3: {"chunked-token": "held"}})
    told = report("nginx-http11-buffering")
    assert assess_run(CASE, CASE.sights, told, 1.0).unjudged == ()
    assert assess_run(over_http3, over_http3.sights, told, 1.0).unjudged == (Client.HTTP3,)


CHANGES = [
    # name                      seen now                                              said
    ("the same",                {Protocol.HTTP1: {"chunked-token": "held"}, Protocol.H2: {"chunked-token": "flowing"}}, []),
    ("another size",            {Protocol.HTTP1: {"chunked-kilo": "blocks 4090"}, Protocol.H2: {}},                     []),
    ("a tick by chance",        {Protocol.HTTP1: {"chunked-kilo": "irregular"}, Protocol.H2: {}},                       []),
    ("another shape",           {Protocol.HTTP1: {"chunked-token": "flowing"}, Protocol.H2: {}}, ["http1 chunked-token was held, is flowing"]),
    ("h2 has gone",             {Protocol.HTTP1: {"chunked-token": "held"}},                     ["h2 is no longer offered"]),
    ("h3 has come",             {Protocol.HTTP1: {}, Protocol.H2: {}, Protocol.H3: {"chunked-token": "held"}}, ["h3 is offered now"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "now", "said"), CHANGES)
def test_differences(name, now, said):
    written = {
        Protocol.HTTP1: {"chunked-token": "held", "chunked-kilo": "blocks 4096"},
        Protocol.H2: {"chunked-token": "flowing"},
    }
    assert differences(written, now) == said
