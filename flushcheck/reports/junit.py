"""Results as JUnit XML, which CI servers show as tests: a suite for each address, a test for each transport.

There is no standard of this format. The elements and attributes are those that Jenkins' xunit plugin
(junit-10.xsd), GitLab and Azure DevOps read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

from flushcheck.checking.check import CheckResult
from flushcheck.configs.findings import Level
from flushcheck.model import Flow, TransportReport
from flushcheck.reports.results import COULD_NOT_TELL, OK, PROBLEM, Result

# XML 1.0, section 2.2: what a document may hold. The rest has no escape.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")  # of a run


def junit(results: Sequence[Result]) -> str:
    """The results as one document, ending in a newline."""
    return _document(_suite(result) for result in results)


def junit_findings(checked: CheckResult, *, strict: bool = False) -> str:
    """The findings as one document: a suite for each file, a test for each finding."""
    suites = []
    for file in checked.files:
        cases = []
        for finding in checked.findings:
            if finding.file == file:
                counts = strict or finding.level is not Level.NOTE
                name = f"{finding.culprit.id} (line {finding.line})"
                change = f"{finding.message}\nfix: {finding.fix.where}:\n{finding.fix.change}"
                cases.append(_case(file, name, "failure" if counts else "", finding.culprit.title, change))
        cases += [
            _case(file, "reading", "error", problem.reason, problem.reason)
            for problem in checked.problems
            if problem.file == file
        ]
        suites.append(_whole_suite(file, cases or [_case(file, "no finding", "", "", "")]))
    return _document(suites)


def _document(suites: Iterable[str]) -> str:
    body = "".join(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{body}</testsuites>\n'


def _suite(result: Result) -> str:
    report = result.report
    kind = {OK: "", PROBLEM: "failure", COULD_NOT_TELL: "error"}[result.exit_code]
    detail = "\n".join(
        [report.headline]
        + [f"{c.id}: {c.title}\n{c.fixes[0].where}:\n{c.fixes[0].change}" for c in report.culprits if c.fixes]
    )
    cases = [_case(result.name, "verdict", kind, result.sentence, detail)]
    # The verdict decides; a transport fails as a test of its own only where the path was to flow.
    cases += [
        _case(result.name, transport.transport, _transport_kind(transport, kind), transport.summary, "")
        for transport in report.transports
    ]
    is_time = _TIME.fullmatch(report.began_at)
    attributes = f" timestamp={_quoted(report.began_at.removesuffix('Z'))}" if is_time else ""
    attributes += f" hostname={_quoted(report.observer)}" if report.observer else ""
    return _whole_suite(result.name, cases, f' time="{report.took_s:.3f}"{attributes}')


def _transport_kind(transport: TransportReport, verdict_kind: str) -> str:
    return verdict_kind if transport.flow is not Flow.FLOWING else ""


def _whole_suite(name: str, cases: Sequence[str], attributes: str = "") -> str:
    failures, errors = (sum(f"<{kind} " in case for case in cases) for kind in ("failure", "error"))
    return (
        f'<testsuite name={_quoted(name)} tests="{len(cases)}" failures="{failures}" errors="{errors}"'
        f"{attributes}>\n{''.join(cases)}</testsuite>\n"
    )


def _case(suite: str, name: str, kind: str, message: str, detail: str) -> str:
    head = f"<testcase classname={_quoted(suite)} name={_quoted(name)}"
    if not kind:
        return f"{head}/>\n"
    text = escape(_NOT_XML.sub("�", detail or message))
    return f"{head}><{kind} message={_quoted(message)}>{text}</{kind}></testcase>\n"


def _quoted(text: str) -> str:
    return quoteattr(_NOT_XML.sub("�", text))
