"""What reports write of a fix: its remarks, what came of it here, and the lines of several culprits together."""

from __future__ import annotations

from html import unescape

import pytest

from flushcheck.configs.versions import NGINX_UPSTREAM_HTTP11
from flushcheck.diagnosis.inference import judge
from flushcheck.model import Fix, OfferedFix, Owner, RequestAtApp, Transport, Variant
from flushcheck.reports.fixes import offered_document, remarks, remarks_here, versions
from flushcheck.reports.html import html
from flushcheck.reports.json_report import document
from flushcheck.reports.markdown import markdown
from flushcheck.reports.results import Result
from flushcheck.reports.terminal import terminal
from flushcheck.reports.ticket import ticket
from tests.diagnosis.paths import Path

OLD_HTTP = RequestAtApp(protocol="HTTP/1.0")
HELD = Path(4096, frozenset({Variant.XAB}), removes_header=True, origin=OLD_HTTP)
TWO = judge(Path(4096, frozenset({Variant.XAB}), True, origin=OLD_HTTP, upgrades=False).run())
ONE = judge(HELD.run())
OUTPUTS = {
    "terminal": lambda report: terminal(report, width=100, color=False),
    "HTML": lambda report: unescape(html(report)),
    "ticket": ticket,
    "Markdown": lambda report: markdown([Result("x", report)]),
}


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
def test_the_lines_of_two_culprits_are_given_as_one_text(output):
    lines = [line.strip() for line in output(TWO).splitlines()]
    (bundle,) = TWO.bundles
    assert bundle.culprits == ("nginx-proxy-buffering", "websocket-upgrade")
    begin = next(at for at, line in enumerate(lines) if line.endswith("location / {"))
    wanted = [line.strip() for line in bundle.change.splitlines()]
    assert lines[begin + 1 : begin + len(wanted) - 1] == wanted[1:-1]
    assert lines[begin + len(wanted) - 1].startswith("}")
    assert bundle.where in " ".join(" ".join(lines).split())


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
def test_the_lines_of_one_culprit_are_not_repeated(output):
    assert len(ONE.bundles) == 1
    assert "location / {" not in output(ONE)


@pytest.mark.parametrize("name", ["terminal", "HTML", "Markdown"])
def test_what_was_tried_here_stands_first_with_its_times(name):
    text = OUTPUTS[name](ONE)
    assert "ested here: chunked, 1.90 s to 0.00 s; on events too" in text
    assert text.index("X-Accel-Buffering: no") < text.index("ested here: chunked, ")
    if name != "Markdown":  # which gives one fix
        assert text.index("ested here: chunked, ") < text.index("proxy_buffering off;")


def test_a_terminal_says_once_what_frees_the_stream():
    assert "tested here, the stream flows" not in terminal(ONE, width=100, color=False)
    by_padding = judge(Path(4096, frozenset({Variant.PADDED})).run())
    assert "tested here, the stream flows with padding" in terminal(by_padding, width=200, color=False)


def test_json_has_every_text_and_what_was_tested():
    (bundle,) = document(ONE)["bundles"]
    assert bundle == {
        "server": "nginx",
        "where": "each nginx on the path, the block that serves /",
        "change": "location / {\n    # keep your own lines of this block\n    proxy_buffering off;\n}",
        "culprits": ["nginx-proxy-buffering"],
        "notes": [],
    }
    first, second, *_ = document(ONE)["culprits"][0]["fixes"]
    assert first["tested"]["transports"] == ["chunked", "events"]
    assert first["tested"]["before_s"] > 1.8 > first["tested"]["after_s"] == 0.0
    assert second["tested"] is None


FIX = Fix("here", "a line", Owner.SERVER)
CHUNKED = Transport.CHUNKED
FOR = [
    # name                    the fix                                                                             what it is for
    ("everything",            FIX,                                                                                ""),
    ("older versions",        Fix("", "", Owner.SERVER, until=NGINX_UPSTREAM_HTTP11),                             "nginx before 1.29.7"),
    ("newer versions",        Fix("", "", Owner.SERVER, since=NGINX_UPSTREAM_HTTP11),                             "nginx 1.29.7 and later"),
    ("encodings",             Fix("", "", Owner.SERVER, encodings=frozenset({"zstd", "br"})),                     "responses in br or zstd"),
    ("a protocol",            Fix("", "", Owner.SERVER, since=NGINX_UPSTREAM_HTTP11, app_protocol="HTTP/1.1"),    "an app that is called over HTTP/1.1, the default of nginx 1.29.7 and later"),
    ("an older protocol",     Fix("", "", Owner.SERVER, until=NGINX_UPSTREAM_HTTP11, app_protocol="HTTP/1.0"),    "an app that is called over HTTP/1.0, the default of nginx before 1.29.7"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fix", "words"), FOR, ids=[row[0] for row in FOR])
def test_what_a_fix_is_for(name, fix, words):
    assert versions(fix) == words


def test_remarks_have_the_directives_of_other_gateways_where_the_gateway_is_not_known():
    fix = Fix("here", "proxy_buffering off;", Owner.SERVER, cost="much", note="a note", per_gateway=True)
    assert remarks(fix) == (
        ("cost", "much"),
        (
            "note",
            (
                "a note; with fastcgi_pass the directive is fastcgi_buffering, with uwsgi_pass uwsgi_buffering, "
                "with scgi_pass scgi_buffering"
            ),
        ),
    )
    assert remarks(fix.for_gateway("uwsgi")) == (("cost", "much"), ("note", "a note"))
    assert fix.for_gateway("uwsgi").change == "uwsgi_buffering off;"
    assert FIX.for_gateway("uwsgi") == FIX


def test_what_came_of_a_fix_is_said_first():
    assert remarks_here(OfferedFix(FIX)) == ()
    one, three = (
        OfferedFix(FIX, transports, 1.9, 0.004)
        for transports in ((CHUNKED,), (CHUNKED, Transport.EVENTS, Transport.POLLING))
    )
    assert remarks_here(one) == (("tested here", "chunked, 1.90 s to 0.00 s"),)
    assert remarks_here(three) == (("tested here", "chunked, 1.90 s to 0.00 s; on events and polling too"),)
    assert offered_document(one)["tested"] == {
        "transports": ["chunked"],
        "before_s": 1.9,
        "after_s": 0.004,
    }
