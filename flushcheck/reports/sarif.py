"""The result of a config check as SARIF 2.1.0, for code hosts that show Findings beside the line.

Source: OASIS "Static Analysis Results Interchange Format (SARIF) Version 2.1.0". GitHub reads at most
5,000 results of a run and expects relative addresses with forward slashes: one address with another scheme
than `file:`, and it refuses all results (github/codeql-action, issue 754). So the result of a diagnosis is
located at `host/path`, and its logical location is the URL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from flushcheck.checking.check import CheckResult
from flushcheck.configs.findings import Finding
from flushcheck.model import Confidence, Culprit, CulpritReport, Fix, Verdict
from flushcheck.reports.fixes import remarks
from flushcheck.reports.results import Result

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(checked: CheckResult, *, version: str = "") -> dict[str, Any]:
    """The check as one SARIF run, ready for `json.dumps`.

    Args:
        version: of flushcheck.
    """
    findings = [*checked.findings, *(allowed.finding for allowed in checked.allowed)]
    rules = {finding.culprit.id: finding.culprit for finding in findings}
    index = {rule: number for number, rule in enumerate(rules)}
    results = [_result(finding, index) for finding in checked.findings]
    results += [
        {
            **_result(allowed.finding, index),
            "suppressions": [{"kind": "inSource", "justification": allowed.reason}],
        }
        for allowed in checked.allowed
    ]
    driver: dict[str, Any] = {"name": "flushcheck", "rules": [_rule(culprit) for culprit in rules.values()]}
    if version:
        driver["version"] = version
    notifications = [
        {
            "level": "warning",
            "message": {"text": problem.reason},
            "locations": [_at(problem.file, problem.line)],
        }
        for problem in checked.problems
    ]
    notifications += [
        {
            "level": "warning",
            "message": {"text": f"not known for {block.block}: {block.reason}"},
            "locations": [_at(block.file, block.line)],
        }
        for block in checked.unknown
    ]
    notifications += [
        {
            "level": "note",
            "message": {"text": f"{block.block} passes a stream on: {block.reason}"},
            "locations": [_at(block.file, block.line)],
        }
        for block in checked.passed
        if block.conditions
    ]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": results,
                "invocations": [
                    {
                        "executionSuccessful": checked.exit_code() != 3,
                        "toolExecutionNotifications": notifications,
                    }
                ],
            }
        ],
    }


def sarif_reports(results: Sequence[Result], *, version: str = "") -> dict[str, Any]:
    """Diagnoses as one SARIF run: a result for each culprit, at the address it was found on.

    Args:
        results: the diagnoses.
        version: of flushcheck.
    """
    rules = {report.culprit.id: report.culprit for result in results for report in result.report.culprits}
    index = {rule: number for number, rule in enumerate(rules)}
    driver: dict[str, Any] = {"name": "flushcheck", "rules": [_rule(culprit) for culprit in rules.values()]}
    if version:
        driver["version"] = version
    found = [_path_result(result, report, index) for result in results for report in result.report.culprits]
    notifications = [
        {
            "level": "note" if result.exit_code == 0 else "warning",
            "message": {"text": f"{result.name}: {result.sentence}"},
        }
        for result in results
    ]
    invocation: dict[str, Any] = {
        "executionSuccessful": all(result.report.verdict is not Verdict.UNKNOWN for result in results),
        "toolExecutionNotifications": notifications,
    }
    began = [result.report.began_at for result in results if result.report.began_at]
    if began:
        invocation["startTimeUtc"] = min(began)
    run = {"tool": {"driver": driver}, "results": found, "invocations": [invocation]}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _path_result(result: Result, report: CulpritReport, index: dict[str, int]) -> dict[str, Any]:
    evidence = ". ".join(fact.sentence for fact in report.evidence)
    fix = report.fixes[0] if report.fixes else None
    change = f". fix: {fix.where}: {fix.change}{_remarks(fix, ' ')}" if fix else ""
    written: dict[str, Any] = {
        "ruleId": report.id,
        "ruleIndex": index[report.id],
        "level": "error" if report.confidence is Confidence.CERTAIN else "warning",
        "message": {"text": f"{result.name}: {report.title}. {evidence}{change}"},
        "locations": [
            {
                **_at(_without_scheme(result.report.target), 1),
                "logicalLocations": [{"fullyQualifiedName": result.report.target, "kind": "resource"}],
            }
        ],
    }
    if result.allows:
        written["suppressions"] = [{"kind": "external", "justification": "allowed in the list of targets"}]
    return written


def _without_scheme(url: str) -> str:
    return url.partition("://")[2].strip("/") or url


def _rule(culprit: Culprit) -> dict[str, Any]:
    fixes = "\n\n".join(f"{fix.where}:\n{fix.change}" + _remarks(fix, "\n") for fix in culprit.fixes)
    rule: dict[str, Any] = {
        "id": culprit.id,
        "shortDescription": {"text": culprit.title},
        "fullDescription": {"text": f"{culprit.why} {culprit.symptoms}"},
        "help": {"text": f"{culprit.why}\n\n{fixes}"},
    }
    if culprit.references:
        rule["helpUri"] = culprit.references[0]
    return rule


def _remarks(fix: Fix, before: str) -> str:
    return "".join(f"{before}({label}: {text})" for label, text in remarks(fix))


def _result(finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    parts = [f"{finding.block}: {finding.message}"]
    if finding.override:
        parts.append(finding.override)
    parts.append(f"fix: {finding.fix.where}: {finding.fix.change}{_remarks(finding.fix, ' ')}")
    result: dict[str, Any] = {
        "ruleId": finding.culprit.id,
        "ruleIndex": index[finding.culprit.id],
        "level": finding.level.value,  # the same three words in SARIF
        "message": {"text": ". ".join(parts)},
        "locations": [_at(finding.file, finding.line)],
    }
    if (finding.block_file, finding.block_line) != (finding.file, finding.line):
        block = {**_at(finding.block_file, finding.block_line), "message": {"text": finding.block}}
        result["relatedLocations"] = [{"id": 1, **block}]
    return result


def _at(file: str, line: int) -> dict[str, Any]:
    where: dict[str, Any] = {"artifactLocation": {"uri": _uri(file)}}
    if line:
        where["region"] = {"startLine": line}
    return {"physicalLocation": where}


def _uri(file: str) -> str:
    path = quote(file.replace("\\", "/").removeprefix("./"), errors="replace")
    return f"file://{path}" if path.startswith("/") else path
