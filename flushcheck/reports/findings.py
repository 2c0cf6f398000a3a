"""What a config check found: as text for a terminal, and as JSON.

Text from files is made printable by `TextWriter`, as all text from outside is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from flushcheck.checking.check import CheckResult
from flushcheck.checking.cross_check import CrossCheck, FoundBy
from flushcheck.configs.findings import Finding, Level
from flushcheck.configs.tree import ReadProblem
from flushcheck.model.codec import to_json
from flushcheck.model.wording import count_of
from flushcheck.reports.fixes import fix_document, remarks
from flushcheck.reports.json_report import SCHEMA
from flushcheck.reports.text_writer import TextWriter

_FOUND_BY = {FoundBy.BOTH: "agree", FoundBy.LIVE: "path only", FoundBy.FILE: "file only"}
_STYLES = {FoundBy.BOTH: "red", FoundBy.LIVE: "yellow", FoundBy.FILE: "yellow"}
_MAX_BLOCKS = 5  # named in one line
_MAX_PLACES = 12  # of one Finding that are named
_COLORS = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "dim"}


def findings_text(
    checked: CheckResult, *, width: int, color: bool, strict: bool = False, verbose: bool = False
) -> str:
    """The Findings by file, then the blocks that passed, what is allowed and what was not read.

    Ends in a newline.

    Args:
        width: columns of the terminal.
        color: whether to use ANSI colours.
        strict: notes count, so they get the same details as errors.
        verbose: list the files that were not read.
    """
    page = TextWriter(width, color)
    for file, group in groupby(checked.findings, key=lambda finding: finding.file):
        page.line(file, "bold")
        shown_fixes: set[tuple[str, str]] = set()
        for places in _same(group):
            _finding(page, places, strict=strict, shown_fixes=shown_fixes)
        page.gap()
    _rest(page, checked)
    if verbose and checked.skipped:
        page.line("other files, not read", "bold")
        for skipped in checked.skipped:
            page.text(f"  {skipped.file}  {skipped.reason}", hang=4)
        page.gap()
    page.text(_summary(checked) + ("" if verbose else _skipped(checked)))
    return page.done()


def _same(findings: Iterable[Finding]) -> Iterable[Sequence[Finding]]:
    """Findings of one file that differ only in their place: each group is printed and counted once."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        # A message may name the guilty line, and the block.
        message = re.sub(rf"\bline {finding.line}\b", "line", finding.message)
        key = (finding.level, finding.culprit.id, message, finding.override, finding.fix)
        groups.setdefault(key, []).append(finding)
    return groups.values()


def _counts(findings: Iterable[Finding]) -> Counter[Level]:
    """How many are printed of each level."""
    by_file = groupby(findings, key=lambda finding: finding.file)
    return Counter(places[0].level for _, group in by_file for places in _same(group))


def _finding(
    page: TextWriter, places: Sequence[Finding], *, strict: bool, shown_fixes: set[tuple[str, str]]
) -> None:
    finding = places[0]
    brief = finding.level is Level.NOTE and not strict
    label = f"  {finding.line:>5}  {finding.level:<8}"
    names = Counter(each.block for each in places)
    where = [_block(each, unique=names[each.block] == 1, line=finding.line) for each in places[:_MAX_PLACES]]
    more = f" and {len(places) - _MAX_PLACES} more" if len(places) > _MAX_PLACES else ""
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
    if (finding.culprit.id, finding.fix.change) in shown_fixes:
        page.text(f"         fix: as above ({finding.fix.where})", hang=14)
        return
    shown_fixes.add((finding.culprit.id, finding.fix.change))
    page.text(f"         fix: {finding.fix.where}", hang=14)
    for line in finding.fix.change.splitlines():
        page.line(f"             {line}", "green")  # not wrapped, to be copied
    for label, text in remarks(finding.fix):
        page.text(f"         {label}: {text}", hang=15)


def _block(finding: Finding, *, unique: bool, line: int) -> str:
    """The block's name, with a line where the name alone does not show the place.

    Args:
        line: that is printed before; of the first place of the same Finding.
    """
    if finding.block_file != finding.file:
        return f"{finding.block} ({finding.block_file}:{finding.block_line})"
    if finding.line != line:
        return f"{finding.block} (line {finding.line})"
    if unique and finding.block_line == finding.line:
        return finding.block
    return f"{finding.block} (line {finding.block_line})"


def _rest(page: TextWriter, checked: CheckResult) -> None:
    if checked.passed:
        page.line("passed", "bold")
        for block in checked.passed:
            page.text(f"  {block.file}:{block.line}  {block.block}: {block.reason}", hang=4)
        page.gap()
    if checked.unknown:
        page.line("not known", "bold")
        for block in checked.unknown:
            page.text(f"  {block.file}:{block.line}  {block.block}: {block.reason}", hang=4)
        page.gap()
    if checked.allowed:
        page.line("allowed in the file", "bold")
        for allowed in checked.allowed:
            culprit = f"{allowed.finding.culprit.id} in {allowed.finding.block}"
            page.text(f"  {allowed.file}:{allowed.line}  {culprit}: {allowed.reason}", hang=4)
        page.gap()
    if checked.problems:
        page.line("not read, or not understood", "bold")
        for problem in checked.problems:
            page.text(f"  {_where(problem)}  {problem.reason}", hang=4)
        page.gap()


def _where(problem: ReadProblem) -> str:
    return f"{problem.file}:{problem.line}" if problem.line else problem.file


def _skipped(checked: CheckResult) -> str:
    """How many files beside those were not read; "" if there are none."""
    count = len(checked.skipped)
    return f" {count_of(count, 'other file')} not read: -v lists them." if count else ""


_NOTHING = "Nothing could be checked."
_PART = (
    "Nothing could be checked: no block here passes to an app. Where this is a part of a configuration, give "
    "the main file, or the folder with all parts."
)


def _summary(checked: CheckResult) -> str:
    findings = (*checked.findings, *(allowed.finding for allowed in checked.allowed))
    blocks = {(finding.block_file, finding.block_line, finding.block) for finding in findings}
    blocks |= {(block.file, block.line, block.block) for block in (*checked.passed, *checked.unknown)}
    if not blocks:
        if checked.exit_code() == 3:
            return _NOTHING if checked.problems or not checked.files else _PART
        return f"{count_of(len(checked.files), 'file')} read: nothing here passes to an app."
    printed = _counts(checked.findings)
    counts = ", ".join(count_of(printed[level], level.value) for level in Level)
    allowed = f", {len(checked.allowed)} allowed" if checked.allowed else ""
    unread = (
        " Not all of it could be read." if any(problem.incomplete for problem in checked.problems) else ""
    )
    if checked.unknown:
        unread = f" Not known for {len(checked.unknown)} of them."
    passing = "1 block that passes" if len(blocks) == 1 else f"{len(blocks)} blocks that pass"
    return f"{counts}{allowed} in {passing} to an app.{unread}"


def cross_checks_text(
    cross_checks: Sequence[CrossCheck], checked: CheckResult, *, width: int, color: bool
) -> str:
    """Which culprits the diagnosis and the files found, one by one; ends in a newline.

    Args:
        checked: the files.
        width: columns of the terminal.
        color: whether to use ANSI colours.
    """
    page = TextWriter(width, color)
    page.line("the path and its files:", "bold")
    for cross_check in cross_checks:
        label = f"- {_FOUND_BY[cross_check.found_by]:<9}  {cross_check.culprit}"
        style = _STYLES[cross_check.found_by]
        page.text(f"{label}: {cross_check.sentence}", hang=2, style=style, style_to=len(label))
        if cross_check.findings:
            _finding_and_fix(page, cross_check.findings[0])
    if not cross_checks:
        passing = checked.findings or checked.passed or checked.unknown or checked.allowed
        page.text(_NO_CULPRIT if passing else _NO_BLOCK)
    if any(cross_check.found_by is FoundBy.LIVE for cross_check in cross_checks):
        # These contradict the diagnosis, if the address goes through them and these files are in force.
        for block in checked.passed[:_MAX_BLOCKS]:
            page.text(f"- passed: {block.file}:{block.line}  {block.block}: {block.reason}", hang=2)
    for unknown in checked.unknown[:_MAX_BLOCKS]:
        page.text(f"- not known: {unknown.file}:{unknown.line}  {unknown.block}: {unknown.reason}", hang=2)
    for allowed in checked.allowed:
        culprit = f"{allowed.finding.culprit.id} at {allowed.file}:{allowed.line}"
        page.text(f"- allowed: {culprit}, because: {allowed.reason}", hang=2)
    for problem in checked.problems:
        page.text(f"- not read, or not understood: {_where(problem)}: {problem.reason}", hang=2)
    return page.done()


_NO_CULPRIT = "neither the diagnosis nor the files name a culprit"
_NO_BLOCK = "no block in these files passes to an app, so they explain nothing about the path"


def _finding_and_fix(page: TextWriter, finding: Finding) -> None:
    page.text(f"  {finding.block}: {finding.message}", hang=4)
    page.text(f"    fix: {finding.fix.where}", hang=6)
    for line in finding.fix.change.splitlines():
        page.line(f"        {line}", "green")  # not wrapped, to be copied


def cross_checks_document(cross_checks: Sequence[CrossCheck], checked: CheckResult) -> dict[str, Any]:
    """The findings document, and which culprits the diagnosis and the files found, ready for `json.dumps`."""
    return {
        "cross_checks": [
            {
                "id": cross_check.culprit,
                "found_by": cross_check.found_by.value,
                "sentence": cross_check.sentence,
                "findings": [finding_document(finding) for finding in cross_check.findings],
            }
            for cross_check in cross_checks
        ],
        **{key: value for key, value in findings_document(checked).items() if key != "schema"},
    }


def findings_document(checked: CheckResult) -> dict[str, Any]:
    """The result of a check as plain dicts, lists, strings and numbers, ready for `json.dumps`."""
    return {
        "schema": SCHEMA,
        "findings": [finding_document(finding) for finding in checked.findings],
        "passed": [to_json(block) for block in checked.passed],
        "unknown": [to_json(block) for block in checked.unknown],
        "allowed": [
            {
                **finding_document(allowed.finding),
                "allowed_at": {"file": allowed.file, "line": allowed.line},
                "reason": allowed.reason,
            }
            for allowed in checked.allowed
        ],
        "problems": [
            {"file": problem.file, "line": problem.line, "reason": problem.reason}
            for problem in checked.problems
        ],
        "files": list(checked.files),
        "skipped": [to_json(skipped) for skipped in checked.skipped],
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
        "readers": [reader.value for reader in finding.readers],
        "fix": fix_document(finding.fix),
        "edits": [to_json(edit) for edit in finding.edits],
        "title": finding.culprit.title,
        "references": list(finding.culprit.references),
    }
