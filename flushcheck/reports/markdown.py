"""Results as Markdown, for the summary of a CI run, an issue or a chat.

Text of the far side stands in code spans or is escaped: it makes no link, image, heading or table cell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from flushcheck.checking.check import CheckResult
from flushcheck.model import OfferedFix
from flushcheck.model.wording import all_of
from flushcheck.reports.fixes import joining, remarks_here
from flushcheck.reports.provenance import in_logs, measured
from flushcheck.reports.results import OK, PROBLEM, Result
from flushcheck.reports.text_writer import printable

_MARKS = {OK: "✅", PROBLEM: "❌"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@:-])")


def markdown(results: Sequence[Result]) -> str:
    """The results as one text, ending in a newline."""
    lines = ["| address | verdict | what was found |", "| --- | --- | --- |"]
    for result in results:
        mark = _MARKS.get(result.exit_code, "❔")
        lines.append(f"| {_text(result.name)} | {mark} {result.report.verdict} | {_text(result.sentence)} |")
    for result in results:
        lines += _details(result)
    return "\n".join(lines) + "\n"


def _details(result: Result) -> list[str]:
    report = result.report
    lines = ["", f"### {_text(result.name)}", ""]
    lines += [f"- {t.transport}: **{t.flow}**, {_text(t.summary)}" for t in report.transports]
    for culprit in report.culprits:
        lines += ["", f"**{culprit.id}** ({culprit.confidence}): {_text(culprit.title)}"]
        lines += _fix(culprit.offered[0]) if culprit.offered else []
        lines += [f"- {_text(fact.sentence)}" for fact in culprit.evidence]
    for bundle in joining(report.bundles):
        lines += ["", f"All lines of {_text(all_of(bundle.culprits))}: {_text(bundle.where)}", ""]
        lines += [*_pasted(bundle.change), "", *(f"note: {_text(note)}" for note in bundle.notes)]
    when = [measured(report), f"in access logs: {in_logs(report)}" if in_logs(report) else ""]
    if any(when):
        lines += ["", f"_measured {'; '.join(_text(part) for part in when if part)}_"]
    return lines


def _fix(offered: OfferedFix) -> list[str]:
    notes = [f"{label}: {_text(text)}" for label, text in remarks_here(offered)]
    return ["", f"Fix: {_text(offered.fix.where)}", "", *_pasted(offered.fix.change), "", *notes]


def _pasted(change: str) -> list[str]:
    """A text to copy, between fences that it does not contain."""
    fence = "```" + "`" * max((len(run) for run in re.findall("`+", change)), default=0)
    return [fence, change, fence]


def markdown_findings(checked: CheckResult) -> str:
    """The findings as a table, ending in a newline."""
    lines = ["| place | level | finding | fix |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {_text(f'{finding.file}:{finding.line}')} | {finding.level} | **{finding.culprit.id}** "
        f"{_text(finding.message)} | {_text(finding.fix.change)} |"
        for finding in checked.findings
    ]
    lines += [f"| {_text(problem.file)} | ? | {_text(problem.reason)} | |" for problem in checked.problems]
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", printable(" ".join(text.split())))
