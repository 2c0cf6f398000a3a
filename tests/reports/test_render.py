"""The Report as a person reads it."""

from __future__ import annotations

import dataclasses
import shlex

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import (
    Client,
    ClientReport,
    Flow,
    Report,
    RequestAtApp,
    Transport,
    TransportReport,
    Variant,
    Verdict,
)
from flushcheck.reports.oneliner import oneliner
from flushcheck.reports.terminal import picture, terminal
from tests.diagnosis.paths import Path

GUILTY = judge(
    Path(
        4096,
        frozenset({Variant.XAB}),
        removes_header=True,
        origin=RequestAtApp(protocol="HTTP/1.0"),
        upgrades=False,
    ).run()
)


def test_the_report_says_what_is_held_by_whom_and_which_line_frees_it():
    told = terminal(GUILTY, width=100, color=False)
    assert told.startswith("HELD  http://test\n")
    for needed in ("4096 bytes", "nginx-proxy-buffering", "proxy_buffering off;", "cost:", "1.9 s"):
        assert needed in told


@pytest.mark.parametrize("width", [10, 40, 60, 80, 100, 300])
def test_no_line_is_wider_than_the_terminal_but_those_to_copy(width):
    to_copy = [
        line.strip()
        for culprit_report in GUILTY.culprits
        for fix in culprit_report.culprit.fixes
        for line in fix.change.splitlines()
    ]
    to_copy += [line.strip() for bundle in GUILTY.bundles for line in bundle.change.splitlines()]
    for line in terminal(GUILTY, width=width, color=False).splitlines():
        assert len(line) <= max(40, min(width, 100)) or line.strip() in to_copy


def test_colour_is_only_where_it_was_asked_for():
    assert "\x1b[" not in terminal(GUILTY, width=80, color=False)
    coloured = terminal(GUILTY, width=80, color=True)
    assert coloured.count("\x1b[0m") == sum(
        coloured.count(f"\x1b[{code}m") for code in ("31;1", "31", "32", "33;1", "1", "2")
    )


def test_text_from_the_far_side_cannot_steer_the_terminal():
    hostile = Report("http://x\x1b]0;gotcha\x07", Verdict.UNKNOWN, "\x1b[2J\nfake: \u202eok", (), ())
    told = terminal(hostile, width=80, color=False)
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert r"\x1b[2J" in told


def test_the_picture_shows_the_fan():
    sent, came = picture([0.0, 0.5, 1.0], [1.0, 1.0, 1.0], 11)
    assert (sent, came) == ("|....|....|", "..........3")


def test_the_one_line_is_one_line_and_survives_any_address():
    line = oneliner("http://host:8000/sub'path; rm -rf x/")
    assert "\n" not in line
    words = shlex.split(line)
    assert words.count("|") == 2
    assert [word for word in words if "rm -rf" in word][-1].endswith("/diagnostics/judge")


UNTRUSTED = TransportReport(Transport.CHUNKED, Flow.FAILED, "did not open: not trusted")
OTHER = dataclasses.replace(UNTRUSTED, transport=Transport.EVENTS)
HTTP1 = ClientReport(Client.HTTP1, "", Flow.FAILED, UNTRUSTED.summary)
ALIKE = [
    # name,                          the transports,                                                            how often the reason is said
    ("the same for all",             (UNTRUSTED, OTHER),                                                        1),
    ("for every client too",         (dataclasses.replace(UNTRUSTED, clients=(HTTP1,)), OTHER),                 1),
    ("another reason",               (UNTRUSTED, dataclasses.replace(OTHER, summary="did not open: refused")),  1),
    ("another reason for a client",  (UNTRUSTED, dataclasses.replace(OTHER, clients=(dataclasses.replace(HTTP1, summary="refused"),))), 2),
    ("the same of what is cut",      tuple(dataclasses.replace(report, flow=Flow.CUT) for report in (UNTRUSTED, OTHER)), 2),
]  # fmt: skip


@pytest.mark.parametrize(("name", "transports", "said"), ALIKE, ids=[row[0] for row in ALIKE])
def test_one_reason_for_every_transport_is_said_once(name, transports, said):
    told = terminal(
        Report("http://x", Verdict.UNKNOWN, "could not tell", transports, ()), width=100, color=False
    )
    assert told.count("not trusted") == said
    assert ("!! all " in told) is (name in ("the same for all", "for every client too"))


def test_a_reason_on_one_transport_names_it():
    told = terminal(
        Report("http://x", Verdict.UNKNOWN, "could not tell", (UNTRUSTED,), ()), width=100, color=False
    )
    assert "!! chunked " in told


def test_versions_stand_below_the_fixes():
    (culprit, *_) = GUILTY.culprits
    with_versions = dataclasses.replace(culprit, versions=("nginx 1.30 does",))
    told = terminal(dataclasses.replace(GUILTY, culprits=(with_versions,)), width=100, color=False)
    assert "  versions:\n  - nginx 1.30 does\n  evidence:" in told
    without = dataclasses.replace(culprit, versions=())
    assert "versions:" not in terminal(
        dataclasses.replace(GUILTY, culprits=(without,)), width=100, color=False
    )


def test_a_report_keeps_its_notes():
    noted = dataclasses.replace(GUILTY, notes=("something to know",))
    assert "note: something to know" in terminal(noted, width=80, color=False)
