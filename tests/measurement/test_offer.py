"""What of a plan an origin can serve, with a row on each side of each bound."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from flushcheck.measurement import offer, plan
from flushcheck.measurement.repeats import OWN_VARIANTS
from flushcheck.model import Capabilities, Omission, OmissionReason, Probe, Scenario, Transport, Variant

POLLING, CHUNKED, EVENTS, WEBSOCKET = Transport
TOKEN, KILO, BIG, IDLE, STEADY, _ = Scenario
NOT_OFFERED, TOO_LONG, TOO_LARGE, AT_ONCE, NO_TIME = OmissionReason
ALL = Capabilities(
    tuple(Transport), 8, 60.0, 1_048_576, params=("pad", "xab", "cache", "nosniff", "type"), origin="test"
)
BARE = replace(ALL, params=())
SERVICE = replace(BARE, transports=(CHUNKED,), max_bytes=8192, paths=True)
SMALL = "fc=chunked&count=20&interval=0.1&jitter=0.04&size=16&spread=28"

ADDRESSES = [
    # probe                                          address
    (Probe(CHUNKED),                                 f"?{SMALL}&nonce=n"),
    (Probe(EVENTS),                                  f"?{SMALL.replace('chunked', 'events')}&nonce=n"),
    (Probe(WEBSOCKET),                               f"?{SMALL.replace('chunked', 'websocket')}&nonce=n"),
    (Probe(POLLING),                                 "?fc=polling&count=10&interval=0.1&jitter=0.04&size=16&spread=28&nonce=n"),
    (Probe(CHUNKED, variant=Variant.XAB),            f"?{SMALL}&xab=1&nonce=n"),
    (Probe(CHUNKED, variant=Variant.NO_TRANSFORM),   f"?{SMALL}&cache=1&nonce=n"),
    (Probe(CHUNKED, variant=Variant.NOSNIFF),        f"?{SMALL}&nosniff=1&nonce=n"),
    (Probe(CHUNKED, variant=Variant.PADDED),         f"?{SMALL}&pad=8192&nonce=n"),
    (Probe(CHUNKED, variant=Variant.OTHER_TYPE),     f"?{SMALL}&type=application%2Foctet-stream&nonce=n"),
    (Probe(CHUNKED, variant=Variant.NO_FLUSH),       f"?{SMALL}&xab=1&flush=never&nonce=n"),
    (Probe(CHUNKED, variant=Variant.FLUSH),          f"?{SMALL}&xab=1&flush=flush&nonce=n"),
    (Probe(CHUNKED, variant=Variant.OB_FLUSH),       f"?{SMALL}&xab=1&flush=both&nonce=n"),
    (Probe(CHUNKED, variant=Variant.IDENTITY),       f"?{SMALL}&nonce=n"),
    (Probe(CHUNKED, IDLE, lasts_s=5),                "?fc=chunked&count=2&interval=5&jitter=0.04&size=16&spread=28&nonce=n"),
]  # fmt: skip


@pytest.mark.parametrize(("probe", "address"), ADDRESSES, ids=[row[0].id for row in ADDRESSES])
def test_what_a_probe_asks_an_origin_for(probe, address):
    assert offer.address(probe, "n", ALL) == address


@pytest.mark.parametrize("capabilities", [None, SERVICE], ids=["service", "service that speaks the protocol"])
def test_a_service_is_asked_by_its_own_paths(capabilities):
    assert offer.address(Probe(CHUNKED), "n", capabilities) == plan.address(Probe(CHUNKED), "n")


def test_every_variant_of_the_response_has_its_parameter():
    in_the_client = {Variant.BASELINE, Variant.IDENTITY, Variant.HTTP10, Variant.TOGETHER}
    assert set(offer.PARAMETERS) == set(Variant) - OWN_VARIANTS - in_the_client
    for variant, parameter in offer.PARAMETERS.items():
        query = offer.address(Probe(CHUNKED, variant=variant), "n", ALL).partition("?")[2]
        assert parameter in dict(parse_qsl(query))


FLUSHES = [
    # name                       capabilities                                    flushes
    ("all but the baseline's",   replace(ALL, flush=("never", "flush", "both")), ("never", "flush")),
    ("one way is the baseline",  replace(ALL, flush=("both",)),                  ()),
    ("it does not say",          ALL,                                            ()),
    ("a service",                None,                                           ()),
    ("a service that says so",   replace(SERVICE, flush=("never", "flush")),     ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "capabilities", "flushes"), FLUSHES, ids=[row[0] for row in FLUSHES])
def test_the_ways_of_flushing_that_differ_from_the_baseline(name, capabilities, flushes):
    assert offer.flushes(capabilities) == flushes


# Of 20 pieces: 19 intervals and the jitter; 20 x (16 + 14) bytes.
REASONS = [
    # name                       probe                                       capabilities                            reason
    ("all of it",                Probe(CHUNKED),                             ALL,                                    None),
    ("a service",                Probe(POLLING),                             None,                                   None),
    ("a service that says so",   Probe(POLLING),                             SERVICE,                                None),
    ("another transport",        Probe(POLLING),                             replace(ALL, transports=(CHUNKED,)),    NOT_OFFERED),
    ("that transport",           Probe(CHUNKED),                             replace(ALL, transports=(CHUNKED,)),    None),
    ("no parameter",             Probe(CHUNKED, variant=Variant.XAB),        BARE,                                   NOT_OFFERED),
    ("the parameter",            Probe(CHUNKED, variant=Variant.XAB),        replace(BARE, params=("xab",)),         None),
    ("another parameter",        Probe(CHUNKED, variant=Variant.XAB),        replace(BARE, params=("pad",)),         NOT_OFFERED),
    ("no way to flush less",     Probe(CHUNKED, variant=Variant.FLUSH),      replace(BARE, params=("xab",)),         NOT_OFFERED),
    ("it can flush less",        Probe(CHUNKED, variant=Variant.FLUSH),      replace(BARE, params=("flush",)),       None),
    ("of the client",            Probe(CHUNKED, variant=Variant.IDENTITY),   BARE,                                   None),
    ("long enough",              Probe(CHUNKED, IDLE, lasts_s=60),           replace(ALL, max_duration_s=60.04),     None),
    ("too long by the jitter",   Probe(CHUNKED, IDLE, lasts_s=60),           replace(ALL, max_duration_s=60.03),     TOO_LONG),
    ("a short one",              Probe(CHUNKED),                             replace(ALL, max_duration_s=1.95),      None),
    ("too long",                 Probe(CHUNKED),                             replace(ALL, max_duration_s=1.93),      TOO_LONG),
    ("a poll is never long",     Probe(POLLING),                             replace(ALL, max_duration_s=0.1, max_bytes=1), None),
    ("large enough",             Probe(CHUNKED),                             replace(ALL, max_bytes=600),            None),
    ("too large",                Probe(CHUNKED),                             replace(ALL, max_bytes=599),            TOO_LARGE),
    ("large with padding",       Probe(CHUNKED, variant=Variant.PADDED),     replace(ALL, max_bytes=8792),           None),
    ("too large with padding",   Probe(CHUNKED, variant=Variant.PADDED),     replace(ALL, max_bytes=8791),           TOO_LARGE),
    ("the first of many",        Probe(CHUNKED, variant=Variant.TOGETHER),   replace(ALL, max_streams=2),            None),
    ("the last of two",          Probe(CHUNKED, variant=Variant.TOGETHER, run=1), replace(ALL, max_streams=2),       None),
    ("one too many",             Probe(CHUNKED, variant=Variant.TOGETHER, run=2), replace(ALL, max_streams=2),       AT_ONCE),
    ("one at a time",            Probe(CHUNKED, variant=Variant.TOGETHER),   replace(ALL, max_streams=1),            AT_ONCE),
    ("alone",                    Probe(CHUNKED),                             replace(ALL, max_streams=1),            None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "probe", "capabilities", "reason"), REASONS, ids=[row[0] for row in REASONS]
)
def test_what_an_origin_serves(name, probe, capabilities, reason):
    other = Probe(CHUNKED, run=9)
    assert offer.reason(probe, capabilities) == reason
    served = offer.offered((probe, other), capabilities)
    left_out = offer.omissions((probe, other), capabilities)
    assert (probe in served) is (reason is None)
    assert [omission for omission in left_out if omission.probe == probe] == (
        [Omission(probe, reason)] if reason else []
    )


def test_transports_that_are_not_offered_are_left_out_as_such():
    capabilities = replace(ALL, transports=(CHUNKED, POLLING))
    left_out = (Omission(Probe(EVENTS), NOT_OFFERED), Omission(Probe(WEBSOCKET), NOT_OFFERED))
    assert offer.omitted_transports(Transport, capabilities) == left_out
    assert offer.omitted_transports((CHUNKED,), capabilities) == ()
    assert offer.omitted_transports(Transport, None) == ()
    assert offer.omitted_transports(Transport, SERVICE) == ()


def test_how_many_at_once_is_the_least_of_all_addresses():
    one, two = replace(ALL, max_streams=1), replace(ALL, max_streams=2)
    assert offer.at_once(None) == offer.at_once(None, None) == offer.at_once(SERVICE, None) == 0
    assert offer.at_once(one, two) == offer.at_once(two, one) == 1
    assert offer.at_once(two, None) == offer.at_once(None, two) == offer.at_once(SERVICE, two) == 2
