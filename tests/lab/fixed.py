"""What becomes of a case when its fixes are pasted into its very file: `python -m tests.lab --fixed`.

The whole text to paste first, then each fix alone that can be pasted: its culprits must be gone. What is left
then may have been hidden behind them, or needs more than lines of this file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from flushcheck.diagnosis.bundles import bundles, site_of
from flushcheck.model import CulpritReport, OfferedFix, Report, Server
from tests.lab import programs
from tests.lab.case import Case
from tests.lab.paste import paste
from tests.live.servers import Service

Diagnose = Callable[[str, Case], Report]


@dataclass(frozen=True, slots=True)
class Row:
    """One change to one case, and what flushcheck says after it."""

    case: str
    change: str  # what was pasted
    culprits: tuple[str, ...]  # against these
    right: bool
    outcome: str  # verdict, and the culprits that are left

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
    before = _diagnosed(case, diagnose, origin)
    for bundle in before.bundles:
        if str(bundle.server) == case.program:
            after = _after(case, bundle.change, bundle.server, diagnose, origin)
            gone = not {*bundle.culprits} & {report.id for report in after.culprits}
            yield Row(case.name, bundle.change, bundle.culprits, gone, _outcome(after))
    for report, offered in _single(before.culprits, case) if alone else ():
        server = offered.fix.server
        change = _text(report, offered, before.target)
        if server is not None and change:
            after = _after(case, change, server, diagnose, origin)
            gone = report.id not in {left.id for left in after.culprits}
            yield Row(case.name, change, (report.id,), gone, _outcome(after))


def _single(reports: Sequence[CulpritReport], case: Case) -> Iterator[tuple[CulpritReport, OfferedFix]]:
    for report in reports:
        if any(offered.fix.joins for offered in report.offered):
            continue  # which of them is needed is not known: they are pasted together
        for offered in report.offered:
            foreign = "SetHandler" in offered.fix.where and "SetHandler" not in case.text
            if str(offered.fix.server) == case.program and offered.fix.place and not foreign:
                yield report, offered


def _text(report: CulpritReport, offered: OfferedFix, target: str) -> str:
    """This fix alone, with its block; "" where the culprit is only possible."""
    made = bundles([replace(report, chosen=(offered,))], site_of(target))
    return made[0].change if made else ""


def _after(case: Case, change: str, server: Server, diagnose: Diagnose, origin: Service | None) -> Report:
    return _diagnosed(replace(case, text=paste(case.text, change, server)), diagnose, origin)


def _diagnosed(case: Case, diagnose: Diagnose, origin: Service | None) -> Report:
    with programs.start(case, origin=origin) as front:
        return diagnose(front.url, case)


def _outcome(report: Report) -> str:
    left = ", ".join(culprit.id for culprit in report.culprits)
    return f"{report.verdict}{f' ({left})' if left else ''}"
