"""What is said of a watched stream beside what its case says: right, undecided or wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flushcheck import judge
from tests.culprits.rows_own import AT_PORT, FREED, blocks, held, server
from tests.lab.case import Case, Kind, Protocol
from tests.lab.verdicts import Mark
from tests.lab.watched import STREAMS, address_of, assess_watched, port_behind
from tests.measurement.own import GZIP, SINGLY, observed, own_run

HELD, FLOWS, KILO_HELD = "held", "flowing", "flowing; kilo held"
RIGHT, UNDECIDED, WRONG = Mark.RIGHT, Mark.UNDECIDED, Mark.WRONG


def case(*culprits: str) -> Case:
    kind = Kind.GUILTY if culprits else Kind.INNOCENT
    return Case(
        "nginx/x", Path("x.conf"), kind, "why", culprits, (), "gunicorn", options={}, seen={}, text=""
    )


def watched_case(word: str) -> Case:
    """A case with a `watched` line."""
    return replace(case("nginx-proxy-buffering"), options={"watched events-token": word})


ROWS = [
    # name,                       case,                          what arrives, what flushcheck saw,                       mark
    ("flowing",                   case(),                        FLOWS,        (observed(SINGLY),),                       RIGHT),
    ("a false alarm",             case(),                        FLOWS,        (held(), AT_PORT),                         WRONG),
    ("a cause that others meet",  case("compressor"),            KILO_HELD,    (held(GZIP), FREED),                       RIGHT),
    ("a cause that holds nothing", case("compressor"),           FLOWS,        (held(GZIP), FREED),                       WRONG),
    ("a coarse word",             watched_case(HELD),            FLOWS,        (held(), AT_PORT),                         RIGHT),
    ("not told apart",            case("nginx-proxy-buffering"), HELD,         (held(),),                                 UNDECIDED),
    ("called flowing",            case("nginx-proxy-buffering"), HELD,         (observed(SINGLY),),                       WRONG),
    ("described",                 case("nginx-proxy-buffering"), HELD,         (held(), AT_PORT),                         RIGHT),
    ("named among look-alikes",   case("nginx-scgi-buffering"),  HELD,         (blocks(4096, server("nginx")),),          RIGHT),
    ("another reason for it",     case("nginx-ignore-headers"),  HELD,         (blocks(4096, server("nginx")),),          RIGHT),
    ("only others are named",     case("caddy-buffer-responses"), HELD,        (blocks(4096, server("nginx")),),          WRONG),
    ("another one is named",      case("nginx-gzip"),            HELD,         (held(GZIP, server("Caddy")), FREED, AT_PORT), WRONG),
]  # fmt: skip


@pytest.mark.parametrize(("name", "case_", "word", "seen", "mark"), ROWS, ids=[row[0] for row in ROWS])
def test_a_watched_stream_is_compared_with_its_case(name, case_, word, seen, mark):
    token, _, kilo = word.partition("; kilo ")
    sights = {Protocol.HTTP1: {"events-token": token, **({"events-kilo": kilo} if kilo else {})}}
    known = replace(case_, sights=sights, seen=sights[Protocol.HTTP1])
    result = assess_watched(known, sights, {"events-token": judge(own_run(*seen))}, 1.0)
    assert result.mark is mark, result.why


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_of_an_origin_is_asked_for_in_its_protocol(name):
    route = name.partition("-")[0]
    assert address_of(name, "") == STREAMS[name][1]
    assert address_of(name, "/x").startswith(f"/x?fc={route}&count=")
    assert address_of(name, "/x?k=y").startswith(f"/x?k=y&fc={route}&count=")


def test_an_origin_is_not_at_the_port_behind():
    assert port_behind(case(), "http://127.0.0.1:1") == "http://127.0.0.1:1"
    assert port_behind(replace(case(), options={"origin": "/x"}), "http://127.0.0.1:1") == ""
