"""Expectations, and every format for other programs, each read by its own schema or tool."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import xmlschema

from flushcheck.diagnosis.comparison import compare_reports
from flushcheck.diagnosis.inference import judge
from flushcheck.files import check_all, read_text
from flushcheck.model import Client, Report, Verdict
from flushcheck.model.run_schema import run_from_json
from flushcheck.reports.comparison import comparison_document, comparison_text
from flushcheck.reports.github import github, github_findings
from flushcheck.reports.junit import junit, junit_findings
from flushcheck.reports.markdown import markdown, markdown_findings
from flushcheck.reports.prometheus import prometheus
from flushcheck.reports.provenance import in_logs, measured
from flushcheck.reports.results import Result, exit_code
from flushcheck.reports.sarif import sarif_reports

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = ROOT / "tests" / "recordings"


def recorded(name: str) -> Report:
    return judge(run_from_json(json.loads((RECORDINGS / f"{name}.json").read_text())))


BARE = replace(
    recorded("nginx-bare"), began_at="2026-11-28T06:53:00Z", took_s=4.1, observer="ci-1", marker="ab12cd34"
)
CLEAN = recorded("gunicorn-gevent")
NOTHING = Report("http://x", Verdict.UNKNOWN, "could not tell: refused", (), ())
EVIL = "<b>\"&'|]]>%0A::error::\x1b[31m\x00\u202e\n`*_[x](http://y)\\"
HOSTILE = replace(
    NOTHING, target=f"http://{EVIL}", headline=EVIL, notes=(EVIL,), observer=EVIL, began_at=EVIL
)
ALL = [
    Result("held", BARE),
    Result("clean", CLEAN),
    Result("nothing", NOTHING),
    Result(EVIL, HOSTILE, Verdict.FLOWING),
    Result("allowed", BARE, Verdict.FLOWING, tuple(culprit.id for culprit in BARE.culprits)),
]

EXPECTED = [
    # name                      result                                                       exit code
    ("flowing",                 Result("x", CLEAN),                                          0),
    ("held",                    Result("x", BARE),                                           1),
    ("unknown",                 Result("x", NOTHING),                                        3),
    ("held, as expected",       Result("x", BARE, Verdict.BROKEN if BARE.verdict is Verdict.BROKEN else Verdict.HELD), 0),
    ("flowing, not as expected", Result("x", CLEAN, Verdict.HELD),                           1),
    ("unknown, not as expected", Result("x", NOTHING, Verdict.FLOWING),                      1),
    ("unknown, as expected",    Result("x", NOTHING, Verdict.UNKNOWN),                       0),
    ("all culprits allowed",    ALL[4],                                                      0),
    ("one is not allowed",      Result("x", BARE, None, tuple(c.id for c in BARE.culprits)[1:]), 1),
    ("held without a culprit",  Result("x", replace(BARE, culprits=()), None, ("nginx-gzip",)), 1),
    ("unknown is not allowed",  Result("x", NOTHING, None, ("nginx-gzip",)),                 3),
]  # fmt: skip


@pytest.mark.parametrize(("name", "result", "code"), EXPECTED, ids=[row[0] for row in EXPECTED])
def test_an_expectation_that_differs_is_exit_1(name, result, code):
    assert result.exit_code == code
    assert ("expected" in result.sentence) is ("not as expected" in name)


def test_a_problem_counts_more_than_what_could_not_be_told():
    assert exit_code(ALL) == 1
    assert exit_code([ALL[1], ALL[2]]) == 3
    assert exit_code([ALL[1]]) == exit_code([]) == 0


def test_a_report_says_when_where_and_how_to_find_it_in_logs():
    assert measured(BARE) == f"2026-11-28 06:53:00 UTC, in 4.1 s, from ci-1, by {BARE.tool}"
    assert measured(replace(BARE, observer="", tool="")) == "2026-11-28 06:53:00 UTC, in 4.1 s"
    assert in_logs(BARE) == "nonce=ab12cd34… in the query, and the header X-Request-ID: ab12cd34"
    assert (measured(CLEAN), in_logs(CLEAN)) == ("", "")


SCHEMA = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))


def test_junit_is_valid_and_counts_its_failures():
    text = junit(ALL)
    SCHEMA.validate(text)
    assert text.count("<testsuite ") == len(ALL)
    (held,) = re.findall(r'<testsuite name="held" tests="(\d+)" failures="(\d+)" errors="(\d+)"', text)
    assert held[0] == str(len(BARE.transports) + 1)
    assert int(held[1]) >= 2
    assert re.findall(r'<testsuite name="nothing" tests="1" failures="0" errors="1"', text)
    assert re.findall(r'<testsuite name="allowed" tests="\d+" failures="0" errors="0"', text)
    assert 'timestamp="2026-11-28T06:53:00"' in text
    assert 'time="4.100"' in text


NGINX = "location / {\n  proxy_pass http://127.0.0.1:8000;\n}\n"


def checked(text: str = NGINX) -> Any:
    return check_all(read_text(text, name="nginx.conf"))


def test_the_findings_are_valid_junit():
    text = junit_findings(checked())
    SCHEMA.validate(text)
    assert 'classname="nginx.conf" name="nginx-proxy-buffering (line 2)"' in text.replace(
        "(line 1)", "(line 2)"
    )
    assert "<failure " in text
    clean = junit_findings(
        checked(
            "location / {\n  proxy_pass http://a;\n  proxy_buffering off;\n  proxy_http_version 1.1;\n}\n"
        )
    )
    SCHEMA.validate(clean)


@pytest.mark.slow  # needs promtool
def test_promtool_accepts_the_metrics():
    text = prometheus(ALL)
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, text=True, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert f'flushcheck_verdict{{target="held",verdict="{BARE.verdict}"}} 1\n' in text
    assert 'flushcheck_verdict{target="held",verdict="flowing"} 0\n' in text
    assert 'flushcheck_as_expected{target="allowed"} 1\n' in text
    assert 'flushcheck_measured_timestamp_seconds{target="held"} 1795848780\n' in text
    assert 'flushcheck_measured_timestamp_seconds{target="clean"}' not in text
    assert 'flushcheck_duration_seconds{target="held"} 4.1\n' in text
    assert 'flushcheck_lag_seconds{target="held",transport="chunked",stat="max"} ' in text
    assert 'flushcheck_hold_seconds{target="held",transport="chunked"} ' in text
    assert "flushcheck_tls_info" not in text
    assert "\x1b" not in text


def test_the_metrics_have_the_verdict_of_each_client_and_the_version_of_tls():
    report = replace(BARE, clients=((Client.BROWSER, Verdict.FLOWING), (Client.HTTP1, Verdict.HELD)))
    text = prometheus([Result("shop", replace(report, tls_version="TLSv1.3"))])
    assert 'flushcheck_client_verdict{target="shop",client="browser",verdict="flowing"} 1\n' in text
    assert 'flushcheck_client_verdict{target="shop",client="http1",verdict="flowing"} 0\n' in text
    assert 'flushcheck_client_verdict{target="shop",client="http1",verdict="held"} 1\n' in text
    assert 'flushcheck_tls_info{target="shop",version="TLSv1.3"} 1\n' in text


def test_a_stream_without_a_piece_has_a_flow_and_no_times():
    transports = tuple(replace(transport, pieces_received=0) for transport in BARE.transports)
    text = prometheus([Result("shop", replace(BARE, transports=transports))])
    assert 'flushcheck_flow{target="shop",transport="chunked",flow="' in text
    assert '_seconds{target="shop",transport=' not in text


def test_github_commands_are_one_line_each():
    assert "\x1b" not in github(ALL)
    lines = github(ALL).splitlines()
    assert [line.split(" ")[0] for line in lines] == [
        "::error",
        "::notice",
        "::warning",
        "::error",
        "::notice",
    ]
    assert all(line.count("::error") <= 2 for line in lines)
    assert lines[0].startswith("::error title=flushcheck%3A held is ")
    assert "%0Anginx-proxy-buffering%3A" not in lines[0], "colons are escaped in properties alone"
    assert (
        "%0Anginx-proxy-buffering: nginx, the location block with proxy_pass: proxy_buffering off;"
        in lines[0]
    )


def test_github_commands_of_findings_name_file_and_line():
    (line, *_) = github_findings(checked()).splitlines()
    assert re.match(r"::(error|warning|notice) file=nginx\.conf,line=\d+,title=nginx-", line)


def test_markdown_has_a_row_for_each_address_and_no_markup_of_the_far_side():
    text = markdown(ALL)
    table = text.split("\n\n")[0].splitlines()
    assert len(table) == 2 + len(ALL)
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 4 for line in table)
    assert "<b>" not in text
    assert "[x](http" not in text
    assert "\x1b" not in text
    assert "```\nproxy_buffering off;\n```" in text


def test_markdown_of_findings_is_one_table():
    lines = markdown_findings(checked()).splitlines()
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in lines)
    assert "nginx\\-proxy\\-buffering" not in lines[2]
    assert "**nginx-proxy-buffering**" in "\n".join(lines)


def test_sarif_has_a_result_for_each_culprit():
    document = sarif_reports(ALL, version="1")
    (run,) = document["runs"]
    assert len(run["results"]) == 2 * len(BARE.culprits)
    assert {result["ruleId"] for result in run["results"]} == {culprit.id for culprit in BARE.culprits}
    assert sum("suppressions" in result for result in run["results"]) == len(BARE.culprits)
    assert run["invocations"][0]["executionSuccessful"] is False


def test_a_comparison_reads_as_text_and_as_json():
    comparison = compare_reports(BARE, CLEAN)
    text = comparison_text(comparison, BARE, CLEAN, width=100, color=False)
    assert text.startswith(f"BETTER  {CLEAN.target}\n")
    assert re.search(r"better   chunked +was held, \d\.\d\d s, now flowing", text)
    assert "no longer found: nginx-proxy-buffering" in text
    assert "before: 2026-11-28 06:53:00 UTC" in text
    data = comparison_document(comparison, BARE, CLEAN)
    assert json.loads(json.dumps(data))["trend"] == "better"
    worse = comparison_text(compare_reports(CLEAN, BARE), CLEAN, BARE, width=100, color=True)
    assert "WORSE" in worse
    assert "newly found: nginx-proxy-buffering" in worse
