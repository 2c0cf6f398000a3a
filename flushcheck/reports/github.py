"""Results as workflow commands of GitHub Actions: one line each, shown beside the run or the changed line.

Source: GitHub's "Workflow commands for GitHub Actions", and how actions/toolkit escapes them.
"""

from __future__ import annotations

from collections.abc import Iterable

from flushcheck.checking.check import CheckResult
from flushcheck.configs.findings import Level
from flushcheck.reports.results import OK, PROBLEM, Result
from flushcheck.reports.text_writer import printable

_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def github(results: Iterable[Result]) -> str:
    """A line for each address: an error, a warning where nothing could be told, or a notice."""
    lines = []
    for result in results:
        level = {OK: "notice", PROBLEM: "error"}.get(result.exit_code, "warning")
        fixes = [
            f"{culprit.id}: {culprit.fixes[0].where}: {culprit.fixes[0].change}"
            for culprit in result.report.culprits
            if culprit.fixes
        ]
        title = f"flushcheck: {result.name} is {result.report.verdict}"
        lines.append(_command(level, {"title": title}, "\n".join([result.sentence, *fixes])))
    return "".join(lines)


def github_findings(checked: CheckResult) -> str:
    """A line for each finding, and for each file that could not be read."""
    lines = [
        _command(
            _LEVELS[finding.level],
            {"file": finding.file, "line": str(finding.line), "title": finding.culprit.id},
            f"{finding.message}\nfix: {finding.fix.where}: {finding.fix.change}",
        )
        for finding in checked.findings
    ]
    lines += [
        _command("warning", {"file": problem.file, "title": "flushcheck"}, problem.reason)
        for problem in checked.problems
    ]
    return "".join(lines)


def _command(name: str, properties: dict[str, str], message: str) -> str:
    shown = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {shown}::{_data(message)}\n"


def _data(text: str) -> str:
    shown = "\n".join(printable(line) for line in text.split("\n"))
    return shown.replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
