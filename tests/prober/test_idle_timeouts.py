"""The search for time-outs, made against a far side that cuts by a rule of its own."""

from __future__ import annotations

import time

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import CutCause, Scenario, Transport, UsageError
from flushcheck.prober import RunProgress, gather, ladder, search_s
from tests.prober.farside import TO_CLOSE, Peer, Script, end, far_side, piece
from tests.prober.test_gather import no_control


def service(*, deadline_s: float = 99.0, idle_s: float = 99.0) -> Script:
    """A service behind something that ends streams by their age, or by their silence."""

    def stream(peer: Peer) -> None:
        count, interval_s = int(peer.query["count"]), float(peer.query.get("interval", "0.1"))
        if interval_s < 0.11 and count == 20:
            interval_s = 0.0  # the baseline: not what is looked at here
        peer.send(TO_CLOSE)
        began = time.monotonic()
        for seq in range(count):
            wait_s = min(interval_s, idle_s, began + deadline_s - time.monotonic()) if seq else 0.0
            time.sleep(max(0.0, wait_s))
            if seq and wait_s < interval_s:
                return
            peer.send(piece(seq, time.monotonic() - began))
        peer.send(end(count))

    return lambda peer: no_control(peer) if peer.path.endswith("/control") else stream(peer)


RULES = [
    # rule,                   cause,           the second
    ({"idle_s": 1.0},         CutCause.IDLE,      1.0),
    ({"deadline_s": 1.0},     CutCause.DEADLINE,  1.0),
    ({},                      CutCause.NONE,      0.0),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "cause", "second"), RULES, ids=["idle", "deadline", "none"])
def test_a_silence_is_told_from_an_age(rule, cause, second):
    told: list[RunProgress] = []
    with far_side(service(**rule)) as url:
        run = gather(url, only="chunked", quick=True, idle_s=2, on_progress=told.append)
    found = judge(run).transports[0].idle
    assert found is not None
    assert found.cause is cause
    assert max(found.cut_after_s, found.deadline_s) == pytest.approx(second, abs=0.6)
    assert [one.probe.scenario for one in run.observations][-2:] == [Scenario.IDLE, Scenario.STEADY]
    assert [(one.done, one.total) for one in told if one.stage == 3] == [(0, 2), (1, 2), (2, 2)]


def test_nothing_is_searched_where_nothing_opens():
    with far_side(lambda peer: peer.answer(404, b"")) as url:
        run = gather(url, only=[Transport.CHUNKED], quick=True, idle_s=2)
    assert not [one for one in run.observations if one.probe.lasts_s]


LADDERS = [
    (65, (65.0,)),
    ((30, 5, 30.0), (5.0, 30.0)),
    ((), ()),
]


@pytest.mark.parametrize(("given", "rungs"), LADDERS)
def test_a_ladder_is_read(given, rungs):
    assert ladder(given) == rungs
    assert search_s(rungs) == max(rungs, default=0)


@pytest.mark.parametrize("given", [0, 0.5, 301, float("nan"), float("inf"), -1, [5, 0], range(1, 20)])
def test_what_is_no_ladder_is_told_with_an_example(given):
    with pytest.raises(UsageError, match="for example idle="):
        ladder(given)
