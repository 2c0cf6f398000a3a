"""The search for idle timeouts, made against a peer that cuts by a rule of its own."""

from __future__ import annotations

import time

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import CutCause, Scenario, Transport, UsageError
from flushcheck.prober import RunProgress, gather, parse_silences, search_s
from tests.prober.peers import TO_CLOSE, Client, Script, end, piece, scripted_server
from tests.prober.test_gather import no_control


def service(*, deadline_s: float = 99.0, idle_s: float = 99.0) -> Script:
    """A service behind something that ends streams by their age, or by their silence."""

    def stream(client: Client) -> None:
        count, interval_s = int(client.query["count"]), float(client.query.get("interval", "0.1"))
        if interval_s < 0.11 and count == 20:
            interval_s = 0.0  # the baseline: not what is measured here
        client.send(TO_CLOSE)
        began = time.monotonic()
        for seq in range(count):
            wait_s = min(interval_s, idle_s, began + deadline_s - time.monotonic()) if seq else 0.0
            time.sleep(max(0.0, wait_s))
            if seq and wait_s < interval_s:
                return
            client.send(piece(seq, time.monotonic() - began))
        client.send(end(count))

    return lambda client: no_control(client) if client.path.endswith("/control") else stream(client)


RULES = [
    # rule,                   cause,           the second
    ({"idle_s": 1.0},         CutCause.IDLE,      1.0),
    ({"deadline_s": 1.0},     CutCause.DEADLINE,  1.0),
    ({},                      CutCause.NONE,      0.0),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "cause", "second"), RULES, ids=["idle", "deadline", "none"])
def test_an_idle_timeout_is_not_a_deadline(rule, cause, second):
    progress: list[RunProgress] = []
    with scripted_server(service(**rule)) as url:
        run = gather(url, only="chunked", quick=True, idle_s=2, on_progress=progress.append)
    idle = judge(run).transports[0].idle
    assert idle is not None
    assert idle.cause is cause
    assert max(idle.cut_after_s, idle.deadline_s) == pytest.approx(
        second, abs=0.9
    )  # neither none nor the 2 s asked for
    assert [observation.probe.scenario for observation in run.observations][-2:] == [
        Scenario.IDLE,
        Scenario.STEADY,
    ]
    assert [(step.done, step.total) for step in progress if step.stage == 3] == [(0, 2), (1, 2), (2, 2)]


def test_nothing_is_searched_where_nothing_opens():
    with scripted_server(lambda client: client.respond(404, b"")) as url:
        run = gather(url, only=[Transport.CHUNKED], quick=True, idle_s=2)
    assert not [observation for observation in run.observations if observation.probe.lasts_s]


SILENCES = [
    (65, (65.0,)),
    ((30, 5, 30.0), (5.0, 30.0)),
    ((), ()),
    ((1, 300), (1.0, 300.0)),
    (range(1, 9), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)),
]


@pytest.mark.parametrize(("given", "silences_s"), SILENCES)
def test_silences_are_sorted_and_each_is_tried_once(given, silences_s):
    assert parse_silences(given) == silences_s
    assert search_s(silences_s) == max(silences_s, default=0)


@pytest.mark.parametrize("given", [0, 0.99, 300.1, float("nan"), float("inf"), -1, [5, 0], range(1, 10)])
def test_a_wrong_silence_gets_an_example(given):
    with pytest.raises(UsageError, match=r"silences?( of .*)?: expected .*, for example"):
        parse_silences(given)
