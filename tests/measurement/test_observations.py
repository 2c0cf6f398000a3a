"""The questions that detectors ask of a run: a row on each side of every threshold and guard."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import pytest

from flushcheck.measurement.answer import Answer
from flushcheck.model import (
    Arrival,
    Client,
    Flow,
    Outcome,
    Probe,
    RequestAtApp,
    Scenario,
    Transport,
    Vantage,
    Variant,
)
from tests.measurement.arrivals import at_moments
from tests.measurement.streams import (
    APP,
    BLOCKS,
    EVERY_8TH,
    FLOWING,
    HELD,
    LATE,
    NO_PATTERN,
    NOTHING,
    ONE_LATE,
    REPLAYED,
    THROTTLED,
    TICKS,
    big,
    blocks,
    direct,
    kilo,
    loopback,
    run,
    saw,
    xab,
)

POLLING, CHUNKED, EVENTS, WEBSOCKET = Transport
YES, NO, NOT_TRIED = Answer

SHAPES = [
    (FLOWING, Flow.FLOWING), (HELD, Flow.HELD), (BLOCKS, Flow.BLOCKS), (TICKS, Flow.TICKS), (LATE, Flow.LATE),
    (ONE_LATE, Flow.LATE), (THROTTLED, Flow.THROTTLED), (REPLAYED, Flow.REPLAYED), (NO_PATTERN, Flow.UNKNOWN),
    (NOTHING, Flow.FAILED),
]  # fmt: skip


@pytest.mark.parametrize(("reads", "flow"), SHAPES)
def test_the_shapes_of_the_tables_are_what_they_are_called(reads, flow):
    assert run(saw(CHUNKED, reads)).flow(CHUNKED) is flow


FLUSHED = [
    # name,                                Observations,                                                                  flushed
    ("asked for less",                     [saw(CHUNKED), saw(Probe(CHUNKED, variant=Variant.FLUSH), HELD)],              True),
    ("that did not arrive",                [saw(CHUNKED), saw(Probe(CHUNKED, variant=Variant.FLUSH), NOTHING)],           False),
    ("not asked",                          [saw(CHUNKED), saw(xab(CHUNKED))],                                             False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "flushed"), FLUSHED, ids=[row[0] for row in FLUSHED])
def test_an_app_that_can_flush_less_flushes_all_in_its_baseline(name, seen, flushed):
    assert run(*seen).flushed is flushed


# Held by half a second; freed by what is late by up to 0.6 of that.
HALF_A_SECOND = at_moments(EVERY_8TH, [0.5] * 5)
LATE_BY_06 = at_moments(EVERY_8TH, [0.3, 0.3, 0.3, *EVERY_8TH[3:]])
LATE_BY_MORE = at_moments(EVERY_8TH, [0.31, 0.31, 0.31, *EVERY_8TH[3:]])
QUEUED = at_moments(EVERY_8TH, [s + 2.0 for s in EVERY_8TH[:5]])
BASE, WITH = saw(CHUNKED, HELD), xab(CHUNKED)

FREES = [
    # name,                                         Observations,                                                       answer
    ("it flows",                                    [BASE, saw(WITH)],                                                  YES),
    *((f"it is held: {flow}",                       [BASE, saw(WITH, reads)],                                           NO)
      for reads, flow in SHAPES if flow not in (Flow.FLOWING, Flow.UNKNOWN, Flow.REPLAYED)),
    ("it was not made",                             [BASE],                                                             NOT_TRIED),
    ("nothing is held",                             [saw(CHUNKED), saw(WITH)],                                          NOT_TRIED),
    ("another difference",                          [BASE, saw(Probe(CHUNKED, variant=Variant.IDENTITY))],              NOT_TRIED),
    ("another Transport",                           [BASE, saw(xab(EVENTS))],                                           NOT_TRIED),
    ("it differs from a larger baseline",           [saw(CHUNKED), saw(kilo(CHUNKED), BLOCKS), saw(kilo(CHUNKED, Variant.XAB))], YES),
    ("it differs from a smaller baseline",          [saw(CHUNKED), saw(kilo(CHUNKED), BLOCKS), saw(WITH)],              NOT_TRIED),
    ("it broke off",                                [BASE, saw(WITH, outcome=Outcome.TIMEOUT)],                         NOT_TRIED),
    ("a cache played it back",                      [BASE, saw(WITH, REPLAYED)],                                        NOT_TRIED),
    ("it has no pattern",                           [BASE, saw(WITH, NO_PATTERN)],                                      NOT_TRIED),
    ("it flows, late by 0.6 of the hold, the observer stalled", [saw(CHUNKED, HALF_A_SECOND), saw(WITH, LATE_BY_06, stall_s=0.03)], YES),
    ("it flows, late by more, the observer stalled", [saw(CHUNKED, HALF_A_SECOND), saw(WITH, LATE_BY_MORE, stall_s=0.03)], NOT_TRIED),
    ("it flows, late by more, no stall to speak of", [saw(CHUNKED, HALF_A_SECOND), saw(WITH, LATE_BY_MORE, stall_s=0.02)], YES),
    ("it is held, the observer stalled",            [saw(CHUNKED, HALF_A_SECOND), saw(WITH, HELD, stall_s=0.03)],       NO),
    ("it flows where the baseline waited for its turn, the observer stalled",
     [saw(EVENTS, HALF_A_SECOND, ended_s=2.0), saw(WEBSOCKET), saw(CHUNKED, QUEUED), saw(Probe(EVENTS, Scenario.KILO), QUEUED),
      saw(WITH, LATE_BY_MORE, stall_s=0.03)], YES),
    ("it flows, and waited for its turn",           [BASE, saw(WEBSOCKET, ended_s=2.0), saw(WITH, QUEUED)],             YES),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "answer"), FREES, ids=[row[0] for row in FREES])
def test_whether_a_difference_frees_a_stream(name, seen, answer):
    assert run(*seen).frees(CHUNKED, Variant.XAB) is answer


PRESENT = {"x-accel-buffering": "no"}
STRIPPED = [
    # name,                     Observations,                                                     answer
    ("it is gone",              [BASE, saw(WITH)],                                                YES),
    ("it arrived",              [BASE, saw(WITH, headers=PRESENT)],                               NO),
    ("a hop adds it",           [saw(CHUNKED, LATE_BY_MORE, headers=PRESENT), saw(WITH, headers=PRESENT)], NOT_TRIED),
    ("it was not sent",         [BASE],                                                           NOT_TRIED),
    ("nothing is held",         [saw(CHUNKED), saw(WITH)],                                        NOT_TRIED),
    ("no headers came",         [BASE, dataclasses.replace(saw(WITH), headers=())],               NOT_TRIED),
    ("no Piece came",           [BASE, saw(WITH, NOTHING)],                                       NOT_TRIED),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "answer"), STRIPPED, ids=[row[0] for row in STRIPPED])
def test_whether_the_header_was_stripped(name, seen, answer):
    assert run(*seen).header_stripped(CHUNKED) is answer


HOLDS = [
    # name,                                       Observations,                                                          bytes
    ("held, and blocks at a kilobyte",            [BASE, saw(kilo(CHUNKED), blocks(4096))],                              4096),
    ("in blocks at a kilobyte only",              [saw(CHUNKED), saw(kilo(CHUNKED), blocks(8192))],                      8192),
    ("a kilobyte before the largest",             [BASE, saw(kilo(CHUNKED), blocks(4096)), saw(big(CHUNKED), blocks(8192))], 4096),
    ("held at a kilobyte: the largest",           [BASE, saw(kilo(CHUNKED), HELD), saw(big(CHUNKED), blocks(8192))],     8192),
    ("the largest before a token",                [saw(CHUNKED, blocks(4096)), saw(big(CHUNKED), blocks(8192))],         8192),
    ("a token's own",                             [saw(CHUNKED, blocks(4096))],                                          4096),
    ("no pattern at a kilobyte",                  [BASE, saw(kilo(CHUNKED), NO_PATTERN), saw(big(CHUNKED), blocks(8192))], None),
    ("held, and no larger Pieces",                [BASE],                                                                None),
    ("nothing is held",                           [saw(CHUNKED), saw(big(CHUNKED), blocks(8192))],                       None),
    ("in ticks",                                  [saw(CHUNKED, TICKS), saw(big(CHUNKED), blocks(8192))],                None),
    ("late",                                      [saw(CHUNKED, LATE), saw(big(CHUNKED), blocks(8192))],                 None),
    ("blocks at another vantage",                 [BASE, saw(direct(CHUNKED), blocks(8192))],                            None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "size_bytes"), HOLDS, ids=[row[0] for row in HOLDS])
def test_the_size_of_a_hold(name, seen, size_bytes):
    assert run(*seen).hold_bytes(CHUNKED) == size_bytes


CHUNKED_4096 = [BASE, saw(kilo(CHUNKED), blocks(4096))]
EVENTS_8192 = [saw(EVENTS, HELD), saw(kilo(EVENTS), blocks(8192))]
SIZES = [
    # name,                            Observations,                     bytes
    ("its own before the other's",     [*EVENTS_8192, *CHUNKED_4096],    4096),
    ("the other's",                    [*EVENTS_8192, BASE],             8192),
    ("the other's, where it flows",    [*EVENTS_8192, saw(CHUNKED)],     8192),
    ("neither",                        [BASE, saw(EVENTS, HELD)],        None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "size_bytes"), SIZES, ids=[row[0] for row in SIZES])
def test_the_size_of_a_hold_on_either_transport(name, seen, size_bytes):
    assert run(*seen).size_bytes(CHUNKED) == size_bytes


CONTROLS = [
    # name,                              Observations,                                                        Probe, Flow
    ("over loopback",                    [saw(loopback(CHUNKED), HELD)],                                      loopback(CHUNKED), Flow.HELD),
    ("at the app's own port",            [saw(direct(CHUNKED), HELD)],                                        direct(CHUNKED), Flow.HELD),
    ("loopback before the app's port",   [saw(direct(CHUNKED), HELD), saw(loopback(CHUNKED))],                loopback(CHUNKED), Flow.FLOWING),
    ("loopback failed",                  [saw(loopback(CHUNKED), NOTHING), saw(direct(CHUNKED))],             direct(CHUNKED), Flow.FLOWING),
    ("loopback was cut",                 [saw(loopback(CHUNKED), outcome=Outcome.CUT), saw(direct(CHUNKED))], direct(CHUNKED), Flow.FLOWING),
    ("of another Transport",             [saw(loopback(EVENTS))],                                             None, None),
    ("none",                             [saw(CHUNKED)],                                                      None, None),
    ("it waited for its turn",           [saw(loopback(EVENTS), HALF_A_SECOND, ended_s=2.0), saw(loopback(WEBSOCKET)),
                                          saw(Probe(EVENTS, Scenario.KILO, vantage=Vantage.LOOPBACK), QUEUED), saw(loopback(CHUNKED), QUEUED)], loopback(CHUNKED), Flow.FLOWING),
    ("it was slow to start",             [saw(loopback(WEBSOCKET), ended_s=9.0), saw(loopback(CHUNKED), at_moments(EVERY_8TH, [s + 4.0 for s in EVERY_8TH]))],
     loopback(CHUNKED), Flow.LATE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "probe", "flow"), CONTROLS, ids=[row[0] for row in CONTROLS])
def test_the_control(name, seen, probe, flow):
    seen = run(*seen)
    assert seen.control_probe(CHUNKED) == probe
    assert seen.control(CHUNKED) is flow
    place = "at the app's own port" if probe == direct(CHUNKED) else "on the service's own loopback"
    assert seen.control_place(CHUNKED) == place


ANOTHER = RequestAtApp(protocol="HTTP/1.0")
REQUESTS = [
    # name,                                  Observations,                                                                 request
    ("the baseline's",                       [saw(xab(CHUNKED), request=ANOTHER), saw(CHUNKED)],                            APP),
    ("another Probe's, where it has none",   [saw(CHUNKED, request=None), saw(xab(CHUNKED), request=ANOTHER)],              ANOTHER),
    ("another Probe's, without a baseline",  [saw(xab(CHUNKED), request=ANOTHER)],                                          ANOTHER),
    ("the first that has one",               [saw(kilo(CHUNKED), request=None), saw(xab(CHUNKED), request=ANOTHER), saw(big(CHUNKED))], ANOTHER),
    ("of another Transport",                 [saw(EVENTS)],                                                                 None),
    ("of another vantage",                   [saw(direct(CHUNKED)), saw(loopback(CHUNKED))],                                None),
    ("none",                                 [saw(CHUNKED, request=None)],                                                  None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "request_at_app"), REQUESTS, ids=[row[0] for row in REQUESTS])
def test_what_the_app_saw_of_a_request(name, seen, request_at_app):
    assert run(*seen).request_at_app(CHUNKED) == request_at_app


def test_the_one_that_waited_longest_for_its_turn():
    later = at_moments(EVERY_8TH, [s + 4.0 for s in EVERY_8TH[:5]])
    first, second = saw(WEBSOCKET, HALF_A_SECOND, ended_s=2.0), saw(CHUNKED, QUEUED, ended_s=4.0)
    third, fourth = saw(xab(CHUNKED), later), saw(EVENTS, at_moments(EVERY_8TH, [s + 4.2 for s in EVERY_8TH]))
    seen = run(saw(POLLING), first, third, second, fourth)
    queued = seen.queued(CHUNKED)
    assert queued is not None
    assert queued[0] == third
    assert queued[1].queued_s == pytest.approx(3.995, abs=0.01)
    assert run(saw(POLLING), first).queued(CHUNKED) is None


def test_the_headers_of_the_held_baseline_or_of_a_token():
    token = saw(CHUNKED, headers={"via": "token", "content-encoding": "br"})
    held = saw(
        kilo(CHUNKED), BLOCKS, headers={"via": "kilo", "content-encoding": "gzip", "content-length": "7"}
    )
    assert (run(token).header(CHUNKED, "via"), run(token, held).header(CHUNKED, "via")) == ("token", "kilo")
    assert (run(token).compressed(CHUNKED), run(token, held).compressed(CHUNKED)) == ("br", "gzip")
    assert not run(token).has_content_length(CHUNKED)
    assert run(token, held).has_content_length(CHUNKED)
    assert (run().header(CHUNKED, "via"), run().compressed(CHUNKED)) == ("", "")
    assert not run().has_content_length(CHUNKED)
    assert (run(token).header(CHUNKED, "age"), run(saw(CHUNKED)).compressed(CHUNKED)) == ("", "")


FIRST_READS = [
    # name,                          first read: bytes, text; is it a compressor's header alone?
    ("gzip's header",                (10, 0), True),
    ("deflate's header",             (2, 0),  True),
    ("more than a header",           (11, 0), False),
    ("one byte",                     (1, 0),  True),
    ("no byte",                      (0, 0),  False),
    ("text with it",                 (10, 1), False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "first", "expected"), FIRST_READS, ids=[row[0] for row in FIRST_READS])
def test_a_compressors_header_alone(name, first, expected):
    def seen(probe, reads):
        observation = saw(probe, reads)
        return dataclasses.replace(observation, arrivals=(Arrival(0.1, *first), *observation.arrivals))

    assert run(seen(CHUNKED, FLOWING)).compressor_header_only(CHUNKED) is expected
    assert run(saw(CHUNKED), seen(kilo(CHUNKED), BLOCKS)).compressor_header_only(CHUNKED) is expected


def test_no_read_at_all_is_no_compressors_header():
    assert not run(saw(CHUNKED, NOTHING)).compressor_header_only(CHUNKED)
    assert not run().compressor_header_only(CHUNKED)


def test_looked_up_by_probe():
    first, again, other = saw(CHUNKED, HELD), saw(CHUNKED), saw(EVENTS)
    seen = run(first, again, other)
    assert list(seen) == [first, other], "of two with the same Probe the first stands"
    assert (seen.get(Probe(CHUNKED)), seen.get(Probe(WEBSOCKET))) == (first, None)
    assert seen[Probe(CHUNKED)] == (first, seen.timing(Probe(CHUNKED)))
    assert seen.timing(Probe(WEBSOCKET)) is None
    assert (seen.flow(CHUNKED), seen.flow(EVENTS), seen.flow(WEBSOCKET)) == (Flow.HELD, Flow.FLOWING, None)
    assert seen.flow(CHUNKED, Scenario.KILO) is None
    assert (seen.is_held(CHUNKED), seen.is_held(EVENTS)) == (True, False)
    assert (seen.held_baseline(CHUNKED), seen.held_baseline(EVENTS)) == (Probe(CHUNKED), None)
    assert (seen.variant(CHUNKED, Variant.XAB), seen.variant(EVENTS, Variant.XAB)) == (xab(CHUNKED), None)
    assert seen.held_timing(CHUNKED) == seen.timing(Probe(CHUNKED))
    assert seen.held_timing(EVENTS) is None


TRIED = [
    # name,                    Observations,                                      tried?
    ("at a token",             [saw(xab(CHUNKED))],                               True),
    ("at a kilobyte",          [saw(kilo(CHUNKED, Variant.XAB))],                 True),
    ("tried without effect",  [saw(xab(CHUNKED), NOTHING)],                      True),
    ("on another Transport",   [saw(xab(EVENTS))],                                False),
    ("another difference",     [saw(Probe(CHUNKED, variant=Variant.IDENTITY))],   False),
    ("at another vantage",     [saw(Probe(CHUNKED, variant=Variant.XAB, vantage=Vantage.DIRECT))], False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "expected"), TRIED, ids=[row[0] for row in TRIED])
def test_whether_a_difference_was_tried(name, seen, expected):
    assert run(*seen).tried(CHUNKED, Variant.XAB) is expected


def of(client: Client, transport: Transport = CHUNKED) -> Probe:
    return Probe(transport, client=client)


def test_each_client_has_its_own_view():
    seen = run(saw(CHUNKED), saw(of(Client.HTTP1), HELD), saw(loopback(CHUNKED)))
    assert seen.clients == (Client.BROWSER, Client.HTTP1)
    browser, http1 = (seen.of_client(client) for client in seen.clients)
    assert (browser.flow(CHUNKED), http1.flow(CHUNKED)) == (Flow.FLOWING, Flow.HELD)
    assert http1.held_baseline(CHUNKED) == Probe(CHUNKED)
    assert {observation.probe.client for observation in http1} == {Client.BROWSER}
    assert browser.control(CHUNKED) is http1.control(CHUNKED) is Flow.FLOWING


def test_a_control_of_another_client_stands_for_none_that_the_client_made_itself():
    own, others = replace(loopback(CHUNKED), client=Client.HTTP1), loopback(CHUNKED)
    for order in ((saw(own, HELD), saw(others)), (saw(others), saw(own, HELD))):
        http1 = run(saw(of(Client.HTTP1)), saw(CHUNKED), *order).of_client(Client.HTTP1)
        assert http1.control(CHUNKED) is Flow.HELD


def test_what_only_one_client_asked_is_not_seen_by_another():
    seen = run(saw(CHUNKED), saw(of(Client.HTTP1, EVENTS)))
    assert seen.of_client(Client.HTTP1).get(Probe(CHUNKED)) is None
    assert seen.of_client(Client.BROWSER).get(Probe(EVENTS)) is None


def test_over_http_3_a_websocket_is_the_clients_own_or_that_of_an_http_1_1_client():
    stream, refused = saw(of(Client.HTTP3)), saw(of(Client.HTTP1, WEBSOCKET), NOTHING)
    assert run(stream, refused).of_client(Client.HTTP3).flow(WEBSOCKET) is Flow.FAILED
    own = run(stream, saw(of(Client.HTTP3, WEBSOCKET)), refused)
    assert own.of_client(Client.HTTP3).flow(WEBSOCKET) is Flow.FLOWING
    assert run(saw(CHUNKED), refused).of_client(Client.BROWSER).get(Probe(WEBSOCKET)) is None


def test_a_control_is_no_client_of_the_path():
    assert run(saw(loopback(CHUNKED))).clients == ()


def test_a_stream_that_waited_for_another_client_waited_for_its_turn():
    seen = run(saw(CHUNKED, ended_s=2.0), saw(of(Client.HTTP1), QUEUED))
    assert seen.of_client(Client.HTTP1).queued(CHUNKED) is not None


def test_what_another_client_of_the_same_run_saw():
    seen = run(saw(CHUNKED), saw(of(Client.HTTP1), HELD), saw(loopback(CHUNKED)))
    beside = seen.of_client(Client.BROWSER).beside(Client.HTTP1)
    assert beside is not None
    assert beside.flow(CHUNKED) is Flow.HELD
    assert seen.of_client(Client.BROWSER).beside(Client.HTTP3) is None, "it did not ask"
    assert seen.beside(Client.HTTP1) is None, "the whole run is no view"


TLS = [
    # name,                            TLS and HTTP of the token, of a kilobyte,    the kilobyte's reads;   the version
    ("no TLS",                         ("", "1.1"),               ("", "1.1"),       FLOWING,                ""),
    ("TLS",                            ("TLSv1.3", "2"),          ("TLSv1.3", "1.1"), FLOWING,               "2"),
    ("the held one's",                 ("", "2"),                 ("TLSv1.3", "1.1"), BLOCKS,                "1.1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "token", "larger", "reads", "version"), TLS, ids=[row[0] for row in TLS])
def test_which_http_a_transport_speaks_over_tls(name, token, larger, reads, version):
    first = dataclasses.replace(saw(CHUNKED), tls_version=token[0], http_version=token[1])
    second = dataclasses.replace(saw(kilo(CHUNKED), reads), tls_version=larger[0], http_version=larger[1])
    assert run(first, second).over_tls(CHUNKED) == version
    assert run(first, second).over_tls(EVENTS) == ""


def test_only_the_records_of_kilobyte_pieces_name_a_buffer():
    def encrypted(probe, size_bytes):
        arrivals = tuple(Arrival(at_s, 1, 1, record_bytes=(size_bytes,)) for at_s in (0.1, 0.8))
        return dataclasses.replace(saw(probe), tls_version="TLSv1.3", arrivals=arrivals)

    token, larger = encrypted(CHUNKED, 4_113), encrypted(kilo(CHUNKED), 16_401)
    assert run(token, larger).record_buffer_bytes(CHUNKED) == 16_384
    assert run(token).record_buffer_bytes(CHUNKED) is None
    assert run(token, larger).record_buffer_bytes(EVENTS) is None


def at_once(transport: Transport, run: int, vantage: Vantage = Vantage.PATH) -> Probe:
    return Probe(transport, variant=Variant.TOGETHER, run=run, vantage=vantage)


def test_the_streams_asked_for_at_once_are_those_that_arrived_on_the_path():
    first, second = saw(at_once(CHUNKED, 0)), saw(at_once(CHUNKED, 1))
    others = (
        saw(CHUNKED),
        saw(xab(CHUNKED)),
        saw(at_once(CHUNKED, 2), NOTHING),
        saw(at_once(CHUNKED, 3, Vantage.DIRECT)),
        saw(at_once(EVENTS, 0)),
    )
    seen = run(first, *others, second)
    assert seen.together(CHUNKED) == (seen[first.probe], seen[second.probe])
    assert run(*others[:4]).together(CHUNKED) == ()
