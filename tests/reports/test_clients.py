"""What each rendering says where Clients of one run got something else."""

from __future__ import annotations

import dataclasses

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Client, Flow, Observation, Outcome, Probe, Report, Run, Transport, Variant
from flushcheck.reports import clients
from flushcheck.reports.html import html
from flushcheck.reports.json_report import document
from flushcheck.reports.terminal import terminal
from flushcheck.reports.ticket import ticket
from tests.measurement.streams import HELD, NOTHING, saw

POLLING, CHUNKED, EVENTS, WEBSOCKET = Transport
BROWSER, HTTP1, HTTP3 = Client


def seen(client: Client, http_version: str, *observations: Observation) -> list[Observation]:
    return [
        dataclasses.replace(
            observation,
            http_version=http_version,
            probe=dataclasses.replace(observation.probe, client=client),
        )
        for observation in observations
    ]


def report(*observations: Observation) -> Report:
    return judge(Run("https://test", observations))


FREED = saw(Probe(CHUNKED, variant=Variant.XAB))
SAME = report(*seen(BROWSER, "2", saw(CHUNKED)), *seen(HTTP1, "1.1", saw(CHUNKED)))
APART = report(
    *seen(BROWSER, "2", saw(CHUNKED), saw(EVENTS)),
    *seen(HTTP1, "1.1", saw(CHUNKED, HELD), FREED, saw(EVENTS)),
)

SENTENCES = [
    # name,                              report,                                                                   sentence
    ("a browser over HTTP/1.1",          report(saw(CHUNKED)),                                                     ""),
    ("a browser over HTTP/2",            report(*seen(BROWSER, "2", saw(CHUNKED))),                                "measured as a browser over HTTP/2"),
    ("a browser over HTTP/3",            report(*seen(BROWSER, "3", saw(CHUNKED))),                                "measured as a browser over HTTP/3"),
    ("a browser over both",              report(*seen(BROWSER, "2", saw(CHUNKED)), *seen(BROWSER, "3", saw(EVENTS))), "measured as a browser over HTTP/2 and HTTP/3"),
    ("HTTP/1.1 clients alone",           report(*seen(HTTP1, "1.1", saw(CHUNKED))),                                "measured as a client that speaks only HTTP/1.1"),
    ("both",                             SAME,                                                                     "measured as a browser over HTTP/2, and as a client that speaks only HTTP/1.1"),
    ("HTTP/3 beside HTTP/1.1",           report(saw(CHUNKED), *seen(HTTP3, "3", saw(CHUNKED))),                    "measured as a browser over HTTP/1.1, and as a browser over HTTP/3"),
    ("a WebSocket over HTTP/1.1",        report(*seen(BROWSER, "2", saw(CHUNKED)), saw(WEBSOCKET)),                "measured as a browser over HTTP/2"),
    ("nothing responded",                report(saw(CHUNKED, NOTHING, outcome=Outcome.UNREACHABLE, request=None)), ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "told", "sentence"), SENTENCES, ids=[row[0] for row in SENTENCES])
def test_a_report_says_as_which_clients_it_was_measured(name, told, sentence):
    assert clients.asked_as(told) == sentence
    assert sentence in terminal(told, width=200, color=False)
    assert sentence in html(told)
    assert document(told)["measured_as"] == sentence


def test_clients_that_got_the_same_are_not_told_apart():
    (chunked,) = SAME.transports
    assert clients.others(chunked) == ()
    assert "HTTP/1.1 clients" not in terminal(SAME, width=200, color=False)


def test_another_culprit_is_another_result():
    gzip = saw(Probe(CHUNKED, variant=Variant.IDENTITY))
    held = report(
        *seen(BROWSER, "2", saw(CHUNKED, HELD), FREED),
        *seen(HTTP1, "1.1", saw(CHUNKED, HELD, headers={"content-encoding": "gzip"}), FREED, gzip),
    )
    (chunked,) = held.transports
    assert [client.client for client in clients.others(chunked)] == [HTTP1]


def test_the_terminal_shows_what_another_client_got_and_whom_a_culprit_meets():
    lines = terminal(APART, width=200, color=False).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("  ok chunked"))
    assert lines[at + 1].startswith(
        "  !!            held       HTTP/1.1 clients: all 20 pieces arrived together"
    )
    assert lines[at + 3].startswith("       sent     ")
    assert lines[at + 5].startswith("  ok events")
    assert "  on chunked, for HTTP/1.1 clients" in lines
    assert "chunked, for HTTP/1.1 clients: tested here, the stream flows with" in "\n".join(lines)


def test_a_file_shows_what_another_client_got():
    page = html(APART)
    assert '<h3>HTTP/1.1 clients <span class="word bad">held</span></h3>' in page
    assert "nginx-proxy-buffering, for HTTP/1.1 clients</p>" in page
    assert page.count("<svg") == 3


def test_json_has_each_client():
    chunked = document(APART)["transports"]["chunked"]
    assert chunked["flow"] == chunked["clients"]["browser"]["flow"] == "flowing"
    http1 = chunked["clients"]["http1"]
    assert (http1["flow"], http1["http_version"], http1["culprits"]) == (
        "held",
        "1.1",
        ["nginx-proxy-buffering"],
    )
    assert (http1["freed_by"], http1["hold_bytes"], len(http1["sent_s"])) == (["x-accel-buffering"], None, 20)
    assert document(APART)["culprits"][0]["clients"] == ["http1"]


def test_a_ticket_asks_for_what_another_client_meets():
    told = ticket(APART)
    assert "- chunked, HTTP/1.1 clients: held; all 20 pieces arrived together" in told
    assert "curl -N --http1.1 --compressed 'https://test/stream/chunked?" in told
    assert "- events flows on this path, as measured" in told
    assert "chunked flows" not in told
    assert "chunked, events flow" not in told


def test_a_ticket_about_browsers_uses_what_curl_chooses():
    told = ticket(report(*seen(BROWSER, "2", saw(CHUNKED, HELD), FREED)))
    assert "curl -N --compressed 'https://test/stream/chunked?" in told


def test_the_flow_of_a_transport_is_the_browsers():
    assert [transport.flow for transport in APART.transports] == [Flow.FLOWING, Flow.FLOWING]
