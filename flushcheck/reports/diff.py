"""The fixes of a check as one unified patch, for `git apply` and `patch -p1` (absolute names: with `-d /`).

The rest of each file stays as it is: its line ends, a missing last newline, bytes that are no UTF-8. A fix is
left out if its place is not certain (a statement over several lines, two edits that contradict each other):
no patch is better than a wrong one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

from flushcheck.configs.findings import Action, Edit, Finding, Level


def diff(findings: Iterable[Finding], texts: Mapping[str, str], *, strict: bool = False) -> str:
    """The patch; "" if no Finding brings one.

    Args:
        findings: of one check or several.
        texts: every file that was read, by its name.
        strict: with the fixes of notes.
    """
    by_file: dict[str, list[Edit]] = {}
    for finding in findings:
        if finding.level is Level.NOTE and not strict:
            continue
        for edit in finding.edits:
            by_file.setdefault(edit.file, []).append(edit)
    return "".join(
        _unified(file, texts[file], _apply(texts[file], edits))
        for file, edits in sorted(by_file.items())
        if file in texts
    )


def _apply(text: str, edits: Sequence[Edit]) -> str:
    """The text with the edits made, from the last line to the first: so the line numbers stay valid."""
    lines = text.split("\n")
    end = "\r" if lines[0].endswith("\r") else ""
    for edit in sorted(_merged(edits), key=lambda edit: (edit.line, edit.action), reverse=True):
        _place(lines, edit, end)
    return "\n".join(lines)


def _merged(edits: Sequence[Edit]) -> Iterable[Edit]:
    """Edits of the same statement as one, each new line once."""
    groups: dict[tuple[Action, int, str], tuple[Edit, list[str]]] = {}
    for edit in edits:
        key = (edit.action, edit.line, edit.statement)
        if key not in groups:
            groups[key] = (edit, list(edit.lines))
        elif edit.action is not Action.REPLACE:
            groups[key][1].extend(line for line in edit.lines if line not in groups[key][1])
    for edit, lines in groups.values():
        yield Edit(edit.action, edit.file, edit.line, edit.end_line, edit.statement, tuple(lines))


def _place(lines: list[str], edit: Edit, end: str) -> None:
    if edit.line > len(lines):
        return
    first = lines[edit.line - 1]
    indent = first[: len(first) - len(first.lstrip())]
    new = [f"{indent}{line}{end}" if line else end for line in edit.lines]
    alone = _find(first.lstrip(), edit.statement, first=True) == 0
    if edit.action is Action.INSIDE:
        at = _find(first, edit.statement)
        if at is not None:
            at += len(edit.statement.rstrip())
            lines[edit.line - 1] = f"{first[:at]}{''.join(edit.lines)}{first[at:]}"
    elif edit.action is Action.AFTER:
        lines[edit.end_line : edit.end_line] = new
    elif edit.action is Action.BEFORE and alone:
        lines[edit.line - 1 : edit.line - 1] = new
    elif edit.action is Action.BEFORE:
        at = _find(first, edit.statement)
        if at is not None:
            lines[edit.line - 1] = f"{first[:at]}{' '.join(edit.lines)} {first[at:]}"
    else:
        _replace(lines, edit, first, new, alone=alone)


def _replace(lines: list[str], edit: Edit, first: str, new: list[str], *, alone: bool) -> None:
    last = lines[min(edit.end_line, len(lines)) - 1]
    at = _find(first, edit.statement)
    if edit.line != edit.end_line or at is None:
        if alone and not _has_tail(last):
            lines[edit.line - 1 : edit.end_line] = new
        return
    # Up to its semicolon if it has one: other statements and a comment may follow on the line.
    rest = first[at:]
    stop = rest.find(";") + 1 if edit.lines and edit.lines[0].endswith(";") else 0
    if stop:
        kept = rest[stop:]
    elif alone:
        kept = _yaml_comment(rest, edit) or ("\r" if rest.endswith("\r") else "")
    else:
        return
    if not edit.lines and alone and not kept.strip():
        del lines[edit.line - 1]
    elif len(edit.lines) == 1:
        lines[edit.line - 1] = f"{first[:at]}{edit.lines[0]}{kept}"
    elif alone and not kept.strip():
        lines[edit.line - 1 : edit.line] = new


_ENTRY = re.compile(r"[\w./-]+: \S")
_COMMENT = re.compile(r"\s+#[^'\"]*$")


def _yaml_comment(rest: str, edit: Edit) -> str:
    """The comment behind an entry of YAML that another entry replaces; "" if there is none for certain."""
    comment = _COMMENT.search(rest) if edit.lines and _ENTRY.match(edit.lines[0]) else None
    return comment[0] if comment is not None else ""


def _has_tail(line: str) -> bool:
    """Whether something follows a statement's end on its last line."""
    return bool(line.partition(";")[2].strip()) and not line.partition(";")[2].lstrip().startswith("#")


def _find(line: str, statement: str, *, first: bool = False) -> int | None:
    """Where a statement begins in its line; None if that is not certain.

    Args:
        first: the first place counts; otherwise there must be only one.
    """
    end = "" if statement.endswith(" ") else r"(?![\w-])"
    word = re.compile(rf"(?<![\w$-]){re.escape(statement)}{end}", re.IGNORECASE)
    starts = [match.start() for match in word.finditer(line)]
    return starts[0] if len(starts) == 1 or (starts and first) else None


def _unified(file: str, old: str, new: str) -> str:
    if old == new:
        return ""
    out = []
    name = file.lstrip("/").removeprefix("./")
    for line in difflib.unified_diff(_split(old), _split(new), f"a/{name}", f"b/{name}", n=3):
        if line.endswith("\n"):
            out.append(line)
        else:
            out.append(f"{line}\n\\ No newline at end of file\n")
    return "".join(out)


def _split(text: str) -> list[str]:
    """Lines with their ends; only a newline ends a line."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
