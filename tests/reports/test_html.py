"""The Report as one file: it needs nothing, runs nothing, and shows text from outside as text."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace

import pytest

from flushcheck.culprits.nginx_proxy_buffering import CULPRIT
from flushcheck.model import (
    Confidence,
    CulpritReport,
    CutCause,
    Evidence,
    FaultLocation,
    FaultPlace,
    Flow,
    Hop,
    IdleResult,
    Report,
    Transport,
    TransportReport,
    Variant,
    Verdict,
)
from flushcheck.reports.html import DENSE, html, picture

EVIL = "</style><script>alert(1)</script><img src=x onerror='alert(2)'>\""

VERDICT = TransportReport(
    Transport.CHUNKED,
    Flow.HELD,
    EVIL,
    freed_by=(Variant.XAB,),
    sent_s=(0.0, 0.4, 0.95, 1.0),
    received_s=(1.0, 1.0, 1.0, 1.0),
    notes=(EVIL,),
)
REPORT = Report(
    EVIL,
    Verdict.HELD,
    EVIL,
    (VERDICT,),
    (
        CulpritReport(
            replace(CULPRIT, title=EVIL, references=("javascript:alert(3)", "https://example.org/")),
            Confidence.CERTAIN,
            (Transport.CHUNKED,),
            (Evidence(EVIL),),
            versions=(EVIL, "nginx 1.30 does"),
        ),
    ),
    (EVIL,),
    tool=EVIL,
    hops=(Hop(EVIL, Evidence(EVIL)),),
    fault_location=FaultLocation(FaultPlace.PATH, EVIL, (Evidence(EVIL),)),
)


def test_text_of_a_stranger_is_text() -> None:
    whole = html(REPORT)
    assert "<script" not in whole
    assert "<img" not in whole
    assert whole.count("</style>") == 1
    assert "javascript:" not in whole
    assert 'href="https://example.org/"' in whole
    assert whole.count("&lt;img src=x") >= 11


def test_its_policy_allows_its_own_style_and_nothing_else() -> None:
    whole = html(REPORT)
    style = re.search("<style>(.*)</style>", whole, re.DOTALL)
    policy = re.search('http-equiv="Content-Security-Policy" content="([^"]*)"', whole)
    assert style
    assert policy
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy[1] == f"default-src 'none'; style-src 'sha256-{digest}'"
    assert " style=" not in whole
    assert "//" not in style[1]


def test_it_says_what_to_change_and_what_frees_it() -> None:
    whole = html(REPORT)
    for fix in CULPRIT.fixes:
        assert fix.where in whole
    assert "X-Accel-Buffering: no" in whole


def test_it_says_what_the_versions_do_where_a_culprit_has_any() -> None:
    assert "<h3>Versions</h3>" in html(REPORT)
    assert "<li>nginx 1.30 does</li>" in html(REPORT)
    assert "Versions" not in html(replace(REPORT, culprits=(replace(REPORT.culprits[0], versions=()),)))


def test_it_lists_who_stands_on_the_path_and_what_that_rests_on() -> None:
    hops = (
        Hop("an nginx", Evidence("its header did not arrive")),
        Hop("a cache", Evidence("Age: 7")),
    )
    whole = html(replace(REPORT, hops=hops))
    listed = re.search("<ol>(.*)</ol>", whole)
    assert listed
    assert re.findall('<li>([^<]*)<br><span class="soft">([^<]*)</span></li>', listed[1]) == [
        ("an nginx", "its header did not arrive"),
        ("a cache", "Age: 7"),
    ]


def test_it_says_where_the_fault_lies_where_that_was_asked() -> None:
    located = FaultLocation(FaultPlace.PATH, "on the path, not in the app", (Evidence("chunked: held"),))
    assert (
        "<h2>Where the fault is</h2><p>on the path, not in the app</p><ul><li>chunked: held</li></ul>"
        in html(replace(REPORT, fault_location=located))
    )
    assert "Where the fault is" not in html(replace(REPORT, fault_location=None))


def test_it_tells_which_silences_pass_and_which_are_cut() -> None:
    quiet = IdleResult(CutCause.IDLE, "cut", passed_s=5.0, cut_after_s=30.04)
    flowing = replace(VERDICT, flow=Flow.FLOWING, idle=quiet)
    whole = html(replace(REPORT, transports=(flowing,)))
    assert '<th scope="row">chunked</th><td>5 s</td><td>30 s</td><td>–</td>' in whole
    # It flows while data is sent; that alone must not look like a path without faults.
    assert '<span class="word good">flowing</span> <span class="word bad">cut</span>' in whole
    assert "How long a stream may be silent" not in html(REPORT)


PICTURES = [
    # name            sent                received             lines by kind: prompt, slow, kept
    ("flowing",       (0.0, 0.5, 1.0),    (0.0, 0.5, 1.0),     (3, 0, 0)),
    ("held",          (0.0, 0.5, 1.0),    (1.0, 1.0, 1.0),     (1, 1, 1)),
    ("one late",      (0.0, 0.5),         (0.2, 0.5),          (1, 1, 0)),
    ("all at once",   (0.0, 0.0),         (0.0, 0.0),          (2, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "sent", "received", "expected"), PICTURES, ids=[name for name, *_ in PICTURES]
)
def test_a_line_joins_each_piece_sent_to_the_same_received(name, sent, received, expected) -> None:
    drawn = picture(sent, received, name=name)
    paths = dict(re.findall('<path class="(prompt|slow|kept)" d="([^"]*)"', drawn))
    assert tuple(paths.get(kind, "").count("M") for kind in ("prompt", "slow", "kept")) == expected
    assert f'aria-label="{name}"' in drawn


def test_held_pieces_meet_in_one_point() -> None:
    drawn = picture((0.0, 0.1, 0.2), (2.0, 2.0, 2.0), name="held")
    assert {end for _, end in re.findall(r"M([\d.]+) 14L([\d.]+) 82", drawn)} == {"1000.0"}


def test_very_many_lines_are_finer() -> None:
    many = tuple(number / 10 for number in range(DENSE + 1))
    assert 'class="dense"' in picture(many, many, name="many")
