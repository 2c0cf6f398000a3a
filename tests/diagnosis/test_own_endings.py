"""A stream that breaks the rules of its own format: the verdict, the headline and where it begins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Client, FaultPlace, Flow, NamedAddress, Observation, Outcome, Variant, Verdict
from tests.measurement.own import DIRECT, HTTP1, IDENTITY, ONCE, OWN, SINGLY, observed, own_run


def chat(groups=SINGLY, probe=OWN, **changes) -> Observation:
    """A stream of a known format that ends as it should."""
    return observed(groups, probe, **{"format": "F", "format_end": "END", "done": True, **changes})


ERROR = {"error": "overloaded"}
MISSING = {"done": False}
SAID_ERROR = "the stream reports an error: overloaded"
SAID_MISSING = "the end of its format did not come: END"

ENDINGS = [
    # name,                           the first look,                                            verdict,          headline
    ("whole",                         chat(),                                                    Verdict.FLOWING, "flowing: the events arrive one by one"),
    ("an error",                      chat(**ERROR),                                             Verdict.BROKEN,  f"broken: {SAID_ERROR}"),
    ("an error of no known format",   chat(**ERROR, format_end=""),                              Verdict.FLOWING, "flowing: the events arrive one by one"),
    ("an error, all at once",         chat(ONCE, **ERROR),                                       Verdict.BROKEN,  f"broken: {SAID_ERROR}"),
    ("no end",                        chat(**MISSING),                                           Verdict.BROKEN,  f"broken: {SAID_MISSING}"),
    ("no end, and the model stopped", chat(**MISSING, finished=True),                            Verdict.FLOWING, "flowing: the events arrive one by one"),
    ("no end that is known",          chat(**MISSING, format_end=""),                            Verdict.FLOWING, "flowing: the events arrive one by one"),
    ("not followed to its end",       chat(**MISSING, outcome=Outcome.STOPPED),                  Verdict.FLOWING, "flowing: the events arrive one by one"),
    ("an error, then left",           chat(**MISSING, **ERROR, outcome=Outcome.STOPPED),         Verdict.BROKEN,  f"broken: {SAID_ERROR}"),
    ("cut",                           chat(**MISSING, outcome=Outcome.CUT, detail="reset"),      Verdict.BROKEN,  "broken on events: the cause could not be named"),
    ("cut behind an error",           chat(**MISSING, **ERROR, outcome=Outcome.CUT),             Verdict.BROKEN,  f"broken on events: the cause could not be named; {SAID_ERROR}"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "first", "verdict", "headline"), ENDINGS, ids=[row[0] for row in ENDINGS])
def test_what_breaks_the_rules_of_its_format_is_broken(name, first, verdict, headline):
    report = judge(own_run(first))
    assert (report.verdict, report.headline) == (verdict, headline)
    assert report.culprits == ()


def test_a_stream_that_is_held_stays_so_and_its_error_is_told():
    report = judge(own_run(chat(ONCE, **ERROR), chat(SINGLY, IDENTITY)))
    assert report.verdict is Verdict.HELD
    assert report.headline.startswith("held on events: ")
    assert report.headline.endswith(f"; {SAID_ERROR}")


@pytest.mark.parametrize("probe", [IDENTITY, HTTP1, replace(OWN, variant=Variant.TOGETHER)])
def test_an_error_of_a_repeat_may_be_a_limit_of_the_app(probe):
    assert judge(own_run(chat(), chat(SINGLY, probe, **ERROR))).verdict is Verdict.FLOWING


def test_who_asked_is_told_where_several_clients_did():
    report = judge(own_run(chat(**ERROR, http_version="2"), chat(SINGLY, HTTP1)))
    assert report.headline.startswith(f"broken in browsers over HTTP/2: {SAID_ERROR}; flowing for HTTP/1.1")
    assert dict(report.clients) == {Client.BROWSER: Verdict.BROKEN, Client.HTTP1: Verdict.FLOWING}


PLACES = [
    # name,                  public,                    at the app's own port,                 place,               words
    ("no end behind a hop",  chat(**MISSING),           chat(SINGLY, DIRECT),                  FaultPlace.PATH,    "flowing, and ends without the end of its format on the path, flowing at"),
    ("no end at all",        chat(**MISSING),           chat(SINGLY, DIRECT, **MISSING),       FaultPlace.APP,     "ends without the end of its format on the path, flowing, and ends without"),
    ("an error of the app",  chat(**ERROR),             chat(SINGLY, DIRECT, **ERROR),         FaultPlace.APP,     "flowing, and reports an error on the path"),
    ("an error there only",  chat(),                    chat(SINGLY, DIRECT, **ERROR),         FaultPlace.UNKNOWN, "is that this app's own port?"),
    ("all at once, no end",  chat(ONCE, **MISSING),     chat(ONCE, DIRECT),                    FaultPlace.PATH,    "unknown, and ends without the end of its format on the path"),
    ("all at once at both",  chat(ONCE),                chat(ONCE, DIRECT),                    FaultPlace.UNKNOWN, "unknown on the path, unknown at"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "public", "near", "place", "words"), PLACES, ids=[row[0] for row in PLACES])
def test_two_addresses_show_where_the_end_is_lost(name, public, near, place, words):
    located = judge(own_run(public, near, direct="http://app/")).fault_location
    assert located
    assert located.place is place
    assert any(words in fact.sentence for fact in located.evidence)


VERBS = [
    # what the sidecar and the public address show    among the summary
    (MISSING,                                         "the stream flows at app and ends too early at sidecar"),
    (ERROR,                                           "the stream flows at app and reports an error at sidecar"),
    ({"outcome": Outcome.CUT, "done": False},         "the stream flows at app and is cut at sidecar"),
]  # fmt: skip


@pytest.mark.parametrize(("shown", "words"), VERBS)
def test_a_ladder_shows_where_the_end_is_lost(shown, words):
    sidecar = replace(DIRECT, run=1)
    run = own_run(
        chat(**shown),
        chat(SINGLY, DIRECT),
        chat(SINGLY, sidecar, **shown),
        addresses=(NamedAddress("app", "http://app/"), NamedAddress("sidecar", "http://sidecar/")),
    )
    report = judge(run)
    assert report.fault_location
    assert words in report.fault_location.summary
    assert [rung.streams[0].first for rung in report.rungs] == [False, True, False]


def test_the_summary_of_a_rung_tells_its_error():
    run = own_run(chat(), chat(SINGLY, DIRECT, **ERROR), addresses=(NamedAddress("app", "http://app/"),))
    rung = judge(run).rungs[0]
    assert (rung.flow, rung.summary.endswith(f"; {SAID_ERROR}")) == (Flow.FLOWING, True)
