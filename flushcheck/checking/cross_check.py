"""Two witnesses: the live diagnosis of a path and the configuration files of it. Where do they agree?

A file shows causes on one machine; a diagnosis sees the whole path, with the app. So a Culprit that both
name is as good as proven, and stands at a line. One that only the diagnosis names may stand on another
machine, or in a file that was not read. One that only the file names may hold streams that the diagnosis
did not make (another address, type or size), or the file is not what the server runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flushcheck.configs.findings import Finding, Level
from flushcheck.model import Flow, Report


class FoundBy(StrEnum):
    """Who names a Culprit."""

    BOTH = "both"
    LIVE = "live"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """One Culprit, and who names it."""

    culprit: str  # its id
    found_by: FoundBy
    sentence: str  # what to make of it
    findings: tuple[Finding, ...] = ()  # where the file shows it, or what explains it


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
    """Say for every Culprit that either witness names whether the other one agrees.

    Args:
        report: of a live diagnosis.
        findings: of the files of (a part of) the same path. Notes count only where the diagnosis
            names their Culprit: that a WebSocket cannot pass is no finding on a path that wants none.
    """
    found = tuple(findings)
    agreements = []
    told: set[str] = set()
    for culprit_report in report.culprits:
        name = culprit_report.culprit.id
        same = tuple(one for one in found if one.culprit.id == name)
        near = same or tuple(one for one in found if _explains(name, one))
        told.update(one.culprit.id for one in near)
        if same:
            agreements.append(CrossCheck(name, FoundBy.BOTH, f"both say so: {_places(same)}", same))
        elif near:
            shown = near[0].culprit.id
            sentence = f"the file explains it: {shown} at {_places(near)}"
            agreements.append(CrossCheck(name, FoundBy.BOTH, sentence, near))
        else:
            agreements.append(CrossCheck(name, FoundBy.LIVE, _missing(name)))
    clean = bool(report.transports) and all(verdict.flow is Flow.FLOWING for verdict in report.transports)
    rest: dict[str, list[Finding]] = {}
    for one in found:
        if one.culprit.id not in told and one.level is not Level.NOTE:
            rest.setdefault(one.culprit.id, []).append(one)
    for name, alone in rest.items():
        agreements.append(CrossCheck(name, FoundBy.FILE, _unseen(alone[0], clean=clean), tuple(alone)))
    return tuple(agreements)


def _explains(name: str, finding: Finding) -> bool:
    if name in _NAMELESS:
        return finding.level is not Level.NOTE
    return finding.culprit.id in _SHOWN_AS.get(name, frozenset())


def _places(findings: Sequence[Finding]) -> str:
    """Where they stand, each place once."""
    places = list(dict.fromkeys(_at(one) for one in findings))
    more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    # Which block an address leads to depends on names and other servers that no file shows alone.
    which = "; the address goes through one of them" if len(places) > 1 else ""
    return f"{', '.join(places[:_SHOWN])}{more}{which}"


_SHOWN = 3  # places named in a sentence


def _at(finding: Finding) -> str:
    return f"{finding.file}:{finding.line}"


def _missing(name: str) -> str:
    if name in _IN_THE_APP:
        return "seen on the path only: it is in the app, where no server's file shows it"
    if name in _ON_THE_WAY:
        return "seen on the path only: it is in the network, where no server's file shows it"
    return (
        "seen on the path only: it stands on another machine or in a file that was not read, or the server "
        "runs with another configuration than this"
    )


def _unseen(finding: Finding, *, clean: bool) -> str:
    where = f"in the file only ({_at(finding)}, {finding.block})"
    elsewhere = "the address that was diagnosed does not go through this block"
    if finding.level is Level.WARNING:
        return f"{where}: its condition was not met by what the diagnosis asked for"
    if clean:
        return f"{where}: {elsewhere}, or the app frees itself"
    return f"{where}: another culprit hides it, or {elsewhere}"
