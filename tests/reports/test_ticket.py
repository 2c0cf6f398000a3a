"""The ticket: what was measured, which line is asked for, and what to use until then."""

from __future__ import annotations

import dataclasses
import shlex

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Report, RequestAtApp, Variant, Verdict
from flushcheck.reports.ticket import INTERVAL_S, PIECES, WIDTH, ticket
from flushcheck.streaming.params import Params
from tests.diagnosis.paths import Path
from tests.measurement.own import DIRECT, IDENTITY, ONCE, SINGLY, observed, own_run

OLD_HTTP = RequestAtApp(protocol="HTTP/1.0", connection="close")
XAB = frozenset({Variant.XAB})
WHOLE = 10_000_000
SEAM = "---- not part of the ticket"

TICKETS = [
    # name, path, what the ticket says, what it does not say, what stands below it
    (
        "nginx, and no WebSocket",
        Path(4096, XAB, removes_header=True, origin=OLD_HTTP, upgrades=False),
        ("Subject: streamed responses are held", "1.9 s", "4096 bytes", "proxy_buffering off;", "cost: a slow reader",
         "proxy_set_header Upgrade $http_upgrade;", "against 2"),
        ("on each streamed response:", "look the same", "if it is"),
        ("polling flows on this path", "chunked: tested here, it flows with the response header X-Accel-Buffering"),
    ),
    (
        "two that look the same",
        Path(4096, removes_header=True, origin=OLD_HTTP),
        ("From outside, 1 and 2 look the same", "if it is 1", "if it is 2", "the same evidence as above"),
        ("against 1",),
        ("polling, websocket flow on this path",),
    ),
    (
        "no nginx",
        Path(8192),
        ("nginx's own buffering is not the reason", "if it is 1", "8192 bytes", "the response has Server: something"),
        (),
        ("polling, websocket flow on this path",),
    ),
    (
        "padding helps",
        Path(4096, frozenset({Variant.PADDED})),
        ("Subject",),
        (),
        ("chunked: tested here, it flows with padding in front of the stream",),
    ),
    (
        "only WebSocket is missing",
        Path(upgrades=False),
        ("Subject: streamed responses are broken", "flushcheck diagnose http://test --only websocket"),
        ("curl",),
        ("polling, chunked, events flow on this path",),
    ),
    (
        "the app itself",
        Path(WHOLE, control_hold_bytes=WHOLE),
        ("No ticket is needed", "you can fix what was found at http://test yourself"),
        ("Subject", "curl"),
        ("you can change this yourself: the app's WSGI stack",),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "path", "says", "hides", "until_then"), TICKETS, ids=[row[0] for row in TICKETS]
)
def test_what_a_ticket_says(name, path, says, hides, until_then):
    letter, _, rest = ticket(judge(path.run())).partition(SEAM)
    one_line, below = " ".join(letter.split()), " ".join(rest.split())
    for needed in says:
        assert " ".join(needed.split()) in one_line
    for hidden in hides:
        assert hidden not in letter
    for needed in until_then:
        assert needed in below


def test_where_the_cause_is_not_known_the_ticket_asks():
    report = dataclasses.replace(judge(Path(8192).run()), culprits=())
    assert "Which proxies, caches, gateways and filters are" in " ".join(ticket(report).split())


@pytest.mark.parametrize(
    ("health", "says"),
    [(Verdict.FLOWING, "No ticket is needed"), (Verdict.UNKNOWN, "No ticket can be written")],
)
def test_where_there_is_nothing_to_ask_for_it_says_so(health, says):
    told = ticket(dataclasses.replace(judge(Path().run()), verdict=health, headline="words"))
    assert says in told
    assert "Subject" not in told


def test_the_line_to_try_survives_a_shell_and_no_address_steers_a_terminal():
    held = judge(Path(8192).run())
    told = ticket(dataclasses.replace(held, target="http://h/a'b;rm -rf x"))
    line = next(line for line in told.splitlines() if "curl" in line)
    assert shlex.split(line)[-1].startswith("http://h/a'b;rm -rf x/stream/chunked?")
    assert "\x1b" not in ticket(Report("http://x\x1b[2J", Verdict.HELD, "\x1b[2J", (), ()))


def test_it_fits_a_mail_but_for_what_is_to_be_copied():
    for _, path, *_ in TICKETS:
        for line in ticket(judge(path.run())).splitlines():
            assert len(line) <= WIDTH or line.startswith("    ")


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("https://test/flushcheck.php", "https://test/flushcheck.php?fc=chunked"),
        ("https://test/index.php?route=fc", "https://test/index.php?route=fc&fc=chunked"),
    ],
)
def test_a_stream_of_an_origin_is_asked_for_with_its_token(target, address):
    origin = dataclasses.replace(judge(Path(8192).run()), target=target, is_origin=True)
    told = ticket(origin)
    assert f"curl -N --compressed -H 'X-Flushcheck-Token: TOKEN' '{address}'\n" in told
    assert "TOKEN stands at the head of the origin" in told
    assert "It takes about" not in told
    assert "TOKEN" not in ticket(dataclasses.replace(origin, is_origin=False))


def test_the_operator_knows_how_long_the_command_takes():
    told = ticket(judge(Path(8192).run()))
    assert f"/stream/chunked?count={PIECES}&" in told
    assert "It takes about 5 s; a stream held to its end prints nothing until then." in " ".join(told.split())
    assert Params().interval_s == INTERVAL_S
    own = ticket(judge(own_run(observed(ONCE), observed(SINGLY, DIRECT), observed(ONCE, IDENTITY))))
    assert "It takes about 8 s; a stream" in " ".join(own.split())
