"""What becomes of a case when its fixes are pasted into its very files: `python -m tests.lab --fixed`.

The whole text to paste first, then each fix alone that can be pasted: its culprits must be gone. What is left
then may have been hidden behind them, or needs more than lines of this file. A text for one server is pasted
into each file of that server on the path: a run does not show which of several it is. Culprits that only a file
shows are taken from the head of the case; then what the run names in their place must be gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from flushcheck.culprits import CULPRITS
from flushcheck.diagnosis.bundles import bundles, site_of
from flushcheck.model import Bundle, Confidence, CulpritReport, OfferedFix, Report, Server, Source
from tests.checking.test_lab_agrees import PROGRAMS, files
from tests.lab import programs
from tests.lab.case import Case
from tests.lab.paste import paste
from tests.live.servers import Service, ServiceError

Diagnose = Callable[[str, Case], Report]


@dataclass(frozen=True, slots=True)
class Row:
    """One change to one case, and what flushcheck says after it."""

    case: str
    change: str  # what was pasted
    culprits: tuple[str, ...]  # against these
    right: bool
    outcome: str  # verdict, and the culprits that are left; or why it was not diagnosed

    def __str__(self) -> str:
        mark = "right" if self.right else "WRONG"
        what = " / ".join(line.strip() for line in self.change.splitlines())
        return f"{self.case:34} {mark:6} {self.outcome:40} {' '.join(self.culprits)}: {what}"


def rows(
    case: Case, diagnose: Diagnose, *, origin: Service | None = None, alone: bool = True
) -> Iterator[Row]:
    """A row for the text to paste of each server of a case, and one for each fix that can be pasted.

    Args:
        case: what to run.
        diagnose: what flushcheck says of an address.
        origin: a running service that stands behind it.
        alone: each fix by itself too.
    """
    with programs.start(case, origin=origin) as front:
        before = diagnose(front.url, case)
    site = site_of(before.target)
    hidden = tuple(_hidden(case, before))
    texts = (*before.bundles, *(text for report in hidden for text in bundles([report], site)))
    tried = []
    for text in texts:
        if text.server in _servers(case):
            tried.append((text.server, text.change))
            yield _row(case, text, diagnose, origin)
    for report, offered in _single((*before.culprits, *hidden), case) if alone else ():
        for text in bundles([replace(report, chosen=(offered,))], site):
            if (text.server, text.change) not in tried:
                yield _row(case, text, diagnose, origin)


def _servers(case: Case) -> set[Server]:
    """The programs on the path of a case that have a configuration to paste into."""
    return {PROGRAMS[part.program] for part in files(case)}


def _hidden(case: Case, report: Report) -> Iterator[CulpritReport]:
    """The culprits of a case that no run shows, each with its fixes for the programs of the case."""
    named = {culprit.id for culprit in report.culprits}
    for culprit in (CULPRITS[name] for name in case.culprits if name in CULPRITS and name not in named):
        fixes = tuple(OfferedFix(fix) for fix in culprit.fixes if fix.server in _servers(case))
        if Source.PATH not in culprit.shown_by and fixes:
            yield CulpritReport(culprit, Confidence.CERTAIN, (), (), chosen=fixes)


def _single(reports: Sequence[CulpritReport], case: Case) -> Iterator[tuple[CulpritReport, OfferedFix]]:
    for report in reports:
        if any(offered.fix.joins for offered in report.offered):
            continue  # which of them is needed is not known: they are pasted together
        for offered in report.offered:
            foreign = "SetHandler" in offered.fix.where and "SetHandler" not in case.text
            if offered.fix.server in _servers(case) and offered.fix.place and not foreign:
                yield report, offered


def _row(case: Case, text: Bundle, diagnose: Diagnose, origin: Service | None) -> Row:
    """What is left after one text."""
    # Several causes that look the same from outside: the run may name any of them.
    alike = case.culprits if {*text.culprits} & {*case.culprits} else ()
    try:
        edited = _edited(case, text)
        with programs.start(edited.get(case.name, case), origin=origin, edited=edited) as front:
            after = diagnose(front.url, case)
    except (ServiceError, ValueError) as error:
        outcome = str(error).strip().replace("\n", " | ")[-200:]
        return Row(case.name, text.change, text.culprits, False, outcome)
    gone = not {*text.culprits, *alike} & {report.id for report in after.culprits}
    return Row(case.name, text.change, text.culprits, gone, _outcome(after))


def _edited(case: Case, text: Bundle) -> dict[str, Case]:
    """Each file of the text's server with the text, by the name of its case.

    Raises:
        ValueError: none of them has a place for it.
    """
    edited, reasons = {}, []
    for part in files(case):
        if PROGRAMS[part.program] is text.server:
            try:
                edited[part.name] = replace(part, text=paste(part.text, text.change, text.server))
            except ValueError as error:
                reasons.append(str(error))
    if not edited:
        raise ValueError("; ".join(reasons) or f"no file of {text.server}")
    return edited


def _outcome(report: Report) -> str:
    left = ", ".join(culprit.id for culprit in report.culprits)
    return f"{report.verdict}{f' ({left})' if left else ''}"
