"""Two reports, before and after: both sides of each threshold, and each pair of ranks."""

from __future__ import annotations

import pytest

from flushcheck.diagnosis.comparison import Change, Trend, compare_reports
from flushcheck.model import (
    Client,
    ClientReport,
    Confidence,
    Culprit,
    CulpritReport,
    Flow,
    Report,
    Transport,
    TransportReport,
    Verdict,
)


def culprit(name):
    return CulpritReport(Culprit(name, "", "", "", "", ()), Confidence.CERTAIN, (Transport.CHUNKED,), ())


def report(flow=Flow.FLOWING, hold_s=0.0, *, transport=Transport.CHUNKED, clients=(), culprits=()):
    one = TransportReport(transport, flow, "", hold_s=hold_s, clients=clients)
    return Report("http://x", Verdict.UNKNOWN, "", (one,), tuple(map(culprit, culprits)))


HELD = [Flow.BLOCKS, Flow.TICKS, Flow.LATE, Flow.THROTTLED, Flow.HELD, Flow.REPLAYED]
TRENDS = [
    # before                    after                      trend
    ((Flow.FLOWING,),           (Flow.FLOWING,),           Trend.SAME),
    ((Flow.FLOWING, 0.0),       (Flow.FLOWING, 9.0),       Trend.SAME),
    *(((Flow.FLOWING,), (flow, 1.0), Trend.WORSE) for flow in HELD),
    *(((flow, 1.0), (Flow.FLOWING,), Trend.BETTER) for flow in HELD),
    *(((flow, 1.0), (Flow.CUT,), Trend.WORSE) for flow in HELD),
    ((Flow.CUT, 0.0),           (Flow.HELD, 9.0),          Trend.BETTER),
    ((Flow.CUT,),               (Flow.FAILED,),            Trend.WORSE),
    ((Flow.FAILED,),            (Flow.CUT,),               Trend.BETTER),
    ((Flow.CUT, 0.0),           (Flow.CUT, 9.0),           Trend.SAME),
    ((Flow.FAILED, 0.0),        (Flow.FAILED, 9.0),        Trend.SAME),
    ((Flow.UNKNOWN,),           (Flow.FLOWING,),           Trend.UNCLEAR),
    ((Flow.FLOWING,),           (Flow.UNKNOWN,),           Trend.UNCLEAR),
    # Two delays: 0.2 s and a quarter at least.
    ((Flow.HELD, 0.5),          (Flow.BLOCKS, 0.75),       Trend.WORSE),
    ((Flow.LATE, 0.5),          (Flow.LATE, 0.69),         Trend.SAME),
    ((Flow.LATE, 0.5),          (Flow.LATE, 0.25),         Trend.BETTER),
    ((Flow.LATE, 0.5),          (Flow.LATE, 0.31),         Trend.SAME),
    ((Flow.LATE, 2.0),          (Flow.LATE, 2.5),          Trend.WORSE),
    ((Flow.LATE, 2.0),          (Flow.LATE, 2.49),         Trend.SAME),
    ((Flow.LATE, 2.0),          (Flow.LATE, 1.5),          Trend.BETTER),
    ((Flow.LATE, 2.0),          (Flow.LATE, 1.51),         Trend.SAME),
    ((Flow.LATE, 0.0),          (Flow.LATE, 0.2),          Trend.WORSE),
    # The whole stream, both times: how long it is does not count.
    ((Flow.HELD, 1.9),          (Flow.HELD, 0.75),         Trend.SAME),
    ((Flow.HELD, 0.75),         (Flow.HELD, 1.9),          Trend.SAME),
    ((Flow.HELD, 1.9),          (Flow.LATE, 0.75),         Trend.BETTER),
    ((Flow.LATE, 0.75),         (Flow.HELD, 1.9),          Trend.WORSE),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "trend"), TRENDS)
def test_the_trend_of_one_transport(before, after, trend):
    found = compare_reports(report(*before), report(*after))
    (change,) = found.changes
    assert change.trend is trend
    assert found.trend is trend
    assert (change.name, change.before, change.after) == ("chunked", before[0], after[0])


def test_a_change_has_both_holds():
    (change,) = compare_reports(report(Flow.HELD, 1.9), report(Flow.FLOWING, 0.1)).changes
    assert change == Change("chunked", Flow.HELD, Flow.FLOWING, 1.9, 0.1, Trend.BETTER)


def both(chunked, events):
    streams = [
        TransportReport(t, f, "") for t, f in ((Transport.CHUNKED, chunked), (Transport.EVENTS, events))
    ]
    return Report("http://x", Verdict.UNKNOWN, "", tuple(streams), ())


WHOLES = [
    # before                          after                               trend
    ((Flow.FLOWING, Flow.HELD),       (Flow.CUT, Flow.FLOWING),           Trend.WORSE),
    ((Flow.FLOWING, Flow.HELD),       (Flow.FLOWING, Flow.FLOWING),       Trend.BETTER),
    ((Flow.FLOWING, Flow.HELD),       (Flow.UNKNOWN, Flow.FLOWING),       Trend.BETTER),
    ((Flow.FLOWING, Flow.HELD),       (Flow.UNKNOWN, Flow.HELD),          Trend.SAME),
    ((Flow.FLOWING, Flow.HELD),       (Flow.UNKNOWN, Flow.UNKNOWN),       Trend.UNCLEAR),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "trend"), WHOLES)
def test_the_whole_is_worse_if_anything_is(before, after, trend):
    assert compare_reports(both(*before), both(*after)).trend is trend


def test_what_one_report_has_alone_is_named_and_not_compared():
    found = compare_reports(report(), report(transport=Transport.EVENTS))
    assert (found.changes, found.only_before, found.only_after) == ((), ("chunked",), ("events",))
    assert found.trend is Trend.UNCLEAR


def test_each_kind_of_client_is_compared_and_a_browser_only_once():
    def with_client(flow):
        clients = (
            ClientReport(Client.BROWSER, "2", Flow.CUT, ""),
            ClientReport(Client.HTTP1, "1.1", flow, "", hold_s=3.0),
        )
        return report(clients=clients)

    found = compare_reports(with_client(Flow.HELD), with_client(Flow.FLOWING))
    assert [(change.name, change.trend) for change in found.changes] == [
        ("chunked", Trend.SAME),
        ("chunked, http1", Trend.BETTER),
    ]
    assert found.changes[1].before_hold_s == 3.0


def test_culprits_that_went_and_came_are_named():
    found = compare_reports(report(culprits=("a", "b")), report(culprits=("b", "c")))
    assert (found.culprits_gone, found.culprits_new) == (("a",), ("c",))
