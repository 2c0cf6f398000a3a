import json
import threading
import time
from dataclasses import replace
from itertools import pairwise

import pytest

from flushcheck import diagnose, judge
from flushcheck.measurement import plan
from flushcheck.model import (
    Arrival,
    EndRecord,
    NamedAddress,
    Observation,
    Outcome,
    Probe,
    ReceivedPiece,
    Run,
    Scenario,
    Transport,
    UsageError,
    Vantage,
    Variant,
    Verdict,
)
from flushcheck.model import Client as AskedAs
from flushcheck.model.codec import from_json, to_json
from flushcheck.prober import RunProgress, gather
from flushcheck.prober.address import parse
from flushcheck.prober.rounds import Gathering
from flushcheck.prober.stall_monitor import StallMonitor
from flushcheck.prober.target import Target
from tests.prober.peers import PATIENCE_S, TO_CLOSE, Client, Script, end, event, piece, scripted_server

pytestmark = pytest.mark.usefixtures("undisturbed")

BOTH = (Transport.CHUNKED, Transport.EVENTS)
OWN = Observation(Probe(Transport.CHUNKED, vantage=Vantage.LOOPBACK), Outcome.COMPLETE)


def stream(client: Client, *, held: bool = False, interval_s: float = 0.02) -> None:
    """All at once, as if it had been sent so; or kept until the end, as if it had been sent in between."""
    count = int(client.query["count"])
    interval_s = interval_s if held else 0.0
    lines = [piece(seq, seq * interval_s) for seq in range(count)]
    time.sleep(count * interval_s)
    if "events" in client.path:
        body = b"".join(map(event, lines)) + event(end(count), "done")
    else:
        body = b"".join(lines) + end(count)
    client.send(TO_CLOSE + body)


def service(control: Script, *, held: bool = False, interval_s: float = 0.02) -> Script:
    """A service that responds at once, with this control; a longer interval shows a hold to a busier machine."""

    def script(client: Client) -> None:
        if client.path.endswith("/control"):
            control(client)
        else:
            stream(client, held=held, interval_s=interval_s)

    return script


def no_control(client: Client) -> None:
    client.respond(404, b"")


def listed(*observations: Observation, more: str = "") -> Script:
    body = json.dumps({"observations": to_json(observations), "reason": more}).encode()
    return lambda client: client.respond(200, body)


CONTROLS = [
    ("there",               listed(OWN),                                              (OWN,)),
    ("none, with a reason", listed(more="one worker only"),                           ()),
    ("of the path",         listed(Observation(Probe(Transport.CHUNKED), Outcome.COMPLETE), OWN), (OWN,)),
    ("not there",           no_control,                                               ()),
    ("a page",              lambda client: client.respond(200, b"<html>", "text/html"),    ()),
    ("other JSON",          lambda client: client.respond(200, b'[{"observations": 1}]'),  ()),
    ("a number for a list", lambda client: client.respond(200, b'{"observations": 1}'),    ()),
    ("half of one",         lambda client: client.respond(200, b'{"observations": [{"probe": {}}]}'), ()),
    ("deep",                lambda client: client.respond(200, b"[" * 100_000),            ()),
    ("too large",           lambda client: client.respond(200, b" " * 9_000_000),          ()),
    ("hangs up",            lambda client: client.reset(),                                ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "control", "expected"), CONTROLS, ids=[row[0] for row in CONTROLS])
def test_a_control_is_taken_where_there_is_one(name, control, expected):
    with scripted_server(service(control)) as url:
        run = gather(url, only=["chunked"], quick=True, timeout_s=10)
    assert (
        tuple(
            observation for observation in run.observations if observation.probe.vantage is Vantage.LOOPBACK
        )
        == expected
    )
    assert [
        observation.probe for observation in run.observations if observation.probe.vantage is Vantage.PATH
    ] == [*plan.baselines([Transport.CHUNKED], quick=True)]


def test_a_control_that_never_answers_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("flushcheck.prober.rounds.CONTROL_SPARE_S", 0.2)
    with scripted_server(service(lambda client: client.wait_for_close())) as url:
        began = time.monotonic()
        run = gather(url, only=["chunked"], quick=True, timeout_s=2 * PATIENCE_S)
    assert {observation.outcome for observation in run.observations} == {Outcome.COMPLETE}
    assert time.monotonic() - began < PATIENCE_S


def test_a_clean_path_gets_the_second_round_unless_quick():
    progress: list[RunProgress] = []
    with scripted_server(service(listed(OWN))) as url:
        run = gather(f"{url}/", only=BOTH, timeout_s=20, on_progress=progress.append)
        quick = gather(url, only=BOTH, timeout_s=20, quick=True)
    probes = [observation.probe for observation in run.observations]
    assert probes[:4] == [*plan.baselines(BOTH, quick=False)]
    assert Probe(Transport.CHUNKED, variant=Variant.HTTP10) in probes
    assert probes[-1] == OWN.probe
    assert len(quick.observations) == 3 + 1
    assert run.target == url
    assert run.tool.startswith("flushcheck ")
    # Each look of a stage begins with 0 and ends with all; a busy machine makes a second one.
    looks = [number for number, step in enumerate(progress) if step.latest is None]
    for begins, ends in pairwise([*looks, len(progress)]):
        total = progress[begins].total
        assert [(step.done, step.total) for step in progress[begins:ends]] == [
            (done, total) for done in range(total + 1)
        ]
    assert progress[0].total == 4
    assert [progress[begins].stage for begins in looks] == sorted(progress[begins].stage for begins in looks)
    assert {step.stage for step in progress} == {1, 2}


def looked(monkeypatch, see, **options):
    """Make a run whose rounds are not made: `see` gives the Observation of a Probe, in the short form or not.

    Returns: of each round its Probes and those of them that were short; and the Run.
    """
    rounds: list[tuple[tuple[Probe, ...], set[Probe]]] = []

    def observe_round(probes, *_, short, **__):
        rounds.append((tuple(probes), set(short)))
        return tuple(see(probe, probe in short) for probe in probes)

    monkeypatch.setattr("flushcheck.prober.rounds.observe_round", observe_round)
    with scripted_server(service(no_control)) as url:
        run = gather(url, only=BOTH, **options)
    return rounds, run


def seen_as(probe: Probe, short: bool, flow: str) -> Observation:
    """A stream of this Probe: "flowing", "held", "two blocks" or "jitter"."""
    shape = plan.shape_of(probe, short=short)
    sent_s = [k * shape.interval_s for k in range(shape.count)]
    lag_s = {
        "flowing": [0.0] * shape.count,
        "jitter": [0.2 * (k % 3 > 0) * (k * 7 % 11) / 11 for k in range(shape.count)],
        "held": [sent_s[-1] - at_s for at_s in sent_s],
        "two blocks": [sent_s[-1 if k > 8 else 8] - sent_s[k] for k in range(shape.count)],
    }[flow]
    at_s = [sent + lag for sent, lag in zip(sent_s, lag_s, strict=True)]
    at_s = [max(at_s[: k + 1]) for k in range(shape.count)]
    arrivals = tuple(Arrival(at_s[k], 20, 20, (ReceivedPiece(k, sent_s[k]),)) for k in range(shape.count))
    return Observation(
        probe, Outcome.COMPLETE, status=200, arrivals=arrivals, end=EndRecord(shape.count, sent_s[-1])
    )


KILO = Probe(Transport.CHUNKED, Scenario.KILO)
XAB = Probe(Transport.CHUNKED, variant=Variant.XAB)


def held_path(probe: Probe) -> str:
    return "flowing" if probe.variant is Variant.XAB else "held"


LOOKS = [
    # name,                                how a Probe is seen in a short look,                              how many are at full length in each round
    ("all flows",                          lambda probe: "flowing",                                          [0]),
    ("one baseline has no pattern",        lambda probe: "jitter" if probe == KILO else "flowing",            [0, 3]),
    ("held, and all is plain",             held_path,                                                        [0, 0]),
    ("held, and a size is not plain",      lambda probe: "two blocks" if probe == KILO else held_path(probe), [0, 1]),
    ("held, and an experiment is open",    lambda probe: "jitter" if probe == XAB else held_path(probe),      [0, 0, 1]),
    ("held, and both are open",            lambda probe: {KILO: "two blocks", XAB: "jitter"}.get(probe) or held_path(probe), [0, 1, 1]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "see", "in_full"), LOOKS, ids=[row[0] for row in LOOKS])
def test_a_quick_run_asks_again_for_what_a_short_look_leaves_open(monkeypatch, name, see, in_full):
    def at_length(probe: Probe, short: bool) -> Observation:
        return seen_as(
            probe, short, see(probe) if short else held_path(probe) if "held" in name else "flowing"
        )

    rounds, run = looked(monkeypatch, at_length, quick=True)
    assert [len(set(probes) - short) for probes, short in rounds] == in_full
    assert len({seen.probe for seen in run.observations}) == len(run.observations)
    left_out = {probe for probes, _ in rounds for probe in probes} - {seen.probe for seen in run.observations}
    assert not left_out


def test_a_short_look_is_not_begun_where_little_time_is_left(monkeypatch):
    def flowing(probe: Probe, short: bool) -> Observation:
        return seen_as(probe, short, "flowing")

    for timeout_s, short in ((9.9, False), (10.5, True)):
        rounds, _ = looked(monkeypatch, flowing, quick=True, timeout_s=timeout_s)
        assert [bool(those) for _, those in rounds] == [short]
        rounds, _ = looked(monkeypatch, flowing, timeout_s=timeout_s)
        assert [bool(those) for _, those in rounds] == [False, short]


def test_a_clean_path_is_confirmed_by_short_streams_or_else_by_full_ones(monkeypatch):
    def crowded(probe: Probe, short: bool) -> Observation:
        open_ = short and probe.variant is Variant.TOGETHER
        return seen_as(probe, short, "jitter" if open_ else "flowing")

    rounds, run = looked(monkeypatch, crowded)
    assert [bool(short) for _, short in rounds] == [False, True, False]
    assert rounds[1][0] == rounds[2][0]
    together = [seen for seen in run.observations if seen.probe.variant is Variant.TOGETHER]
    assert {len(seen.pieces) for seen in together} == {20}


def test_a_held_path_gets_its_experiments_at_full_length_unless_quick(monkeypatch):
    rounds, _ = looked(monkeypatch, lambda probe, short: seen_as(probe, short, held_path(probe)))
    assert [bool(short) for _, short in rounds] == [False, False]


def test_a_held_path_gets_its_experiments_also_if_quick():
    with scripted_server(service(no_control, held=True)) as url:
        run = gather(url, only=BOTH, timeout_s=20, quick=True)
    assert {observation.probe.variant for observation in run.observations} >= {Variant.XAB, Variant.IDENTITY}


def test_nothing_is_tried_further_where_nothing_answers():
    received: list[str] = []

    def script(client: Client) -> None:
        received.append(client.path)
        client.respond(404, b"")

    with scripted_server(script) as url:
        run = gather(url, timeout_s=20)
    assert {observation.outcome for observation in run.observations} == {Outcome.REFUSED}
    assert len(run.observations) == len(plan.baselines(Transport, quick=False))


def test_the_whole_is_over_in_time_whatever_hangs():
    with scripted_server(lambda client: client.wait_for_close()) as url:
        began = time.monotonic()
        run = gather(url, timeout_s=1.0)
    # One after the other, the probes of the first look alone would take longer than the time for a busy machine.
    assert time.monotonic() - began < len(run.observations)
    assert {observation.outcome for observation in run.observations} == {Outcome.TIMEOUT}


def test_what_a_busy_machine_hid_is_looked_at_again(monkeypatch):
    made, short = [], []

    def observe_round(probes, *_, **options):
        made.append(tuple(probes))
        short.append(set(options["short"]))
        return tuple(seen(probe, stalled=len(made) <= 2) for probe in probes)

    def seen(probe, *, stalled):
        # Late without a pattern, and within what the observer was kept from running for.
        hidden = stalled and probe.scenario is Scenario.TOKEN
        at_s = [0.1 * k + hidden * 0.07 * (k * k % 5) for k in range(20)]
        at_s = [max(at_s[: k + 1]) for k in range(20)]
        arrivals = tuple(Arrival(at_s[k], 20, 20, (ReceivedPiece(k, 0.1 * k),)) for k in range(20))
        return Observation(
            probe,
            Outcome.COMPLETE,
            status=200,
            arrivals=arrivals,
            end=EndRecord(20, 2.0),
            stall_s=0.3 * hidden,
        )

    monkeypatch.setattr("flushcheck.prober.rounds.observe_round", observe_round)
    progress: list[RunProgress] = []
    with scripted_server(service(no_control)) as url:
        run = gather(url, only=BOTH, quick=True, on_progress=progress.append)
    tokens = tuple(Probe(transport) for transport in BOTH)
    assert set(tokens) < set(made[0])
    # The first look, the same at full length, and what that left open.
    assert made[1:] == [made[0], tokens]
    assert short == [set(made[0]), set(), set()]
    assert {observation.probe: observation.stall_s for observation in run.observations} == dict.fromkeys(
        made[0], 0.0
    )
    assert [(step.stage, step.total) for step in progress] == [(1, len(made[0]))] * 2 + [(1, 2)]


def test_the_first_round_leaves_time_for_the_second(monkeypatch):
    monkeypatch.setattr("flushcheck.prober.rounds.MIN_SPARE_S", -1.0)

    def script(client: Client) -> None:
        """The events never end; the chunks are held, which is to be looked into."""
        if client.path.endswith("events"):
            client.send(TO_CLOSE)
            client.wait_for_close()
        else:
            service(no_control, held=True)(client)

    with scripted_server(script) as url:
        run = gather(url, only=BOTH, timeout_s=4.0)
    assert any(
        observation.probe.variant is Variant.XAB and observation.outcome is Outcome.COMPLETE
        for observation in run.observations
    )


def test_a_run_is_the_same_after_it_was_saved():
    with scripted_server(service(listed(OWN))) as url:
        run = gather(url, only=BOTH, timeout_s=20)
    again = from_json(Run, json.loads(json.dumps(to_json(run))))
    assert again == run
    assert judge(again) == judge(run)


def test_the_library_says_in_one_call_how_a_path_is():
    threads: list[str] = []
    with scripted_server(service(no_control)) as url:
        report = diagnose(
            url,
            only=[Transport.CHUNKED, "events"],
            quick=True,
            on_progress=lambda _: threads.append(threading.current_thread().name),
        )
    assert report.verdict is Verdict.FLOWING
    assert [verdict.transport for verdict in report.transports] == list(BOTH)
    assert set(threads) == {threading.current_thread().name}


def test_every_address_is_asked_for_the_same_baselines_at_the_same_time():
    together = threading.Barrier(3, timeout=PATIENCE_S)

    def first_waits(script: Script) -> Script:
        """Begin the first stream of an address when each address has been asked for one."""
        streams: list[Client] = []

        def waiting(client: Client) -> None:
            if client.path.endswith("/chunked"):
                streams.append(client)
                if streams[0] is client:
                    together.wait()
            script(client)

        return waiting

    clean, held = (first_waits(service(no_control, held=is_held)) for is_held in (False, True))
    other_held = first_waits(service(no_control, held=True))
    with scripted_server(held) as url, scripted_server(other_held) as ingress, scripted_server(clean) as app:
        run = gather(url, only=["chunked"], quick=True, direct=app, at=[("ingress", f"{ingress}/")])
    assert run.direct == app
    assert run.addresses == (NamedAddress("direct", app), NamedAddress("ingress", ingress))
    baselines = plan.baselines([Transport.CHUNKED], quick=True)
    beside = [seen.probe for seen in run.observations if seen.probe.vantage is Vantage.DIRECT]
    assert {probe for probe in beside if probe.scenario is Scenario.TOKEN} == {
        replace(baselines[0], vantage=Vantage.DIRECT, run=number) for number in (0, 1)
    }
    assert not together.broken
    located = judge(run).fault_location
    assert located
    assert located.summary.startswith("on chunked the stream flows at direct and is held at")


@pytest.mark.parametrize(
    ("cert", "clients"), [(False, {AskedAs.BROWSER}), (True, {AskedAs.BROWSER, AskedAs.HTTP1})]
)
def test_clients_are_told_apart_at_a_further_address_only_over_tls(cert, clients):
    scheme = "https" if cert else "http"
    targets = [Target(parse(url)) for url in ("http://127.0.0.1:1", f"{scheme}://127.0.0.1:2")]
    with StallMonitor() as stalls:
        gathering = Gathering(
            Target(parse("https://x")), targets, stalls, None, (AskedAs.BROWSER, AskedAs.HTTP1)
        )
        observations = gathering.baselines([Transport.CHUNKED], 1.0, 0.2, quick=True)
    asked: dict[int, set[AskedAs]] = {0: set(), 1: set()}
    for seen in observations:
        if seen.probe.vantage is Vantage.DIRECT:
            asked[seen.probe.run].add(seen.probe.client)
    assert asked == {0: {AskedAs.BROWSER, AskedAs.HTTP1}, 1: clients}


MISUSES = [
    ({"url": "localhost"},                  "for example http://localhost"),
    ({"only": ["chunk"]},                   "'chunk' is not a transport: expected one or more of polling, chunked, events, websocket"),
    ({"only": []},                          "no transport is given: expected"),
    ({"only": "chunked,events"},            "'chunked,events' is not a transport"),
    ({"timeout_s": 0},                      "a timeout of 0 s: expected more than 0"),
    ({"timeout_s": float("nan")},           "a timeout of nan s"),
    ({"timeout_s": 600.1},                  "at most 600"),
    ({"direct": "http://127.0.0.1:1/"},     "http://127.0.0.1:1 as direct address: expected the app's own port"),
    ({"direct": "x"},                       "for example http://x"),
    ({"at": [("a", "x")]},                  "for example http://x"),
    ({"at": [("a", "http://127.0.0.1:1/")]}, "http://127.0.0.1:1 as the address a: expected the app's own port"),
    ({"at": [("a", "http://a")] * 2},       "two addresses are called a: expected other names, for example ingress="),
    ({"at": [("public", "http://a")]},      "two addresses are called public"),
    ({"at": [("direct", "http://a")], "direct": "http://b"}, "two addresses are called direct"),
    ({"at": [(str(n), "http://a") for n in range(9)]}, "9 addresses beside the first: expected at most 8"),
    ({"at": [(str(n), "http://a") for n in range(8)], "direct": "http://b"}, "9 addresses beside the first"),
    ({"at": [*((str(n), "http://a") for n in range(7)), ("b", "x")]}, "for example http://x"),
    ({"outer": "x"},                        "for example http://x"),
    ({"outer": "http://127.0.0.1:1"},       "http://127.0.0.1:1 as the outermost mount: expected another one than the first"),
    ({"outer": "http://127.0.0.1:2/o"},     "http://127.0.0.1:2/o as the outermost mount: expected the same host and port as http://127.0.0.1:1"),
    ({"outer": "https://127.0.0.1:1/o"},    "expected the same host and port as http://127.0.0.1:1"),
    ({"outer": "http://localhost:1/o"},     "expected the same host and port as http://127.0.0.1:1"),
    ({"outer": "http://127.0.0.1:1/o", "direct": "http://b"}, "--outer beside --direct or --at: expected one of them"),
    ({"outer": "http://127.0.0.1:1/o", "at": [("a", "http://b")]}, "--outer beside --direct or --at: expected one of them"),
    ({"idle_s": 0.9},                       "a silence of 0.9 s: expected 1 to 300 seconds, for example 65"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "says"), MISUSES)
def test_misuse_is_told_before_anything_is_asked(wrong, says):
    with pytest.raises(UsageError) as raised:
        gather(**{"url": "http://127.0.0.1:1", **wrong})
    assert says in str(raised.value)


def test_one_transport_may_be_named_alone():
    with scripted_server(service(no_control)) as url:
        run = gather(url, only="chunked", quick=True)
    assert {observation.probe.transport for observation in run.observations} == {Transport.CHUNKED}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "http4",
            "'http4' is not a client: expected one or more of browser, http1, http3, for example browser",
        ),
        (["browser", "curl"], "'curl' is not a client: expected"),
        ((), "no client is given: expected"),
    ],
)
def test_a_client_that_a_run_cannot_ask_as_is_named(given, message):
    with pytest.raises(UsageError, match=message):
        gather("http://127.0.0.1:9", clients=given)


def test_an_address_that_is_silent_in_the_handshake_takes_no_longer_than_the_timeout():
    began = time.monotonic()
    with scripted_server(lambda client: client.wait_for_close(), read_first=False) as url:
        run = gather(url.replace("http:", "https:"), only=BOTH, timeout_s=4)
    assert time.monotonic() - began < 2 * 4, "once the timeout, and a busy machine"
    assert {observation.outcome for observation in run.observations} == {Outcome.UNREACHABLE}
