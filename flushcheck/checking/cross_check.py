"""Which culprits are named by the live diagnosis of a path, by its configuration files, or by both.

A file shows the causes on one machine; a diagnosis measures the whole path, with the app. A culprit that both
name is nearly certain, and has a line. One that only the diagnosis names may be on another machine, or in a
file that was not read. One that only a file names may hold streams that the diagnosis did not request
(another address, type or size), or the server does not run with this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flushcheck.configs.findings import Finding, Level
from flushcheck.model import Flow, Report


class FoundBy(StrEnum):
    """What names a culprit."""

    BOTH = "both"
    LIVE = "live"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """One culprit, and what names it."""

    culprit: str  # its id
    found_by: FoundBy
    sentence: str  # what that means
    findings: tuple[Finding, ...] = ()  # where a file shows it, or what explains it


# What from outside looks like one thing, and what a file then shows of it; measured in the laboratory. Two
# buffering nginx look like one that ignores the hint, a buffering one like a caching one.
_SHOWN_AS: Mapping[str, frozenset[str]] = {
    "nginx-hint-taken": frozenset({"nginx-ignore-headers", "nginx-proxy-buffering"}),
    "nginx-ignore-headers": frozenset({"nginx-hint-taken", "nginx-proxy-buffering"}),
    "nginx-gzip": frozenset({"nginx-proxy-buffering"}),
    "nginx-proxy-buffering": frozenset({"nginx-proxy-cache", "nginx-gzip"}),
    "response-cache": frozenset({"nginx-proxy-cache"}),
    "nginx-proxy-cache": frozenset({"response-cache"}),
    "gunicorn-timeout": frozenset({"gunicorn-sync-worker", "idle-timeout"}),
    "idle-timeout": frozenset({"gunicorn-timeout"}),
}

# Named where the program could not be: any hold that a file shows may be it.
_NAMELESS = frozenset({"http-hop"})

# What no file of a server shows.
_IN_THE_APP = frozenset({"app-response", "flask-compress"})
_ON_THE_WAY = frozenset({"tcp-middlebox"})
NO_FILE_SHOWS = _IN_THE_APP | _ON_THE_WAY


def compare(report: Report, findings: Iterable[Finding]) -> tuple[CrossCheck, ...]:
    """Every culprit that the diagnosis or a file names.

    Args:
        report: of a live diagnosis.
        findings: of files on the same path. A note counts only if the diagnosis names its culprit: that a
            WebSocket cannot pass does not matter on a path that has none.
    """
    findings = tuple(findings)
    cross_checks = []
    explaining: set[str] = set()  # culprits of files that a culprit of the diagnosis covers
    for culprit_report in report.culprits:
        name = culprit_report.culprit.id
        same = tuple(finding for finding in findings if finding.culprit.id == name)
        related = same or tuple(finding for finding in findings if _explains(name, finding))
        explaining.update(finding.culprit.id for finding in related)
        if same:
            sentence = f"the diagnosis and the file both show it: {_places(same)}"
            cross_checks.append(CrossCheck(name, FoundBy.BOTH, sentence, same))
        elif related:
            sentence = f"the file explains it: {related[0].culprit.id} at {_places(related)}"
            cross_checks.append(CrossCheck(name, FoundBy.BOTH, sentence, related))
        else:
            cross_checks.append(CrossCheck(name, FoundBy.LIVE, _diagnosis_only(name)))
    clean = bool(report.transports) and all(each.flow is Flow.FLOWING for each in report.transports)
    by_culprit: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.culprit.id not in explaining and finding.level is not Level.NOTE:
            by_culprit.setdefault(finding.culprit.id, []).append(finding)
    for name, rest in by_culprit.items():
        cross_checks.append(CrossCheck(name, FoundBy.FILE, _file_only(rest[0], clean=clean), tuple(rest)))
    return tuple(cross_checks)


def _explains(name: str, finding: Finding) -> bool:
    if name in _NAMELESS:
        return finding.level is not Level.NOTE
    return finding.culprit.id in _SHOWN_AS.get(name, frozenset())


def _places(findings: Sequence[Finding]) -> str:
    """The lines of these Findings, each once."""
    places = list(dict.fromkeys(_at(finding) for finding in findings))
    more = f" and {len(places) - _MAX_PLACES} more" if len(places) > _MAX_PLACES else ""
    # The block that an address leads to depends on host names and other servers: no file shows it alone.
    which = "; the address goes through one of them" if len(places) > 1 else ""
    return f"{', '.join(places[:_MAX_PLACES])}{more}{which}"


_MAX_PLACES = 3  # named in a sentence


def _at(finding: Finding) -> str:
    return f"{finding.file}:{finding.line}"


def _diagnosis_only(name: str) -> str:
    if name in _IN_THE_APP:
        return "found by the diagnosis only: it is in the app, and no server's file shows it"
    if name in _ON_THE_WAY:
        return "found by the diagnosis only: it is in the network, and no server's file shows it"
    return (
        "found by the diagnosis only: it is on another machine or in a file that was not read, or the server "
        "runs with another configuration"
    )


def _file_only(finding: Finding, *, clean: bool) -> str:
    where = f"in the file only ({_at(finding)}, {finding.block})"
    elsewhere = "the diagnosed address does not go through this block"
    if finding.level is Level.WARNING:
        return f"{where}: the requests of the diagnosis did not meet its condition"
    if clean:
        return f"{where}: {elsewhere}, or the app switches it off"
    return f"{where}: another culprit hides it, or {elsewhere}"
