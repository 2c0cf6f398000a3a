"""Two sources: the diagnosis of a path and the configuration files of its servers. Where do they agree?

A file shows causes on one machine; a diagnosis covers the whole path, with the app. So a culprit that both
name is as good as proven, and has a line. One that only the diagnosis names may be on another machine, or in
a file that was not read. One that only the file names may hold streams that the diagnosis did not request
(another address, type or size), or the server does not run with this file.

What else a file may show of a culprit, and which culprits no file shows, is data of the `Culprit`:
`looks_like`, `generic` and `shown_by`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flushcheck.configs.findings import Finding, Level
from flushcheck.culprits.line_without_effect import CULPRIT as WITHOUT_EFFECT
from flushcheck.model import Culprit, Flow, Report, Source


class FoundBy(StrEnum):
    """Which source names a culprit."""

    BOTH = "both"
    LIVE = "live"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """One culprit, and which source names it."""

    culprit: str  # its id
    found_by: FoundBy
    sentence: str  # what follows from it
    findings: tuple[Finding, ...] = ()  # where the file shows it, or what explains it


def compare(report: Report, findings: Iterable[Finding]) -> tuple[CrossCheck, ...]:
    """Say for every culprit that either source names whether the other one agrees.

    Args:
        report: of a diagnosis.
        findings: of the files of (a part of) the same path. Notes count only where the diagnosis
            names their culprit: that a WebSocket cannot pass is no fault on a path that needs none.
    """
    found = tuple(finding for finding in findings if finding.culprit is not WITHOUT_EFFECT)
    cross_checks = []
    explained: set[str] = set()
    for culprit_report in report.culprits:
        culprit = culprit_report.culprit
        same = tuple(finding for finding in found if finding.culprit.id == culprit.id)
        near = same or tuple(finding for finding in found if _explains(culprit, finding))
        explained.update(finding.culprit.id for finding in near)
        if same:
            sentence = f"both show it: {_places(same)}"
            cross_checks.append(CrossCheck(culprit.id, FoundBy.BOTH, sentence, same))
        elif near:
            sentence = f"the file explains it: {near[0].culprit.id} at {_places(near)}"
            cross_checks.append(CrossCheck(culprit.id, FoundBy.BOTH, sentence, near))
        else:
            cross_checks.append(CrossCheck(culprit.id, FoundBy.LIVE, _not_in_a_file(culprit)))
    clean = bool(report.transports) and all(verdict.flow is Flow.FLOWING for verdict in report.transports)
    rest: dict[str, list[Finding]] = {}
    for finding in found:
        if finding.culprit.id not in explained and finding.level is not Level.NOTE:
            rest.setdefault(finding.culprit.id, []).append(finding)
    for name, alone in rest.items():
        sentence = _not_on_the_path(alone[0], clean=clean)
        cross_checks.append(CrossCheck(name, FoundBy.FILE, sentence, tuple(alone)))
    return tuple(cross_checks)


def _explains(culprit: Culprit, finding: Finding) -> bool:
    """Whether a file that shows this finding explains what the diagnosis named."""
    if culprit.generic:
        return finding.level is not Level.NOTE
    return finding.culprit.id in culprit.looks_like


def _places(findings: Sequence[Finding]) -> str:
    """File and line of each, each place once."""
    places = list(dict.fromkeys(_at(finding) for finding in findings))
    more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    # Which block an address leads to depends on names and other servers that no file shows alone.
    which = "; the address goes through one of them" if len(places) > 1 else ""
    return f"{', '.join(places[:_SHOWN])}{more}{which}"


_SHOWN = 3  # places named in a sentence


def _at(finding: Finding) -> str:
    return f"{finding.file}:{finding.line}"


def _not_in_a_file(culprit: Culprit) -> str:
    if Source.APP in culprit.shown_by:
        return "seen on the path only: the cause is in the app, where no server configuration shows it"
    if Source.NETWORK in culprit.shown_by:
        return "seen on the path only: the cause is in the network, where no server configuration shows it"
    return (
        "seen on the path only: the cause is on another machine or in a file that was not read, or the "
        "server runs with another configuration"
    )


def _not_on_the_path(finding: Finding, *, clean: bool) -> str:
    where = f"in the file only ({_at(finding)}, {finding.block})"
    elsewhere = "the diagnosed address does not go through this block"
    if finding.level is Level.WARNING:
        return f"{where}: no request of the diagnosis met its condition"
    if clean:
        return f"{where}: {elsewhere}, or the app switches the hold off by itself"
    return f"{where}: another culprit hides it, or {elsewhere}"
