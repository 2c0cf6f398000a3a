"""What an origin that can vary its flushing shows of the app's own buffers."""

from __future__ import annotations

import pytest

from flushcheck.diagnosis.flushing import flushing_notes
from flushcheck.diagnosis.inference import judge
from flushcheck.model import Capabilities, Flow, Observation, Probe, RequestAtApp, Run, Transport, Variant
from tests.measurement.arrivals import Reads, at_moments
from tests.measurement.streams import BLOCKS, EVERY_8TH, FLOWING, HELD, LATE, run, saw, xab

POLLING, CHUNKED, EVENTS, WEBSOCKET = Transport
PHP = RequestAtApp(protocol="HTTP/1.1", server="PHP/8.2.36 fpm-fcgi")
NODE = RequestAtApp(protocol="HTTP/1.1", server="Node/20.20.2")
GZIP = {"content-encoding": "gzip"}
QUEUED = at_moments(EVERY_8TH, [s + 4.0 for s in EVERY_8TH])


def origin(
    never: Reads | None = HELD,
    flush: Reads | None = FLOWING,
    both: Reads | None = FLOWING,
    *,
    baseline: Reads = FLOWING,
    transport: Transport = CHUNKED,
    request: RequestAtApp | None = PHP,
    headers: dict[str, str] | None = None,
) -> list[Observation]:
    """What an origin sent with each way of flushing; None: not made."""
    ways = {Variant.NO_FLUSH: never, Variant.FLUSH: flush, Variant.OB_FLUSH: both}
    made = [
        saw(Probe(transport, variant=way), reads, request=request, headers=headers)
        for way, reads in ways.items()
        if reads is not None
    ]
    return [saw(transport, baseline, request=request), *made]


def freed(reads: Reads) -> Observation:
    return saw(xab(CHUNKED), reads, request=PHP)


BOTH = (
    "Write ob_flush(); flush(); after each piece, or in php.ini output_buffering = Off (php-output-buffering)"
)
CLOSE = "Close them all before the first output: while (ob_get_level() > 0) { ob_end_clean(); } (php-output-buffering)"
NESTED = f"chunked: even with ob_flush() and flush() after each piece PHP holds the stream for up to 1.90 s: its buffers lie one inside the other. {CLOSE}"
ALONE = f"chunked: with flush() alone after each piece PHP holds the stream for up to 1.90 s. {BOTH}"
WITHOUT = "chunked: without a flush PHP holds the stream for up to 1.90 s; flush after each piece"

NOTES = [
    # name,                                     Observations,                                                     notes
    ("held without a flush alone",              origin(),                                                         [WITHOUT]),
    ("in blocks",                               origin(BLOCKS),                                                   ["chunked: without a flush PHP holds the stream for up to 0.26 s; flush after each piece"]),
    ("compressed",                              origin(headers=GZIP),                                             [f"{WITHOUT} (php-zlib)"]),
    ("an app that is not PHP",                  origin(request=NODE, headers=GZIP),                               [WITHOUT.replace("PHP", "the app")]),
    ("an app that does not say",                origin(request=None, headers=GZIP),                               [WITHOUT.replace("PHP", "the app")]),
    ("held with flush() too",                   origin(HELD, HELD),                                               [ALONE]),
    ("held with both",                          origin(HELD, HELD, HELD),                                         [NESTED]),
    ("it flushes by itself",                    origin(FLOWING),                                                  []),
    ("only late",                               origin(LATE),                                                     []),
    ("waited for its turn",                     [saw(POLLING), *origin(QUEUED)],                                  []),
    ("not tried",                               origin(None, None, None),                                         []),
    ("on events",                               origin(transport=EVENTS),                                         [WITHOUT.replace("chunked", "events")]),
    ("a server holds all of them",              [*origin(HELD, HELD, HELD, baseline=HELD), freed(HELD)],          []),
    ("a server whose part was not looked at",   origin(HELD, HELD, HELD, baseline=HELD),                          []),
    ("behind an nginx that obeys the header",   [*origin(HELD, HELD, baseline=HELD), freed(FLOWING)],             [ALONE]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "expected"), NOTES, ids=[row[0] for row in NOTES])
def test_what_the_script_has_to_do(name, seen, expected):
    assert list(flushing_notes(run(*seen))) == expected


def test_the_path_is_not_to_blame_for_it():
    report = judge(Run("http://test", (*origin(HELD, HELD),)))
    assert [transport.flow for transport in report.transports] == [Flow.FLOWING]
    assert (report.culprits, report.notes) == ((), (ALONE,))


@pytest.mark.parametrize(
    ("capabilities", "is_origin"),
    [
        (None, False),
        (Capabilities((CHUNKED,), 4, 60.0, 8192), True),
        (Capabilities((CHUNKED,), 4, 60.0, 8192, paths=True), False),
    ],
    ids=["a service", "an origin", "a service that speaks the protocol"],
)
def test_a_report_says_whether_an_origin_was_diagnosed(capabilities, is_origin):
    assert judge(Run("http://test", tuple(origin()), capabilities=capabilities)).is_origin is is_origin
