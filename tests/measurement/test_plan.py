"""Which Probes are made, in which order, and what each asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.measurement import plan
from flushcheck.measurement.repeats import OWN_VARIANTS
from flushcheck.model import Client, Flow, Probe, Scenario, Transport, Vantage, Variant

POLLING, CHUNKED, EVENTS, WEBSOCKET = Transport
TOKEN, KILO, BIG, IDLE, STEADY, OWN = Scenario
PLAIN = "xab=0&cache=0&nosniff=0"
SMALL = "count=20&jitter=0.04&size=16&spread=28"
END = "end=done&format=delta&nonce=n"

ADDRESSES = [
    # Probe                                           address
    (Probe(POLLING),                                  f"/stream/polling?count=10&jitter=0.04&size=16&spread=28&{PLAIN}&{END}"),
    (Probe(CHUNKED),                                  f"/stream/chunked?{SMALL}&{PLAIN}&{END}"),
    (Probe(EVENTS),                                   f"/stream/events?{SMALL}&{PLAIN}&{END}"),
    (Probe(WEBSOCKET),                                f"/stream/ws?{SMALL}&{PLAIN}&{END}"),
    (Probe(CHUNKED, KILO),                            f"/stream/chunked?count=40&interval=0.05&jitter=0.02&size=1000&spread=1400&{PLAIN}&{END}"),
    (Probe(CHUNKED, BIG),                             f"/stream/chunked?count=24&interval=0.08&jitter=0.03&size=16000&spread=16000&{PLAIN}&{END}"),
    (Probe(CHUNKED, IDLE, lasts_s=65),                f"/stream/chunked?count=2&interval=65&jitter=0.04&size=16&spread=28&{PLAIN}&heartbeat=0&{END}"),
    (Probe(CHUNKED, STEADY, lasts_s=65),              f"/stream/chunked?count=66&interval=1&jitter=0.04&size=16&spread=28&{PLAIN}&{END}"),
    (Probe(CHUNKED, STEADY, lasts_s=8.5),             f"/stream/chunked?count=10&interval=1&jitter=0.04&size=16&spread=28&{PLAIN}&{END}"),
    (Probe(CHUNKED, STEADY, lasts_s=4),               f"/stream/chunked?count=9&interval=0.5&jitter=0.04&size=16&spread=28&{PLAIN}&{END}"),
    (Probe(CHUNKED, variant=Variant.XAB),             f"/stream/chunked?{SMALL}&cache=0&nosniff=0&{END}"),
    (Probe(CHUNKED, variant=Variant.NO_TRANSFORM),    f"/stream/chunked?{SMALL}&xab=0&nosniff=0&{END}"),
    (Probe(CHUNKED, variant=Variant.NOSNIFF),         f"/stream/chunked?{SMALL}&xab=0&cache=0&{END}"),
    (Probe(CHUNKED, variant=Variant.PADDED),          f"/stream/chunked?{SMALL}&pad=8192&{PLAIN}&{END}"),
    (Probe(CHUNKED, variant=Variant.OTHER_TYPE),      f"/stream/chunked?{SMALL}&{PLAIN}&end=done&format=delta&type=application%2Foctet-stream&nonce=n"),
    *((Probe(CHUNKED, variant=variant),               f"/stream/chunked?{SMALL}&cache=0&nosniff=0&{END}") for variant in plan.FLUSHES),
    (Probe(CHUNKED, variant=Variant.IDENTITY),        f"/stream/chunked?{SMALL}&{PLAIN}&{END}"),
    (Probe(CHUNKED, variant=Variant.HTTP10),          f"/stream/chunked?{SMALL}&{PLAIN}&{END}"),
    (Probe(CHUNKED, variant=Variant.TOGETHER, run=2), f"/stream/chunked?{SMALL}&{PLAIN}&{END}"),
]  # fmt: skip


@pytest.mark.parametrize(("probe", "address"), ADDRESSES, ids=[row[0].id for row in ADDRESSES])
def test_what_a_probe_asks_for(probe, address):
    assert plan.address(probe, "n") == address


SHORT_ADDRESSES = [
    # Probe,                             address
    (Probe(POLLING),                     f"/stream/polling?count=8&jitter=0.04&size=16&spread=28&{PLAIN}&{END}"),
    (Probe(CHUNKED),                     f"/stream/chunked?count=16&interval=0.05&jitter=0.02&size=16&spread=28&{PLAIN}&{END}"),
    (Probe(EVENTS, variant=Variant.XAB), f"/stream/events?count=16&interval=0.05&jitter=0.02&size=16&spread=28&cache=0&nosniff=0&{END}"),
    (Probe(CHUNKED, KILO),               f"/stream/chunked?count=16&interval=0.05&jitter=0.02&size=1000&spread=1400&{PLAIN}&{END}"),
    (Probe(CHUNKED, BIG),                f"/stream/chunked?count=10&interval=0.08&jitter=0.03&size=16000&spread=16000&{PLAIN}&{END}"),
    (Probe(CHUNKED, IDLE, lasts_s=65),   f"/stream/chunked?count=2&interval=65&jitter=0.04&size=16&spread=28&{PLAIN}&heartbeat=0&{END}"),
    (Probe(CHUNKED, STEADY, lasts_s=4),  f"/stream/chunked?count=9&interval=0.5&jitter=0.04&size=16&spread=28&{PLAIN}&{END}"),
]  # fmt: skip


@pytest.mark.parametrize(("probe", "address"), SHORT_ADDRESSES, ids=[row[0].id for row in SHORT_ADDRESSES])
def test_what_a_probe_of_a_first_look_asks_for(probe, address):
    assert plan.address(probe, "n", short=True) == address


def test_no_short_stream_sends_faster_than_the_full_ones():
    # Reads within 12 ms are one delivery, and a rate that is full must not look like one that is limited.
    def gap_s(shape: plan.Shape) -> float:
        return shape.interval_s - shape.jitter_s

    fastest_s = min(map(gap_s, plan.SHAPES.values()))
    assert min(map(gap_s, plan.SHORT_SHAPES.values())) >= fastest_s - 1e-9
    for scenario in (KILO, BIG):
        short, full = plan.SHORT_SHAPES[scenario], plan.SHAPES[scenario]
        assert replace(short, count=0) == replace(full, count=0)
        assert short.count < full.count


def test_every_variant_and_scenario_has_its_address_above():
    assert {probe.variant for probe, _ in ADDRESSES} == set(Variant) - OWN_VARIANTS
    assert {probe.scenario for probe, _ in ADDRESSES} == set(Scenario) - {OWN}


def test_only_one_variant_offers_no_encodings():
    offered = {variant: plan.encodings(Probe(CHUNKED, variant=variant)) for variant in Variant}
    assert offered.pop(Variant.IDENTITY) == "identity"
    assert set(offered.values()) == {"gzip, deflate, br, zstd"}


DURATIONS = [
    # Probe,                                  seconds
    (Probe(POLLING),                          1.0),
    (Probe(CHUNKED),                          2.0),
    (Probe(CHUNKED, KILO),                    2.0),
    (Probe(CHUNKED, BIG),                     1.92),
    (Probe(CHUNKED, IDLE, lasts_s=65),        65.0),
    (Probe(CHUNKED, STEADY, lasts_s=8.5),     8.5),
]  # fmt: skip


@pytest.mark.parametrize(("probe", "expected_s"), DURATIONS, ids=[row[0].id for row in DURATIONS])
def test_how_long_the_service_takes(probe, expected_s):
    assert plan.duration_s(probe) == pytest.approx(expected_s)


SHORT_DURATIONS = [
    (Probe(POLLING),                          0.8),
    (Probe(CHUNKED),                          0.8),
    (Probe(CHUNKED, KILO),                    0.8),
    (Probe(CHUNKED, BIG),                     0.8),
    (Probe(CHUNKED, IDLE, lasts_s=65),        65.0),
]  # fmt: skip


@pytest.mark.parametrize(("probe", "expected_s"), SHORT_DURATIONS, ids=[row[0].id for row in SHORT_DURATIONS])
def test_how_long_a_first_look_takes(probe, expected_s):
    assert plan.duration_s(probe, short=True) == pytest.approx(expected_s)


def ids(probes) -> list[str]:
    return [probe.id for probe in probes]


ALL = ["polling-token", "chunked-token", "events-token", "websocket-token"]
BASELINES = [
    # name,                            transports,          quick, Probes
    ("all",                            Transport,           False, [*ALL, "chunked-kilo", "events-kilo"]),
    ("all, quick",                     Transport,           True,  [*ALL, "chunked-kilo"]),
    ("in the order of every listing",  [EVENTS, POLLING],   False, ["polling-token", "events-token", "events-kilo"]),
    ("one, quick",                     [EVENTS],            True,  ["events-token", "events-kilo"]),
    ("none that streams over HTTP",    [WEBSOCKET],         False, ["websocket-token"]),
    ("none",                           [],                  False, []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "only", "quick", "expected"), BASELINES, ids=[row[0] for row in BASELINES])
def test_a_plan_begins_with_its_baselines(name, only, quick, expected):
    assert ids(plan.baselines(only, quick=quick)) == expected


def test_every_client_makes_the_same_baselines():
    probes = plan.baselines([CHUNKED], quick=True, clients=(Client.BROWSER, Client.HTTP1))
    assert ids(probes) == ["chunked-token", "chunked-kilo", "chunked-token-http1", "chunked-kilo-http1"]


def test_websockets_over_http_3_are_those_of_http_1_1_clients_where_these_ask_too():
    both = [CHUNKED, WEBSOCKET]
    beside = plan.baselines(both, quick=True, clients=(Client.HTTP1, Client.HTTP3))
    assert ids(beside) == [
        "chunked-token-http1",
        "websocket-token-http1",
        "chunked-kilo-http1",
        "chunked-token-http3",
        "chunked-kilo-http3",
    ]
    alone = plan.baselines(both, quick=True, clients=(Client.HTTP3,))
    assert ids(alone) == ["chunked-token-http3", "websocket-token-http3", "chunked-kilo-http3"]
    assert "websocket-token-http3" in ids(
        plan.baselines(both, quick=True, clients=(Client.BROWSER, Client.HTTP3))
    )


def test_no_counterpart_is_asked_for_over_http_3():
    browser = Probe(CHUNKED)
    over_http3 = replace(browser, client=Client.HTTP3)
    http1 = replace(browser, client=Client.HTTP1)
    assert ids(plan.direct_counterparts([browser, http1, over_http3])) == [
        "chunked-token-direct",
        "chunked-token-direct-http1",
    ]
    assert ids(plan.direct_counterparts([over_http3])) == ["chunked-token-direct"]


def test_only_the_paths_baselines_have_a_counterpart_at_the_apps_own_port():
    probes = [
        Probe(CHUNKED, KILO),
        Probe(CHUNKED, variant=Variant.XAB),
        Probe(CHUNKED, vantage=Vantage.LOOPBACK),
        Probe(CHUNKED, vantage=Vantage.DIRECT),
    ]
    assert ids(plan.direct_counterparts(probes)) == ["chunked-kilo-direct"]
    assert ids(plan.direct_counterparts(probes, Vantage.UNPROXIED)) == ["chunked-kilo-unproxied"]


def test_at_a_further_address_all_clients_may_be_one():
    probes = [Probe(CHUNKED), replace(Probe(CHUNKED), client=Client.HTTP1)]
    assert ids(plan.direct_counterparts(probes, number=2)) == [
        "chunked-token-direct-2",
        "chunked-token-direct-http1-2",
    ]
    assert ids(plan.direct_counterparts(probes, number=2, one_client=True)) == ["chunked-token-direct-2"]
    (http1,) = plan.direct_counterparts(probes[1:], number=2, one_client=True)
    assert http1.client is Client.HTTP1


SILENCES = [
    # name,                            transports,                    seconds,     Probes
    ("one stream for each duration, and one without pauses", [CHUNKED], [65, 5, 65],
     ["chunked-idle-5s", "chunked-idle-65s", "chunked-steady-65s"]),
    ("polling has no streams",         [POLLING],                     [5],         []),
    ("no durations",                   Transport,                     [],          []),
    ("every Transport that streams",   Transport,                     [5],
     ["chunked-idle-5s", "chunked-steady-5s", "events-idle-5s", "events-steady-5s", "websocket-idle-5s", "websocket-steady-5s"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "only", "silences_s", "expected"), SILENCES, ids=[row[0] for row in SILENCES]
)
def test_the_idle_probes(name, only, silences_s, expected):
    assert ids(plan.idle_probes(only, silences_s)) == expected


HOLDS = [
    # name,                                    flows seen,                                                    the held baseline
    ("nothing seen",                           {},                                                            None),
    ("flowing",                                {Probe(CHUNKED): Flow.FLOWING},                                None),
    ("held at a token",                        {Probe(CHUNKED): Flow.HELD},                                   Probe(CHUNKED)),
    ("held at both: the smaller",              {Probe(CHUNKED, KILO): Flow.HELD, Probe(CHUNKED): Flow.HELD},  Probe(CHUNKED)),
    ("held at a kilobyte only",                {Probe(CHUNKED): Flow.FLOWING, Probe(CHUNKED, KILO): Flow.HELD}, Probe(CHUNKED, KILO)),
    ("large Pieces only measure sizes",        {Probe(CHUNKED, BIG): Flow.HELD},                              None),
    ("held on another Transport",              {Probe(EVENTS): Flow.HELD},                                    None),
    ("held with a difference",                 {Probe(CHUNKED, variant=Variant.XAB): Flow.HELD},              None),
    ("held at the app's own port",             {Probe(CHUNKED, vantage=Vantage.DIRECT): Flow.HELD},           None),
    *((f"a flow that is a hold: {flow}",       {Probe(CHUNKED): flow},                                        Probe(CHUNKED))
      for flow in (Flow.HELD, Flow.BLOCKS, Flow.TICKS, Flow.LATE, Flow.THROTTLED, Flow.REPLAYED)),
    *((f"a flow that is no hold: {flow}",      {Probe(CHUNKED): flow},                                        None)
      for flow in (Flow.FLOWING, Flow.CUT, Flow.FAILED, Flow.UNKNOWN)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "expected"), HOLDS, ids=[row[0] for row in HOLDS])
def test_the_smallest_held_baseline(name, seen, expected):
    assert plan.smallest_held_baseline(seen, CHUNKED) == expected


CLEAN, HELD, SLOW = Flow.FLOWING, Flow.HELD, Flow.THROTTLED
TOGETHER = ["chunked-token-together", *(f"chunked-token-together-{run}" for run in range(1, 6))]
DIFFERENCES = ["no-transform", "nosniff", "padded", "http/1.0", "other-type"]


def for_a_hold(probe: str) -> list[str]:
    return [f"{probe}-{variant}" for variant in ("x-accel-buffering", "identity")]


EXPERIMENTS = [
    # name,                               flows seen,                                           quick, Probes
    ("a clean path",                      {Probe(CHUNKED): CLEAN, Probe(EVENTS): CLEAN},        False,
     ["chunked-big", "chunked-token-identity", "chunked-token-http/1.0", *TOGETHER]),
    ("a clean path, quick",               {Probe(CHUNKED): CLEAN},                              True, []),
    ("a clean path, events alone",        {Probe(EVENTS): CLEAN},                               False,
     [probe.replace("chunked", "events") for probe in ["chunked-big", "chunked-token-identity", "chunked-token-http/1.0", *TOGETHER]]),
    ("nothing that streams over HTTP",    {Probe(WEBSOCKET): CLEAN, Probe(POLLING): CLEAN},     False, []),
    ("a hold on one Transport",           {Probe(CHUNKED): HELD, Probe(EVENTS): CLEAN},         True,
     [*for_a_hold("chunked-token"), "chunked-kilo", "chunked-big", *(f"chunked-token-{name}" for name in DIFFERENCES)]),
    ("a hold on both",                    {Probe(CHUNKED): HELD, Probe(EVENTS): HELD},          True,
     [*for_a_hold("chunked-token"), *for_a_hold("events-token"), "chunked-kilo", "chunked-big",
      *(f"chunked-token-{name}" for name in DIFFERENCES)]),
    ("a hold on events, seen at a kilobyte", {Probe(EVENTS): CLEAN, Probe(EVENTS, KILO): HELD}, True,
     [*for_a_hold("events-kilo"), "events-big", *(f"events-kilo-{name}" for name in DIFFERENCES)]),
    ("what was made is not made again",
     {Probe(CHUNKED): HELD, Probe(CHUNKED, BIG): HELD, Probe(CHUNKED, variant=Variant.XAB): CLEAN},      True,
     ["chunked-token-identity", "chunked-kilo", *(f"chunked-token-{name}" for name in DIFFERENCES)]),
    ("a rate, without a WebSocket",       {Probe(CHUNKED, KILO): SLOW},                         True,
     [*for_a_hold("chunked-kilo"), "chunked-big", *(f"chunked-kilo-{name}" for name in DIFFERENCES)]),
    ("a rate: does a WebSocket go faster?", {Probe(CHUNKED, KILO): SLOW, Probe(WEBSOCKET): CLEAN}, True,
     [*for_a_hold("chunked-kilo"), "chunked-big", *(f"chunked-kilo-{name}" for name in DIFFERENCES), "websocket-kilo"]),
    ("a rate on the second Transport",    {Probe(CHUNKED): HELD, Probe(EVENTS): SLOW, Probe(WEBSOCKET): CLEAN}, True,
     [*for_a_hold("chunked-token"), *for_a_hold("events-token"), "chunked-kilo", "chunked-big",
      *(f"chunked-token-{name}" for name in DIFFERENCES)]),
    ("a hold, and no rate: no WebSocket", {Probe(CHUNKED, KILO): HELD, Probe(WEBSOCKET): CLEAN}, True,
     [*for_a_hold("chunked-kilo"), "chunked-big", *(f"chunked-kilo-{name}" for name in DIFFERENCES)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "seen", "quick", "expected"), EXPERIMENTS, ids=[row[0] for row in EXPERIMENTS]
)
def test_what_the_baselines_left_open_is_tried(name, seen, quick, expected):
    assert ids(plan.experiments(seen, quick=quick)) == expected


FLUSHINGS = [
    # name,                                  flows seen,                                          the origin's flushes,        Probes
    ("every way that it knows",              {Probe(CHUNKED): CLEAN, Probe(EVENTS): CLEAN},       ["never", "flush", "both"],  ["chunked-token-no-flush", "chunked-token-flush", "chunked-token-ob-flush"]),
    ("held too",                             {Probe(CHUNKED): HELD},                              ["flush"],                   ["chunked-token-flush"]),
    ("one that the plan does not know",      {Probe(CHUNKED): CLEAN},                             ["endclean"],                []),
    ("none",                                 {Probe(CHUNKED): CLEAN},                             [],                          []),
    ("on the Transport that was asked for",  {Probe(POLLING): CLEAN, Probe(EVENTS, KILO): CLEAN}, ["both"],                    ["events-token-ob-flush"]),
    ("nothing that streams over HTTP",       {Probe(POLLING): CLEAN},                             ["both"],                    []),
    ("one client asks",                      {Probe(CHUNKED, client=Client.HTTP1): CLEAN,
                                              Probe(CHUNKED): CLEAN},                             ["never"],                   ["chunked-token-no-flush-http1"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "seen", "flushes", "expected"), FLUSHINGS, ids=[row[0] for row in FLUSHINGS]
)
def test_an_origin_that_can_vary_its_flushing_is_asked_to(name, seen, flushes, expected):
    without = ids(plan.experiments(seen, quick=True))
    assert ids(plan.experiments(seen, quick=True, flushes=flushes)) == [*without, *expected]


BROWSER, HTTP1, HTTP3 = Client
AT_ONCE = ["chunked-token-together", *(f"chunked-token-together-{run}" for run in range(1, 12))]
AT_ONCE_HTTP1 = [f"chunked-token-together-http1{run}" for run in ("", *(f"-{n}" for n in range(1, 12)))]
OF_CLIENTS = [
    # name,                                          flows seen,                                                            multiplexed, Probes
    ("clean for both, which use HTTP/1.1",           {Probe(CHUNKED): CLEAN, Probe(CHUNKED, client=HTTP1): CLEAN},          (),
     ["chunked-big", "chunked-token-identity", "chunked-token-http/1.0", *AT_ONCE[:6],
      "chunked-big-http1", "chunked-token-identity-http1", "chunked-token-http/1.0-http1", *AT_ONCE_HTTP1[:6]]),
    ("clean for both, one shares a connection",      {Probe(CHUNKED): CLEAN, Probe(CHUNKED, client=HTTP1): CLEAN},          (BROWSER,),
     ["chunked-big", "chunked-token-identity", *AT_ONCE,
      "chunked-big-http1", "chunked-token-identity-http1", "chunked-token-http/1.0-http1", *AT_ONCE_HTTP1]),
    ("held for HTTP/1.1 clients alone",              {Probe(CHUNKED): CLEAN, Probe(CHUNKED, client=HTTP1): HELD},           (BROWSER,),
     ["chunked-big", "chunked-token-identity", *AT_ONCE,
      "chunked-token-x-accel-buffering-http1", "chunked-token-identity-http1", "chunked-kilo-http1", "chunked-big-http1",
      *(f"chunked-token-{name}-http1" for name in DIFFERENCES)]),
    ("held for a client that shares a connection",   {Probe(CHUNKED): HELD},                                                (BROWSER,),
     [*for_a_hold("chunked-token"), "chunked-kilo", "chunked-big",
      *(f"chunked-token-{name}" for name in DIFFERENCES if name != "http/1.0")]),
    ("clean over HTTP/3 too",                        {Probe(CHUNKED): CLEAN, Probe(CHUNKED, client=HTTP3): CLEAN},          (BROWSER, HTTP3),
     ["chunked-big", "chunked-token-identity", *AT_ONCE]),
    ("clean over HTTP/3 alone",                      {Probe(CHUNKED, client=HTTP3): CLEAN},                                 (HTTP3,),
     ["chunked-big-http3", "chunked-token-identity-http3",
      *(f"chunked-token-together-http3{run}" for run in ("", *(f"-{n}" for n in range(1, 12))))]),
    ("held over HTTP/3 alone",                       {Probe(CHUNKED): CLEAN, Probe(CHUNKED, client=HTTP3): HELD},           (BROWSER, HTTP3),
     ["chunked-big", "chunked-token-identity", *AT_ONCE,
      "chunked-token-x-accel-buffering-http3", "chunked-token-identity-http3", "chunked-kilo-http3", "chunked-big-http3",
      *(f"chunked-token-{name}-http3" for name in DIFFERENCES if name != "http/1.0")]),
    ("what one client made, another has not made",   {Probe(CHUNKED): HELD, Probe(CHUNKED, client=HTTP1): HELD,
                                                      Probe(CHUNKED, BIG): HELD, Probe(CHUNKED, KILO): HELD},               (BROWSER,),
     [*for_a_hold("chunked-token"), *(f"chunked-token-{name}" for name in DIFFERENCES if name != "http/1.0"),
      "chunked-token-x-accel-buffering-http1", "chunked-token-identity-http1", "chunked-kilo-http1", "chunked-big-http1",
      *(f"chunked-token-{name}-http1" for name in DIFFERENCES)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "seen", "multiplexed", "expected"), OF_CLIENTS, ids=[row[0] for row in OF_CLIENTS]
)
def test_each_client_makes_the_experiments_that_its_own_baselines_call_for(name, seen, multiplexed, expected):
    assert ids(plan.experiments(seen, quick=False, multiplexed=multiplexed)) == expected


def test_probes_share_a_connection_by_six_and_those_at_once_and_websockets_have_one():
    alone = [
        Probe(CHUNKED, variant=variant)
        for variant in Variant
        if variant not in {Variant.TOGETHER, *OWN_VARIANTS, *plan.FLUSHES}
    ]
    together = [Probe(CHUNKED, variant=Variant.TOGETHER, run=run) for run in range(12)]
    assert len(alone) == 8
    probes = [*alone[:3], *together, Probe(WEBSOCKET), *alone[3:], Probe(WEBSOCKET, KILO)]
    assert plan.shared_connections(probes) == (2, 2, 2, *[0] * 12, 1, 2, 2, 2, 3, 3, 1)


def test_probes_over_http_3_share_connections_among_themselves():
    tcp = [Probe(CHUNKED, variant=variant) for variant in (Variant.BASELINE, Variant.XAB, Variant.PADDED)]
    udp = [replace(probe, client=Client.HTTP3) for probe in tcp]
    assert plan.shared_connections([*tcp, *udp, *udp, *tcp]) == (2,) * 12
    assert plan.shared_connections([*tcp, *udp, *udp, *udp]) == (*(2,) * 9, 3, 3, 3)


def test_the_order_of_transports_is_the_order_of_every_listing():
    assert plan.STREAMED == (CHUNKED, EVENTS)
    assert plan.OPEN == (CHUNKED, EVENTS, WEBSOCKET)


def test_the_shortest_and_longest_silence_that_can_be_asked_for():
    assert (plan.MIN_SILENCE_S, plan.MAX_SILENCE_S) == (1, 300)
