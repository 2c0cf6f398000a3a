"""What a check found, for a person at a terminal and as JSON.

Text that came from files is made printable here, as everything from outside is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from flushcheck.checking.check import CheckResult
from flushcheck.checking.cross_check import CrossCheck, FoundBy
from flushcheck.configs.findings import Finding, Level
from flushcheck.model.codec import to_json
from flushcheck.reports.fixes import remarks
from flushcheck.reports.json_report import SCHEMA
from flushcheck.reports.text_writer import TextWriter

_WITNESSES = {FoundBy.BOTH: "agree", FoundBy.LIVE: "path only", FoundBy.FILE: "file only"}
_HUES = {FoundBy.BOTH: "red", FoundBy.LIVE: "yellow", FoundBy.FILE: "yellow"}
_MOST_BLOCKS = 5  # named where many are alike
_COLORS = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "dim"}


def findings_text(checked: CheckResult, *, width: int, color: bool, strict: bool = False) -> str:
    """The Findings by file, then what was found innocent, allowed and not read; ends in a newline.

    Args:
        width: columns of the terminal.
        color: whether to use ANSI colours.
        strict: notes count, so they are told as fully as the rest.
    """
    page = TextWriter(width, color)
    for file, group in groupby(checked.findings, key=lambda finding: finding.file):
        page.line(file, "bold")
        known: set[tuple[str, str]] = set()
        for alike in _alike(group):
            _finding(page, alike, strict=strict, known=known)
        page.gap()
    _rest(page, checked)
    page.text(_summary(checked))
    return page.done()


def _alike(findings: Iterable[Finding]) -> Iterable[Sequence[Finding]]:
    """Findings that read the same but for their block, together; notes wherever they stand in the file."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for one in findings:
        line = 0 if one.level is Level.NOTE else one.line
        groups.setdefault((line, one.culprit.id, one.message, one.override), []).append(one)
    return groups.values()


def _finding(
    page: TextWriter, alike: Sequence[Finding], *, strict: bool, known: set[tuple[str, str]]
) -> None:
    finding = alike[0]
    brief = finding.level is Level.NOTE and not strict
    label = f"  {finding.line:>5}  {finding.level:<8}"
    where = [_block(one) for one in alike[:_MOST_BLOCKS]]
    more = f" and {len(alike) - _MOST_BLOCKS} more" if len(alike) > _MOST_BLOCKS else ""
    page.text(
        f"{label} {finding.culprit.id}  in {', '.join(where)}{more}",
        hang=17,
        style=_COLORS[finding.level],
        style_to=len(label),
    )
    page.text(f"         {finding.message}", hang=9)
    if brief:
        return
    if finding.override:
        page.text(f"         {finding.override}", hang=9)
    if (finding.culprit.id, finding.fix.change) in known:
        page.text(f"         fix: as above ({finding.fix.where})", hang=14)
        return
    known.add((finding.culprit.id, finding.fix.change))
    page.text(f"         fix: {finding.fix.where}", hang=14)
    for line in finding.fix.change.splitlines():
        page.line(f"             {line}", "green")  # never wrapped: it is there to be copied
    for label, text in remarks(finding.fix):
        page.text(f"         {label}: {text}", hang=15)


def _block(finding: Finding) -> str:
    """The block's name, with its place where that is not the Finding's own."""
    if finding.block_file != finding.file:
        return f"{finding.block} ({finding.block_file}:{finding.block_line})"
    return (
        finding.block
        if finding.block_line == finding.line
        else f"{finding.block} (line {finding.block_line})"
    )


def _rest(page: TextWriter, checked: CheckResult) -> None:
    if checked.passed:
        page.line("innocent", "bold")
        for one in checked.passed:
            page.text(f"  {one.file}:{one.line}  {one.block}: {one.reason}", hang=4)
        page.gap()
    if checked.allowed:
        page.line("allowed in the file", "bold")
        for each in checked.allowed:
            finding = each.finding
            page.text(
                f"  {each.file}:{each.line}  {finding.culprit.id} in {finding.block}: {each.reason}", hang=4
            )
        page.gap()
    if checked.problems:
        page.line("not read, or not understood", "bold")
        for trouble in checked.problems:
            where = f"{trouble.file}:{trouble.line}" if trouble.line else trouble.file
            page.text(f"  {where}  {trouble.reason}", hang=4)
        page.gap()


def _summary(checked: CheckResult) -> str:
    blocks = {(finding.block_file, finding.block_line, finding.block) for finding in checked.findings}
    blocks |= {(one.file, one.line, one.block) for one in checked.passed}
    blocks |= {
        (each.finding.block_file, each.finding.block_line, each.finding.block) for each in checked.allowed
    }
    if not blocks:
        if checked.exit_code() == 3:
            return "Nothing could be judged."
        return f"{_count(len(checked.files), 'file')} read: nothing here passes to an app."
    counts = ", ".join(
        _count(sum(finding.level is level for finding in checked.findings), level.value) for level in Level
    )
    allowed = f", {len(checked.allowed)} allowed" if checked.allowed else ""
    could_not = " Not all of it could be read." if checked.exit_code() == 3 else ""
    passing = "1 block that passes" if len(blocks) == 1 else f"{len(blocks)} blocks that pass"
    return f"{counts}{allowed} in {passing} to an app.{could_not}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def cross_checks_text(
    cross_checks: Sequence[CrossCheck], checked: CheckResult, *, width: int, color: bool
) -> str:
    """What a diagnosis and the files say of each other, culprit by culprit; ends in a newline.

    Args:
        checked: what the files show.
        width: columns of the terminal.
        color: whether to use ANSI colours.
    """
    page = TextWriter(width, color)
    page.line("the path and its files:", "bold")
    for one in cross_checks:
        label = f"- {_WITNESSES[one.found_by]:<9}  {one.culprit}"
        page.text(f"{label}: {one.sentence}", hang=2, style=_HUES[one.found_by], style_to=len(label))
        if one.findings:
            _guilty(page, one.findings[0])
    if not cross_checks:
        passing = checked.findings or checked.passed or checked.allowed
        page.text(_NOBODY if passing else _NOTHING_PASSES)
    if any(one.found_by is FoundBy.LIVE for one in cross_checks):
        # What contradicts the path: blocks that the address may go through, if these files are in force.
        for judged in checked.passed[:_MOST_BLOCKS]:
            page.text(f"- innocent: {judged.file}:{judged.line}  {judged.block}: {judged.reason}", hang=2)
    for each in checked.allowed:
        finding = each.finding
        page.text(
            f"- allowed: {finding.culprit.id} at {each.file}:{each.line}, because: {each.reason}", hang=2
        )
    for trouble in checked.problems:
        where = f"{trouble.file}:{trouble.line}" if trouble.line else trouble.file
        page.text(f"- not read, or not understood: {where}: {trouble.reason}", hang=2)
    return page.done()


_NOBODY = "neither names a culprit"
_NOTHING_PASSES = "no block in these files passes to an app: they say nothing of the path"


def _guilty(page: TextWriter, finding: Finding) -> None:
    page.text(f"  {finding.block}: {finding.message}", hang=4)
    page.text(f"    fix: {finding.fix.where}", hang=6)
    for line in finding.fix.change.splitlines():
        page.line(f"        {line}", "green")  # never wrapped: it is there to be copied


def cross_checks_document(cross_checks: Sequence[CrossCheck], checked: CheckResult) -> dict[str, Any]:
    """The same as plain dicts, lists, strings and numbers: the findings document, and who says what."""
    return {
        "cross_checks": [
            {
                "id": one.culprit,
                "found_by": one.found_by.value,
                "sentence": one.sentence,
                "findings": [finding_document(finding) for finding in one.findings],
            }
            for one in cross_checks
        ],
        **{key: value for key, value in findings_document(checked).items() if key != "schema"},
    }


def findings_document(checked: CheckResult) -> dict[str, Any]:
    """The same as plain dicts, lists, strings and numbers, ready for `json.dumps`."""
    return {
        "schema": SCHEMA,
        "findings": [finding_document(finding) for finding in checked.findings],
        "passed": [to_json(one) for one in checked.passed],
        "allowed": [
            {
                **finding_document(one.finding),
                "allowed_at": {"file": one.file, "line": one.line},
                "reason": one.reason,
            }
            for one in checked.allowed
        ],
        "problems": [{"file": t.file, "line": t.line, "reason": t.reason} for t in checked.problems],
        "files": list(checked.files),
        "counts": {
            level.value: sum(finding.level is level for finding in checked.findings) for level in Level
        },
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """One Finding as JSON."""
    return {
        "id": finding.culprit.id,
        "level": finding.level.value,
        "file": finding.file,
        "line": finding.line,
        "server": finding.server.value,
        "block": finding.block,
        "block_file": finding.block_file,
        "block_line": finding.block_line,
        "value": finding.value,
        "source": finding.source,
        "message": finding.message,
        "override": finding.override,
        "fix": to_json(finding.fix),
        "edits": [to_json(edit) for edit in finding.edits],
        "title": finding.culprit.title,
        "references": list(finding.culprit.references),
    }
