"""Every detector on synthetic runs: the guilty run, and for each guard the twin that differs in one thing.

A run is a table of its own, name of a part to Observation; a twin replaces parts, or takes them away with None.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from flushcheck.culprits import DETECTORS, FALLBACK_DETECTORS
from flushcheck.model import (
    Confidence,
    Observation,
    Outcome,
    Probe,
    RequestAtApp,
    Scenario,
    Transport,
    Vantage,
    Variant,
)
from tests.measurement.arrivals import Reads, at_moments, in_blocks, in_ticks, sent
from tests.measurement.streams import (
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
    blocks,
    direct,
    kilo,
    loopback,
    run,
    saw,
    xab,
)

POLLING, CHUNKED, EVENTS, WEBSOCKET = Transport
CERTAIN, LIKELY, POSSIBLE = Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE
CUT, REFUSED = Outcome.CUT, Outcome.REFUSED

Parts = Mapping[str, Observation | None]

BY_ID = {detector.CULPRIT.id: detector for detector in (*DETECTORS, *FALLBACK_DETECTORS)}


def with_variant(transport: Transport, variant: Variant) -> Probe:
    return Probe(transport, variant=variant)


def app(server: str = "gunicorn/27.0.1", **others) -> RequestAtApp:
    return RequestAtApp(**{"protocol": "HTTP/1.1", "server": server, **others})


def asked(parts: Parts, request: RequestAtApp | None) -> Parts:
    """The same run, where the app saw this of every request."""
    return {name: seen and dataclasses.replace(seen, request_at_app=request) for name, seen in parts.items()}


def header(parts: Parts, **values: str) -> Parts:
    """The same run, where every response has these headers too."""
    more = tuple((name.replace("_", "-"), value) for name, value in values.items())
    return {
        name: seen
        and dataclasses.replace(seen, headers=(*(h for h in seen.headers if h[0] not in dict(more)), *more))
        for name, seen in parts.items()
    }


ARRIVED = {"x-accel-buffering": "no"}  # no nginx removed it
GZIP = {"content-encoding": "gzip"}
WITH_IDENTITY = with_variant(CHUNKED, Variant.IDENTITY)

# An nginx that holds and obeys.
HONORED: Parts = {
    "base": saw(CHUNKED, HELD),
    "kilo": saw(kilo(CHUNKED), blocks(4096)),
    "xab": saw(xab(CHUNKED)),
    "control": saw(loopback(CHUNKED)),
}
HONORED_GZIP: Parts = {
    **HONORED,
    "base": saw(CHUNKED, HELD, headers=GZIP),
    "identity": saw(WITH_IDENTITY),
}
SLOW: Parts = {
    "base": saw(CHUNKED),
    "kilo": saw(kilo(CHUNKED), THROTTLED),
    "xab": saw(kilo(CHUNKED, Variant.XAB)),
    "websocket": saw(WEBSOCKET),
    "websocket kilo": saw(kilo(WEBSOCKET)),
}
# An nginx that removes the header, and something that holds all the same.
STRIPPED: Parts = {**HONORED, "xab": saw(xab(CHUNKED), HELD)}
# A hop that holds and is no nginx; its size is not known.
PASSED: Parts = {
    "base": saw(CHUNKED, HELD),
    "xab": saw(xab(CHUNKED), HELD, headers=ARRIVED),
    "control": saw(loopback(CHUNKED)),
}
PASSED_GZIP: Parts = {
    "base": saw(CHUNKED, HELD, headers=GZIP),
    "xab": saw(xab(CHUNKED), HELD, headers={**GZIP, **ARRIVED}),
    "identity": saw(WITH_IDENTITY),
    "control": saw(loopback(CHUNKED)),
}
NOT_PASSED: Parts = {"xab": saw(xab(CHUNKED), HELD)}
FREED: Parts = {"xab": saw(xab(CHUNKED))}
HELD_CONTROL: Parts = {"control": saw(loopback(CHUNKED), HELD)}


def of_size(size_bytes: int) -> Parts:
    return {"kilo": saw(kilo(CHUNKED), blocks(size_bytes))}


def of_large_size(size_bytes: int) -> Parts:
    offsets = sent(24, 0.08, 0.03)
    return {"big": saw(Probe(CHUNKED, Scenario.BIG), in_blocks(offsets, size_bytes, 16_040))}


def ticking(period_s: float) -> Reads:
    return in_ticks(sent(40, 0.05, 0.04), period_s)


def base(reads: Reads, **others) -> Parts:
    return {"base": saw(CHUNKED, reads, **others)}


def handshake(
    outcome: Outcome = REFUSED, status: int = 400, request: RequestAtApp | None = None, **others
) -> Parts:
    return {"websocket": saw(WEBSOCKET, NOTHING, outcome=outcome, status=status, request=request, **others)}


KEY = app(websocket_key=True)
GATEWAY = app(gateway="CGI/1.1")
PHP = app("PHP/8.2")
SSI: Parts = {
    **handshake(Outcome.UNREACHABLE, 0, detail='got b\'{"seq": 0, "at_s": 0.0}\''),
    "chunked": saw(CHUNKED),
    "events": saw(EVENTS, HELD),
}
AGE: Parts = {
    "polling": saw(POLLING),
    "chunked": saw(CHUNKED, outcome=CUT, ended_s=1.0),
    "events": saw(EVENTS, outcome=CUT, ended_s=1.25),
    "websocket": saw(WEBSOCKET, outcome=CUT, ended_s=1.4),
}
KILLED: Parts = header(AGE, connection="close")
TCP: Parts = {
    "polling": saw(POLLING),
    "chunked": saw(CHUNKED, HELD),
    "websocket": saw(WEBSOCKET, HELD),
}
FCGI: Parts = asked(PASSED, GATEWAY)
QUEUED: Parts = {
    "first": saw(WEBSOCKET, at_moments(EVERY_8TH, EVERY_8TH), ended_s=2.4),
    "queued": saw(CHUNKED, at_moments(EVERY_8TH, [s + 2.4 for s in EVERY_8TH])),
}
TICKING: Parts = {
    "base": saw(CHUNKED, TICKS),
    "http10": saw(with_variant(CHUNKED, Variant.HTTP10)),
    "websocket": saw(WEBSOCKET),
    "control": saw(loopback(CHUNKED)),
}
HTTP10_HELD: Parts = {"http10": saw(with_variant(CHUNKED, Variant.HTTP10), HELD)}
EVENTS_TICKING: Parts = {"http10": None, "events": saw(EVENTS, TICKS)}
CADDY: Parts = header(PASSED, server="Caddy")
STORED: Parts = header(PASSED, content_length="900", accept_ranges="bytes")
VARNISH: Parts = header({**PASSED, "xab": saw(xab(CHUNKED), HELD)}, content_length="900", x_varnish="3")
VARNISH_GZIP: Parts = header({**PASSED_GZIP, "identity": saw(WITH_IDENTITY, HELD)}, x_varnish="3")
NO_OTHER_TYPE: Parts = {"other type": saw(with_variant(CHUNKED, Variant.OTHER_TYPE), HELD)}
OTHER_TYPE: Parts = {**PASSED, "other type": saw(with_variant(CHUNKED, Variant.OTHER_TYPE))}


def idle(lasts_s: float, outcome: Outcome, ended_s: float, *, vantage: Vantage = Vantage.PATH) -> Observation:
    reads: Reads = [(0.01, 50, [(0, 0.0)]), (lasts_s, 50, [(1, lasts_s)])]
    probe = Probe(CHUNKED, Scenario.IDLE, vantage=vantage, lasts_s=lasts_s)
    return saw(probe, reads[: 2 if outcome is Outcome.COMPLETE else 1], outcome=outcome, ended_s=ended_s)


def steady(outcome: Outcome, ended_s: float, *, vantage: Vantage = Vantage.PATH) -> Observation:
    return saw(Probe(CHUNKED, Scenario.STEADY, vantage=vantage, lasts_s=65), outcome=outcome, ended_s=ended_s)


IDLE: Parts = {"idle": idle(65, CUT, 60), "steady": steady(Outcome.COMPLETE, 65)}
AT_PORT = Vantage.DIRECT

# id, transport, the guilty run, its confidence, then the twins: name, what differs, confidence (None: not detected)
Twins = list[tuple[str, Parts, Confidence | None]]
CASES: list[tuple[str, Transport, Parts, Confidence, Twins]] = [
    ("app-response", CHUNKED, {**base(HELD), **HELD_CONTROL}, CERTAIN, [
        ("the control flows",                   {"control": saw(loopback(CHUNKED))},                       None),
        ("no control",                          {"control": None},                                         None),
        ("the app's own port is the control",   {"control": saw(direct(CHUNKED), HELD)},                   CERTAIN),
        ("the path flows",                      base(FLOWING),                                             None),
        ("the control is compressed",           {"control": saw(loopback(CHUNKED), HELD, headers=GZIP)},   None),
        ("the control was cut",                 {"control": saw(loopback(CHUNKED), HELD, outcome=CUT)},    None),
    ]),
    ("flask-compress", CHUNKED, {**base(HELD), "control": saw(loopback(CHUNKED), HELD, headers=GZIP)}, LIKELY, [
        ("the control is not compressed",       HELD_CONTROL,                                              None),
        ("the control flows",                   {"control": saw(loopback(CHUNKED), headers=GZIP)},         None),
        ("no control",                          {"control": None},                                         None),
        ("the path flows",                      base(FLOWING),                                             None),
        ("a client without compression is held", {"identity": saw(WITH_IDENTITY, HELD)},                   LIKELY),
    ]),
    ("nginx-proxy-buffering", CHUNKED, HONORED, CERTAIN, [
        ("what the app saw is not known",       asked(HONORED, None),                                      LIKELY),
        ("over HTTP/1.0",                       asked(HONORED, app(protocol="HTTP/1.0")),                  CERTAIN),
        ("through a gateway",                   asked(HONORED, GATEWAY),                                   None),
        ("the header frees nothing",            {"xab": saw(xab(CHUNKED), HELD)},                          None),
        ("the header arrived",                  {"xab": saw(xab(CHUNKED), headers=ARRIVED)},               None),
        ("the header was not tried",            {"xab": None},                                             None),
        ("nothing is held",                     {**base(FLOWING), "kilo": None},                           None),
        ("only for clients that accept compression", HONORED_GZIP,                                         None),
        ("compressed, and held for the others too", {**HONORED_GZIP, "identity": saw(WITH_IDENTITY, HELD)}, CERTAIN),
        ("compressed, the others not tried",    {**HONORED_GZIP, "identity": None},                        POSSIBLE),
        ("at a constant rate",                  SLOW,                                                      None),
    ]),
    ("nginx-gzip", CHUNKED, HONORED_GZIP, CERTAIN, [
        ("not compressed",                      base(HELD),                                                None),
        ("held for the others too",             {"identity": saw(WITH_IDENTITY, HELD)},                    None),
        ("the others not tried",                {"identity": None},                                        POSSIBLE),
        ("the others tried on events",          {"identity": None, "events": saw(EVENTS, HELD, headers=GZIP),
                                                 "events identity": saw(with_variant(EVENTS, Variant.IDENTITY))}, CERTAIN),
        ("the others held on events",           {"identity": None, "events": saw(EVENTS, HELD, headers=GZIP),
                                                 "events identity": saw(with_variant(EVENTS, Variant.IDENTITY), HELD)}, None),
        ("tried on events, which are not compressed", {"identity": None, "events": saw(EVENTS, HELD),
                                                 "events identity": saw(with_variant(EVENTS, Variant.IDENTITY))}, POSSIBLE),
        ("the header frees nothing",            NOT_PASSED,                                                None),
        ("the header arrived",                  {"xab": saw(xab(CHUNKED), headers=ARRIVED)},               None),
    ]),
    *((name, CHUNKED, asked(HONORED, app(gateway=gateway)), CERTAIN, [
        ("what the app saw is not known",       asked(HONORED, None),                                      POSSIBLE),
        ("no gateway",                          asked(HONORED, app()),                                     None),
        ("another gateway",                     asked(HONORED, app(gateway=other)),                        None),
        ("the header frees nothing",            {"xab": saw(xab(CHUNKED), HELD)},                          None),
        ("the header arrived",                  {"xab": saw(xab(CHUNKED), headers=ARRIVED)},               None),
        ("only for clients that accept compression", asked(HONORED_GZIP, app(gateway=gateway)),            None),
        ("compressed, and held for the others too", asked({**HONORED_GZIP, "identity": saw(WITH_IDENTITY, HELD)}, app(gateway=gateway)), CERTAIN),
        ("compressed, the others not tried",    asked({**HONORED_GZIP, "identity": None}, app(gateway=gateway)), POSSIBLE),
        ("at a constant rate",                  asked(SLOW, app(gateway=gateway)),                         None),
    ]) for name, gateway, other in (
        ("nginx-fastcgi-buffering", "CGI/1.1", "SCGI/1"),
        ("nginx-uwsgi-buffering", "uwsgi", "CGI/1.1"),
        ("nginx-scgi-buffering", "SCGI/1", "uwsgi"),
    )),
    ("nginx-limit-rate", CHUNKED, SLOW, CERTAIN, [
        ("in blocks",                           of_size(4096),                                             None),
        ("nothing is held",                     {"kilo": saw(kilo(CHUNKED))},                              None),
        ("the header frees nothing",            {"xab": saw(kilo(CHUNKED, Variant.XAB), THROTTLED)},       None),
        ("the header arrived",                  {"xab": saw(kilo(CHUNKED, Variant.XAB), headers=ARRIVED)}, None),
    ]),
    *((name, CHUNKED, STRIPPED, POSSIBLE, [
        ("the header frees it",                 FREED,                                                     None),
        ("the header arrived",                  {"xab": saw(xab(CHUNKED), HELD, headers=ARRIVED)},         None),
        ("the header was not tried",            {"xab": None},                                             None),
        ("no size is known",                    {"kilo": None},                                            None),
        ("in blocks",                           base(blocks(4096)),                                        POSSIBLE),
        ("in ticks",                            base(TICKS),                                               None),
        ("late",                                base(LATE),                                                None),
        ("nothing is held",                     {**base(FLOWING), "kilo": None},                           None),
        ("PHP, in blocks that nginx makes",     asked({**STRIPPED, **of_size(4088)}, PHP),                 POSSIBLE),
        ("PHP, in larger blocks",               asked({**STRIPPED, **of_size(4089)}, PHP),                 None),
        ("what the app saw is not known",       asked(STRIPPED, None),                                     POSSIBLE),
    ]) for name in ("nginx-hint-taken", "nginx-ignore-headers")),
    ("nginx-ssi", WEBSOCKET, SSI, LIKELY, [
        ("a response came",                     handshake(Outcome.UNREACHABLE, 200, detail='"seq":'),      None),
        ("it was refused",                      handshake(REFUSED, 0, detail='"seq":'),                    None),
        ("no Piece came in place of HTTP",      handshake(Outcome.UNREACHABLE, 0, detail="refused"),       None),
        ("it was not tried",                    {"websocket": None},                                       None),
        ("HTTP does not flow",                  {"chunked": saw(CHUNKED, HELD)},                           None),
        ("only events flow",                    {"chunked": None, "events": saw(EVENTS)},                  LIKELY),
    ]),
    ("response-cache", CHUNKED, {"xab": saw(xab(CHUNKED), REPLAYED)}, CERTAIN, [
        ("nothing is old",                      {"xab": saw(xab(CHUNKED))},                                None),
        ("another Transport's is old",          {"xab": saw(xab(EVENTS), REPLAYED)},                       None),
        ("nothing was seen",                    {"xab": None},                                             None),
    ]),
    ("php-output-buffering", CHUNKED, asked({**PASSED, **of_size(8192)}, PHP), LIKELY, [
        ("the smallest of its blocks",          of_size(8100),                                             LIKELY),
        ("smaller blocks",                      of_size(8099),                                             POSSIBLE),
        ("larger blocks",                       of_size(8193),                                             POSSIBLE),
        ("no size is known",                    {"kilo": None},                                            POSSIBLE),
        ("not PHP",                             asked(PASSED, app("Apache")),                              None),
        ("what the app saw is not known",       asked({**PASSED, **of_size(8192)}, None),                  None),
        ("nothing is held",                     {**asked(base(FLOWING), PHP), "kilo": None},               None),
        ("the header frees it",                 FREED,                                                     None),
        ("the header was not tried",            {"xab": None},                                             None),
        ("the header was removed",              NOT_PASSED,                                                LIKELY),
        ("with a Content-Length",               asked(base(HELD, headers={"content-length": "9"}), PHP),   None),
        ("compressed",                          asked(base(HELD, headers=GZIP), PHP),                      None),
    ]),
    ("php-zlib", CHUNKED, asked(PASSED_GZIP, PHP), LIKELY, [
        ("not compressed",                      asked(base(HELD), PHP),                                    None),
        ("not PHP",                             asked(PASSED_GZIP, app("Apache")),                         None),
        ("the header frees it",                 FREED,                                                     None),
        ("the header was not tried",            {"xab": None},                                             None),
    ]),
    ("apache-proxy-fcgi", CHUNKED, {**FCGI, **of_size(4096)}, LIKELY, [
        ("the smallest of its blocks",          of_size(3900),                                             LIKELY),
        ("smaller blocks",                      of_size(3899),                                             None),
        ("the largest of its blocks",           of_size(5700),                                             LIKELY),
        ("larger blocks",                       of_size(5701),                                             None),
        ("no size is known",                    {"kilo": None},                                            None),
        ("no gateway",                          asked(PASSED, app()),                                      None),
        ("what the app saw is not known",       asked({**PASSED, **of_size(4096)}, None),                  None),
        ("the header was removed",              NOT_PASSED,                                                None),
        ("the header frees it",                 {"xab": saw(xab(CHUNKED), headers=ARRIVED)},               None),
        ("the control is held",                 HELD_CONTROL,                                              None),
        ("no control",                          {"control": None},                                         LIKELY),
        ("with a Content-Length",               asked(base(HELD, headers={"content-length": "9"}), GATEWAY), None),
    ]),
    ("apache-mod-fcgid", CHUNKED, {**FCGI, **of_large_size(65_536)}, LIKELY, [
        ("smaller blocks",                      of_large_size(65_535),                                     None),
        ("held whole at a kilobyte",            {"big": None, "kilo": saw(kilo(CHUNKED), HELD)},           POSSIBLE),
        ("no size, and not held at a kilobyte", {"big": None, "kilo": saw(kilo(CHUNKED))},                 None),
        ("no size, a kilobyte not tried",       {"big": None},                                             None),
        ("no gateway",                          asked(PASSED, app()),                                      None),
        ("with a Content-Length",               asked(base(HELD, headers={"content-length": "9"}), GATEWAY), None),
    ]),
    ("apache-mod-security", CHUNKED, OTHER_TYPE, LIKELY, [
        ("no other type passes",                NO_OTHER_TYPE,                                             None),
        ("no other type was tried",             {"other type": None},                                      None),
        ("another Transport passes",            {**NO_OTHER_TYPE, "events": saw(EVENTS)},                  LIKELY),
        ("another Transport is held",           {**NO_OTHER_TYPE, "events": saw(EVENTS, HELD)},            None),
        ("compressed",                          base(HELD, headers=GZIP),                                  None),
        ("with a Content-Length",               base(HELD, headers={"content-length": "9"}),               None),
        ("a size is known",                     of_size(4096),                                             None),
        ("in ticks",                            base(TICKS),                                               None),
        ("the header was removed",              NOT_PASSED,                                                None),
    ]),
    ("passenger-buffer-response", CHUNKED, asked(PASSED, app("Phusion Passenger")), LIKELY, [
        ("another server",                      asked(PASSED, app()),                                      None),
        ("what the app saw is not known",       asked(PASSED, None),                                       None),
        ("the header was removed",              NOT_PASSED,                                                None),
    ]),
    ("haproxy-http-delay", CHUNKED, TICKING, LIKELY, [
        ("about the shortest of its ticks",     base(ticking(0.155)),                                      LIKELY),
        ("shorter ticks",                       base(ticking(0.14)),                                       None),
        ("about the longest of its ticks",      base(ticking(0.34)),                                       LIKELY),
        ("longer ticks",                        base(ticking(0.36)),                                       None),
        ("held, and not in ticks",              base(HELD),                                                None),
        ("nothing is held",                     base(FLOWING),                                             None),
        ("an HTTP/1.0 client is held too",      HTTP10_HELD,                                               None),
        ("no HTTP/1.0 client was tried",        {"http10": None},                                          POSSIBLE),
        ("an HTTP/1.0 client on events flows",  {**EVENTS_TICKING, "events http10": saw(with_variant(EVENTS, Variant.HTTP10))}, LIKELY),
        ("an HTTP/1.0 client on events is held", {**EVENTS_TICKING, "events http10": saw(with_variant(EVENTS, Variant.HTTP10), TICKS)}, None),
        ("a WebSocket is held too",             {"websocket": saw(WEBSOCKET, TICKS)},                      None),
        ("a WebSocket was not tried",           {"websocket": None},                                       LIKELY),
        ("the control is held",                 {"control": saw(loopback(CHUNKED), TICKS)},                None),
        ("no control",                          {"control": None},                                         LIKELY),
    ]),
    ("caddy-encode", CHUNKED, header(PASSED_GZIP, server="Caddy"), LIKELY, [
        ("another server",                      base(HELD, headers={**GZIP, "server": "Apache"}),          None),
        ("not compressed",                      base(HELD, headers={"server": "Caddy"}),                   None),
        ("held for the others too",             {"identity": saw(WITH_IDENTITY, HELD)},                    None),
        ("the others not tried",                {"identity": None},                                        None),
        ("the header was removed",              NOT_PASSED,                                                None),
    ]),
    ("caddy-buffer-responses", CHUNKED, {**CADDY, **handshake(REFUSED, 200)}, LIKELY, [
        ("another server",                      base(HELD),                                                POSSIBLE),
        ("the handshake was refused",           handshake(REFUSED, 400),                                   None),
        ("no handshake was tried",              {"websocket": None},                                       None),
        ("a size is known",                     of_size(4096),                                             None),
        ("compressed",                          base(HELD, headers={**GZIP, "server": "Caddy"}),           None),
        ("with a Content-Length",               base(HELD, headers={"content-length": "9"}),               None),
        ("the header was removed",              NOT_PASSED,                                                None),
    ]),
    ("lighttpd-stream-response-body", CHUNKED, asked(STORED, app(forwarded=("x-host",))), LIKELY, [
        ("the app runs under lighttpd",         asked(STORED, app("Lighttpd/1.4")),                        LIKELY),
        ("neither names it",                    asked(STORED, app()),                                      POSSIBLE),
        ("what the app saw is not known",       asked(STORED, None),                                       POSSIBLE),
        ("no Content-Length",                   header(PASSED, accept_ranges="bytes"),                     None),
        ("no Accept-Ranges",                    header(PASSED, content_length="9"),                        None),
        ("Varnish",                             header(STORED, x_varnish="3"),                             None),
        ("the header was removed",              NOT_PASSED,                                                None),
    ]),
    ("varnish-do-stream", CHUNKED, VARNISH, LIKELY, [
        ("not Varnish",                         header(PASSED, content_length="9"),                        None),
        ("no Content-Length",                   header(PASSED, x_varnish="3"),                             None),
        ("the header frees it",                 FREED,                                                     None),
        ("the header was not tried",            {"xab": None},                                             None),
        ("nothing is held",                     header(base(FLOWING), content_length="9", x_varnish="3"),  None),
        ("the control is held",                 HELD_CONTROL,                                              None),
        ("no control",                          {"control": None},                                         LIKELY),
    ]),
    ("varnish-gzip", CHUNKED, VARNISH_GZIP, LIKELY, [
        ("not Varnish",                         {**PASSED_GZIP, "identity": saw(WITH_IDENTITY, HELD)},     None),
        ("not compressed",                      header(base(HELD), x_varnish="3"),                         None),
        ("the others flow",                     {"identity": saw(WITH_IDENTITY)},                          None),
        ("the others not tried",                {"identity": None},                                        None),
        ("with a Content-Length",               header(VARNISH_GZIP, content_length="9"),                  None),
        ("the header was removed",              NOT_PASSED,                                                None),
    ]),
    ("gunicorn-sync-worker", CHUNKED, QUEUED, LIKELY, [
        ("another server",                      asked(QUEUED, app("Passenger")),                           None),
        ("what the app saw is not known",       asked(QUEUED, None),                                       None),
        ("it did not wait for its turn",        {"queued": saw(CHUNKED)},                                  None),
    ]),
    ("gunicorn-timeout", CHUNKED, KILLED, POSSIBLE, [
        ("a WebSocket is not cut",              {"websocket": saw(WEBSOCKET)},                             None),
        ("events are not cut",                  {"events": saw(EVENTS)},                                   None),
        ("no WebSocket was tried",              {"websocket": None},                                       POSSIBLE),
        ("it is not cut itself",                {"chunked": saw(CHUNKED)},                                 None),
        ("it was not tried",                    {"chunked": None},                                         None),
        ("it is held",                          {"chunked": saw(CHUNKED, HELD, headers={"connection": "close"})}, None),
        ("the connection is kept",              {"chunked": AGE["chunked"]},                               None),
        ("another server",                      {"polling": saw(POLLING, request=app("uwsgi"))},           None),
        ("polling was not tried",               {"polling": None},                                         None),
    ]),
    ("gunicorn-timeout", EVENTS, KILLED, POSSIBLE, []),
    ("gunicorn-timeout", WEBSOCKET, KILLED, POSSIBLE, []),
    ("idle-timeout", CHUNKED, IDLE, LIKELY, [
        ("silence passes",                      {"idle": idle(65, Outcome.COMPLETE, 65)},                  None),
        ("a deadline for all streams",          {"steady": steady(CUT, 60)},                               None),
        ("nothing was sent all the while",      {"steady": None},                                          None),
        ("none was tried",                      {"idle": None, "steady": None},                            None),
        ("it passes at the app's own port",     {"direct": idle(65, Outcome.COMPLETE, 65, vantage=AT_PORT)}, CERTAIN),
        ("cut at the app's own port too",       {"direct": idle(65, CUT, 60, vantage=AT_PORT),
                                                 "direct steady": steady(Outcome.COMPLETE, 65, vantage=AT_PORT)}, POSSIBLE),
    ]),
    ("tcp-middlebox", CHUNKED, TCP, LIKELY, [
        ("a WebSocket flows",                   {"websocket": saw(WEBSOCKET)},                             None),
        ("a WebSocket was not tried",           {"websocket": None},                                       None),
        ("a WebSocket is late",                 {"websocket": saw(WEBSOCKET, LATE)},                       None),
        ("in ticks",                            {"chunked": saw(CHUNKED, TICKS), "websocket": saw(WEBSOCKET, TICKS)}, LIKELY),
        ("in blocks",                           {"chunked": saw(CHUNKED, blocks(4096)), "websocket": saw(WEBSOCKET, blocks(4096))}, LIKELY),
        ("this Transport is late",              {"chunked": saw(CHUNKED, LATE), "events": saw(EVENTS, HELD)}, None),
        ("the control is held",                 {"control": saw(loopback(CHUNKED), HELD)},                 None),
        ("polling was not tried",               {"polling": None},                                         None),
        ("what the app saw of a poll is not known", {"polling": saw(POLLING, request=None)},               None),
    ]),
    ("tcp-middlebox", WEBSOCKET, TCP, LIKELY, [
        ("HTTP flows",                          {"chunked": saw(CHUNKED)},                                 None),
        ("only events are held",                {"chunked": saw(CHUNKED), "events": saw(EVENTS, HELD)},    LIKELY),
    ]),
    ("tcp-middlebox", CHUNKED, AGE, POSSIBLE, [
        ("at ages a little further apart",      {"chunked": saw(CHUNKED, outcome=CUT, ended_s=0.99)},      None),
        ("a WebSocket is not cut",              {"websocket": saw(WEBSOCKET)},                             None),
        ("a WebSocket was not tried",           {"websocket": None},                                       None),
        ("events were cut before any Piece",    {"events": saw(EVENTS, NOTHING, outcome=CUT, ended_s=1.2)}, None),
        ("one connection is closed",            {"events": saw(EVENTS, outcome=CUT, ended_s=1.2, headers={"connection": "Close"})}, None),
    ]),
    ("tcp-middlebox", EVENTS, AGE, POSSIBLE, []),
    ("websocket-upgrade", WEBSOCKET, handshake(request=app(websocket_key=True, upgrade="", connection="")), CERTAIN, [
        ("nothing is lost",                     handshake(request=app(websocket_key=True, upgrade="WebSocket", connection="Upgrade")), None),
        ("Upgrade is lost",                     handshake(request=app(websocket_key=True, connection="Upgrade")), CERTAIN),
        ("Connection is lost",                  handshake(request=app(websocket_key=True, upgrade="websocket")), CERTAIN),
        ("over HTTP/1.0",                       handshake(request=app(websocket_key=True, upgrade="websocket", connection="upgrade", protocol="HTTP/1.0")), CERTAIN),
        ("through a gateway",                   handshake(request=app(websocket_key=True, gateway="CGI/1.1")), None),
        ("no key, over HTTP/1.0",               handshake(request=app(protocol="HTTP/1.0")),               LIKELY),
        ("no key, over HTTP/1.1",               handshake(request=app()),                                  None),
        ("what the app saw is not known",       handshake(),                                               None),
        ("it opened",                           {"websocket": saw(WEBSOCKET, request=KEY)},                None),
        ("it was not tried",                    {"websocket": None},                                       None),
    ]),
    ("gateway-websocket", WEBSOCKET, handshake(request=GATEWAY), CERTAIN, [
        ("not implemented, without a gateway",  handshake(status=501, request=app()),                      CERTAIN),
        ("refused, without a gateway",          handshake(request=app()),                                  None),
        ("what the app saw is not known",       handshake(status=501),                                     None),
        ("it opened",                           {"websocket": saw(WEBSOCKET, request=GATEWAY)},            None),
        ("it was not tried",                    {"websocket": None},                                       None),
    ]),
    ("http-hop", CHUNKED, PASSED, LIKELY, [
        ("no control",                          {"control": None},                                         POSSIBLE),
        ("the control waits for the next Piece", {"control": saw(loopback(CHUNKED), ONE_LATE)},            None),
        ("the control has no pattern",          {"control": saw(loopback(CHUNKED), NO_PATTERN)},           POSSIBLE),
        ("the header frees it",                 {"xab": saw(xab(CHUNKED), headers=ARRIVED)},               None),
        ("the header was not tried",            {"xab": None},                                             None),
        ("the header was removed",              NOT_PASSED,                                                None),
        ("removed, and a Content-Length added", header({**PASSED, **NOT_PASSED}, content_length="9"),      LIKELY),
        ("a WebSocket has no pattern",          {"websocket": saw(WEBSOCKET, NO_PATTERN)},                 None),
        ("a WebSocket flows",                   {"websocket": saw(WEBSOCKET)},                             LIKELY),
        ("nothing is held",                     base(FLOWING),                                             None),
        ("nothing was seen",                    {"base": None},                                            None),
    ]),
    ("http-hop", CHUNKED, {**SLOW, "xab": saw(kilo(CHUNKED, Variant.XAB), THROTTLED, headers=ARRIVED)}, LIKELY, [
        ("the header was not tried",            {"xab": None},                                             None),
        ("a WebSocket is as slow",              {"websocket kilo": saw(kilo(WEBSOCKET), THROTTLED)},       None),
        ("a WebSocket was not tried",           {"websocket kilo": None},                                  None),
    ]),
    ("http-hop", CHUNKED, {"base": saw(CHUNKED, outcome=CUT), "websocket": saw(WEBSOCKET)}, LIKELY, [
        ("a WebSocket is cut too",              {"websocket": saw(WEBSOCKET, outcome=CUT)},                None),
        ("a WebSocket was not tried",           {"websocket": None},                                       None),
        ("it broke off otherwise",              {"base": saw(CHUNKED, outcome=Outcome.TIMEOUT)},           None),
    ]),
    ("http-hop", WEBSOCKET, handshake(status=403), POSSIBLE, [
        ("it is the app's response",            handshake(status=403, request=KEY),                        None),
        ("no status",                           handshake(status=0),                                       None),
        ("it was accepted",                     handshake(status=101),                                     None),
        ("nothing answered",                    handshake(Outcome.UNREACHABLE, 403),                       None),
        ("it was cut",                          {"websocket": saw(WEBSOCKET, outcome=CUT, request=None)},  None),
    ]),
]  # fmt: skip

ROWS = [
    (culprit, transport, name, {**parts, **changes}, confidence)
    for culprit, transport, parts, guilty, twins in CASES
    for name, changes, confidence in [("guilty", {}, guilty), *twins]
]


@pytest.mark.parametrize(
    ("culprit", "transport", "name", "parts", "confidence"),
    ROWS,
    ids=[f"{culprit}-{transport}: {name}" for culprit, transport, name, *_ in ROWS],
)
def test_a_detector_finds_its_culprit_and_no_twin(culprit, transport, name, parts, confidence):
    detection = BY_ID[culprit].detect(run(*filter(None, parts.values())), transport)
    assert (detection and detection.confidence) == confidence
    if detection:
        assert detection.culprit.id == culprit
        assert all(fact.sentence for fact in detection.evidence)


@pytest.mark.parametrize("culprit", BY_ID)
def test_every_detector_has_its_rows(culprit):
    own = [row for row in ROWS if row[0] == culprit]
    assert [row for row in own if row[4]], "a guilty run"
    assert [row for row in own if not row[4]], "a twin that is innocent"


ELSEWHERE = [
    # id,                 transport, run
    ("nginx-ssi",         CHUNKED,   {**SSI, "chunked": saw(CHUNKED, NOTHING, outcome=Outcome.UNREACHABLE, status=0, detail='"seq":'), "events": saw(EVENTS)}),
    ("gunicorn-timeout",  POLLING,   {**KILLED, "polling": saw(POLLING, outcome=CUT, headers={"connection": "close"})}),
    ("tcp-middlebox",     POLLING,   AGE),
    ("websocket-upgrade", CHUNKED,   {"chunked": saw(CHUNKED, NOTHING, outcome=REFUSED, request=KEY)}),
    ("gateway-websocket", CHUNKED,   {"chunked": saw(CHUNKED, NOTHING, outcome=REFUSED, request=GATEWAY)}),
    ("http-hop",          CHUNKED,   {"chunked": saw(CHUNKED, NOTHING, outcome=REFUSED, status=403, request=None)}),
    ("http-hop",          POLLING,   {"polling": saw(POLLING, outcome=CUT), "websocket": saw(WEBSOCKET)}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("culprit", "transport", "parts"), ELSEWHERE, ids=[f"{row[0]}-{row[1]}" for row in ELSEWHERE]
)
def test_a_detector_of_one_transport_is_silent_on_the_others(culprit, transport, parts):
    assert BY_ID[culprit].detect(run(*filter(None, parts.values())), transport) is None


FACTS = [
    # id,                    transport, run,                                                                a Probe that the evidence must, or must not, rest on
    ("nginx-gzip",           CHUNKED, HONORED_GZIP,                                                         "chunked-token-identity", True),
    ("nginx-gzip",           CHUNKED, {**HONORED_GZIP, "identity": None, "events": saw(EVENTS, HELD, headers=GZIP),
                                       "events identity": saw(with_variant(EVENTS, Variant.IDENTITY))},     "events-token-identity", True),
    ("flask-compress",       CHUNKED, {**base(HELD), "control": saw(loopback(CHUNKED), HELD, headers=GZIP),
                                       "identity": saw(WITH_IDENTITY)},                                     "chunked-token-identity", True),
    ("flask-compress",       CHUNKED, {**base(HELD), "control": saw(loopback(CHUNKED), HELD, headers=GZIP),
                                       "identity": saw(WITH_IDENTITY, HELD)},                               "chunked-token-identity", False),
    ("http-hop",             CHUNKED, {**PASSED_GZIP},                                                      "chunked-token-identity", True),
    ("http-hop",             CHUNKED, {**PASSED_GZIP, "identity": saw(WITH_IDENTITY, HELD)},                "chunked-token-identity", False),
    ("haproxy-http-delay",   CHUNKED, TICKING,                                                              "chunked-token-http/1.0", True),
    ("apache-mod-security",  CHUNKED, OTHER_TYPE,                                                           "chunked-token-other-type", True),
    ("gunicorn-sync-worker", CHUNKED, QUEUED,                                                               "chunked-token", True),
    ("response-cache",       CHUNKED, {"xab": saw(xab(CHUNKED), REPLAYED), "base": saw(CHUNKED)},           "chunked-token-x-accel-buffering", True),
    ("response-cache",       CHUNKED, {"xab": saw(xab(CHUNKED), REPLAYED), "base": saw(CHUNKED)},           "chunked-token", False),
]  # fmt: skip


@pytest.mark.parametrize(("culprit", "transport", "parts", "probe", "rests"), FACTS)
def test_the_evidence_rests_on_the_probes_that_show_it(culprit, transport, parts, probe, rests):
    detection = BY_ID[culprit].detect(run(*filter(None, parts.values())), transport)
    assert detection is not None
    assert (probe in {name for fact in detection.evidence for name in fact.probes}) is rests
