"""Where a response offers HTTP/3."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flushcheck.measurement.alt_svc import http3_port, offered_port
from flushcheck.model import Client, Observation, Outcome, Probe, Transport, Vantage

OFFERS = [
    # name                           value                                              port
    ("nothing",                      "",                                                0),
    ("Caddy",                        'h3=":443"; ma=2592000',                           443),
    ("another port",                 'h3=":8443"',                                      8443),
    ("the highest port",             'h3=":65535"',                                     65_535),
    ("the lowest port",              'h3=":1"',                                         1),
    ("the same host",                'h3="site.test:443"',                              443),
    ("the same host, other case",    'h3="SITE.test:443"',                              443),
    ("another host",                 'h3="cdn.test:443"',                               0),
    ("clear",                        "clear",                                           0),
    ("a draft",                      'h3-29=":443"',                                    0),
    ("HTTP/2",                       'h2=":443"',                                       0),
    ("a draft and the standard",     'h3-29=":444"; ma=1, h3=":445"; ma=1',             445),
    ("no space",                     'h2=":444",h3=":445"',                             445),
    ("the first of two",             'h3=":445", h3=":446"',                            445),
    ("expired",                      'h3=":443"; ma=0',                                 0),
    ("expired, more zeros",          'h3=":443"; persist=1; ma=00',                     0),
    ("expired, in quotes",           'h3=":443"; ma="0"; persist=1',                    0),
    ("expired, capitals",            'h3=":443";MA=0',                                  0),
    ("not expired yet",              'h3=":443"; ma=05',                                443),
    ("another parameter of 0",       'h3=":443"; persist=0',                            443),
    ("the first has expired",        'h3=":443"; ma=0, h3=":444"',                      444),
    ("a comma in a parameter",       'h3=":443"; x="a,b"; ma=9',                        443),
    ("port 0",                       'h3=":0"',                                         0),
    ("port 0, then another",         'h3=":0", h3=":443"',                               443),
    ("a port beyond all",            'h3=":65536"',                                     0),
    ("a long port",                  'h3=":000443"',                                    0),
    ("five digits",                  'h3=":00443"',                                     443),
    ("no port",                      'h3="site.test"',                                  0),
    ("a word for a port",            'h3=":https"',                                     0),
    ("digits of another script",     'h3=":\u0664\u0664\u0663"',                     0),
    ("an odd digit",                 'h3=":\u00b2"',                                   0),
    ("no quotes",                    "h3=:443",                                         0),
    ("nonsense before it",           'what? h3=":443"',                                 0),
    ("nonsense behind it",           'h3=":443" nonsense',                              0),
    ("no end",                       'h3=":443',                                        0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "port"), OFFERS, ids=[row[0] for row in OFFERS])
def test_an_offer_is_read_as_rfc_7838_has_it(name, value, port):
    assert http3_port(value, "site.test") == port


def test_an_address_of_ipv6_is_the_same_with_its_brackets():
    assert http3_port('h3="[2001:db8::1]:443"', "2001:DB8::1") == 443
    assert http3_port('h3="[2001:db8::2]:443"', "2001:db8::1") == 0


def test_a_long_value_takes_no_time():
    assert http3_port('h3=":443"' + "; a=1" * 50_000, "site.test") == 443
    assert http3_port('h3=":443"' + "; a=1" * 50_000 + "; ?", "site.test") == 0
    assert http3_port('h2=":443", ' * 20_000 + 'h3=":443"', "site.test") == 443


def seen(probe: Probe, value: str = "") -> Observation:
    headers = (("alt-svc", value),) if value else ()
    return Observation(probe, Outcome.COMPLETE, headers=headers)


CHUNKED = Probe(Transport.CHUNKED)
OFFER = 'h3=":443"'
RUNS = [
    # name                      observations                                                 port
    ("none",                    (),                                                          0),
    ("no offer",                (seen(CHUNKED),),                                            0),
    ("a browser",               (seen(CHUNKED, OFFER),),                                     443),
    ("an HTTP/1.1 client",      (seen(CHUNKED), seen(replace(CHUNKED, client=Client.HTTP1), OFFER)), 443),
    ("over HTTP/3 itself",      (seen(replace(CHUNKED, client=Client.HTTP3), OFFER),),       0),
    ("at the app's own port",   (seen(replace(CHUNKED, vantage=Vantage.DIRECT), OFFER),),    0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "observations", "port"), RUNS, ids=[row[0] for row in RUNS])
def test_a_run_has_the_offer_of_its_path(name, observations, port):
    assert offered_port(observations, "site.test") == port
