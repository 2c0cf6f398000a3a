"""Which culprits a diagnosis names, which the files, and which both."""

import json
from dataclasses import replace

import pytest

from flushcheck.checking.cross_check import FoundBy, compare
from flushcheck.configs.findings import Server
from flushcheck.culprits import CULPRITS
from flushcheck.files import check_text
from flushcheck.model import Confidence, CulpritReport, Flow, Report, Transport, TransportReport, Verdict
from flushcheck.reports.findings import cross_checks_document, cross_checks_text


def report(*ids, flow=Flow.HELD):
    culprit_reports = tuple(
        CulpritReport(CULPRITS[cross_check], Confidence.LIKELY, (Transport.CHUNKED,), ())
        for cross_check in ids
    )
    verdict = TransportReport(Transport.CHUNKED, flow, "")
    return Report("http://x", Verdict.HELD, "", (verdict,), culprit_reports)


BARE = "location / { proxy_pass http://x; }"
IGNORES = "location / { proxy_ignore_headers X-Accel-Buffering; proxy_pass http://x; }"
TIMED = "location / { proxy_buffering off; proxy_read_timeout 5; proxy_pass http://x; }"
CLEAN = "location / { proxy_buffering off; proxy_pass http://x; }"

ROWS = [
    # live                                          file      culprit: found by
    (("nginx-proxy-buffering",),                    BARE,     {"nginx-proxy-buffering": "both"}),
    (("nginx-hint-taken", "nginx-ignore-headers"),  BARE,     {"nginx-hint-taken": "both", "nginx-ignore-headers": "both"}),
    (("nginx-hint-taken", "nginx-ignore-headers"),  IGNORES,  {"nginx-hint-taken": "both", "nginx-ignore-headers": "both"}),
    (("nginx-proxy-buffering",),                    CLEAN,    {"nginx-proxy-buffering": "live"}),
    (("app-response",),                             BARE,     {"app-response": "live", "nginx-proxy-buffering": "file"}),
    (("http-hop",),                                 BARE,     {"http-hop": "both"}),
    (("http-hop",),                                 CLEAN,    {"http-hop": "live"}),
    (("websocket-upgrade",),                        CLEAN,    {"websocket-upgrade": "both"}),
    ((),                                            TIMED,    {"idle-timeout": "file"}),
    ((),                                            CLEAN,    {}),
]  # fmt: skip


@pytest.mark.parametrize(("live", "text", "expected"), ROWS)
def test_each_culprit_says_what_names_it(live, text, expected):
    findings = check_text(text, server=Server.NGINX, name="f").findings
    cross_checks = compare(report(*live), findings)
    assert {cross_check.culprit: cross_check.found_by.value for cross_check in cross_checks} == expected
    assert all(
        cross_check.findings for cross_check in cross_checks if cross_check.found_by is not FoundBy.LIVE
    )


ELSEWHERE = (
    "seen on the path only: the cause is on another machine or in a file that was not read, or the server runs "
    "with another configuration"
)
SENTENCES = [
    # name                          live                       file             sentences
    ("both",                        ("nginx-proxy-buffering",), BARE,           ["both show it: f:1"]),
    ("two places",                  ("nginx-proxy-buffering",), f"{BARE}\n{BARE}", ["both show it: f:1, f:2; the address goes through one of them"]),
    ("as many places as are named", ("nginx-proxy-buffering",), "\n".join([BARE] * 3), ["both show it: f:1, f:2, f:3; the address goes through one of them"]),
    ("more places",                 ("nginx-proxy-buffering",), "\n".join([BARE] * 5), ["both show it: f:1, f:2, f:3 and 2 more; the address goes through one of them"]),
    ("a place once",                ("nginx-proxy-buffering",), f"{BARE} {BARE}", ["both show it: f:1"]),
    ("explained",                   ("nginx-hint-taken",),      BARE,           ["the file explains it: nginx-proxy-buffering at f:1"]),
    ("no file shows it",            ("nginx-proxy-buffering",), CLEAN,          [ELSEWHERE]),
    ("in the app",                  ("app-response",),          CLEAN,          ["seen on the path only: the cause is in the app, where no server configuration shows it"]),
    ("in the network",              ("tcp-middlebox",),         CLEAN,          ["seen on the path only: the cause is in the network, where no server configuration shows it"]),
    ("a condition",                 (),                         TIMED,          ["in the file only (f:1, location /): no request of the diagnosis met its condition"]),
    ("hidden",                      (),                         BARE,           ["in the file only (f:1, location /): another culprit hides it, or the diagnosed address does not go through this block"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "live", "text", "expected"), SENTENCES, ids=[row[0] for row in SENTENCES])
def test_a_sentence_says_what_follows(name, live, text, expected):
    findings = check_text(text, server=Server.NGINX, name="f").findings
    assert [cross_check.sentence for cross_check in compare(report(*live), findings)] == expected


def test_on_a_path_that_flows_the_block_may_be_another_one():
    findings = check_text(BARE, server=Server.NGINX, name="f").findings
    (cross_check,) = compare(report(flow=Flow.FLOWING), findings)
    assert cross_check.sentence == (
        "in the file only (f:1, location /): the diagnosed address does not go through this block, or the app "
        "switches the hold off by itself"
    )


def test_a_report_without_transports_shows_no_path_that_flows():
    findings = check_text(BARE, server=Server.NGINX, name="f").findings
    (cross_check,) = compare(replace(report(), transports=()), findings)
    assert "another culprit hides it" in cross_check.sentence


def test_the_comparison_is_rendered_as_text_and_as_json():
    checked = check_text(BARE, server=Server.NGINX, name="f")
    cross_checks = compare(report("nginx-proxy-buffering", "app-response"), checked.findings)
    text = cross_checks_text(cross_checks, checked, width=100, color=False)
    assert "- agree      nginx-proxy-buffering: both show it: f:1\n" in text
    assert "  location /: proxy_buffering on (nginx's default)" in text
    assert "        proxy_buffering off;\n" in text
    assert "- path only  app-response: seen on the path only" in text
    config = json.loads(json.dumps(cross_checks_document(cross_checks, checked)))
    assert config["files"] == ["f"]
    documents = config["cross_checks"]
    assert [(cross_check["id"], cross_check["found_by"]) for cross_check in documents] == [
        ("nginx-proxy-buffering", "both"),
        ("app-response", "live"),
    ]
    assert documents[0]["findings"][0]["line"] == 1


WITHOUT_CULPRITS = [
    # file                                                                    said
    (CLEAN,                                                                   "neither the diagnosis nor the files name a culprit"),
    ("location / { root /srv; }",                                             "they explain nothing about the path"),
    (f"location / {{\n# flushcheck: allow nginx-proxy-buffering short\n{BARE}\n}}", "allowed: nginx-proxy-buffering at f:2, because: short"),
    (f"{CLEAN}\nlocation / {{",                                               "not read, or not understood: f:2"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), WITHOUT_CULPRITS)
def test_files_without_a_culprit_are_summed_up(text, sentence):
    checked = check_text(text, server=Server.NGINX, name="f")
    cross_checks = compare(report(flow=Flow.FLOWING), checked.findings)
    assert sentence in cross_checks_text(cross_checks, checked, width=100, color=False)


def test_a_file_that_contradicts_the_diagnosis_says_why_its_block_passes():
    checked = check_text(CLEAN, server=Server.NGINX, name="f")
    cross_checks = compare(report("nginx-proxy-buffering"), checked.findings)
    text = cross_checks_text(cross_checks, checked, width=100, color=False)
    assert "- passed: f:1  location /: proxy_buffering off (line 1)" in text
