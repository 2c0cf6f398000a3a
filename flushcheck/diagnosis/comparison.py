"""Two reports on one path, before and after a change: what is better, what is worse.

Each Transport is compared by itself, for each kind of client. What flows is better than what is delayed, and
that is better than what is cut; what does not open is worst. Two delays are compared by how long a piece was
kept; a difference that two runs of one path may show is none. What came at the end both times is the same:
how long it was kept is the length of the stream, and a quick run has shorter ones. What is unknown is neither
better nor worse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from flushcheck.model import Client, Flow, Report

# Two runs of one path differ by scheduling and by the network: less than both of these is no change.
MIN_CHANGE_S = 0.2
MIN_CHANGE_SHARE = 0.25

_RANKS: Mapping[Flow, int] = {
    Flow.FLOWING: 0,
    **dict.fromkeys((Flow.BLOCKS, Flow.TICKS, Flow.LATE, Flow.THROTTLED, Flow.HELD, Flow.REPLAYED), 1),
    Flow.CUT: 2,
    Flow.FAILED: 3,
}


class Trend(StrEnum):
    """How something changed."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"
    UNCLEAR = "unclear"  # one of the two is not known


@dataclass(frozen=True, slots=True)
class Change:
    """One Transport in both reports, for one kind of client."""

    name: str  # for example "chunked", or "chunked, http1"
    before: Flow
    after: Flow
    before_hold_s: float
    after_hold_s: float
    trend: Trend


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that two reports have in common."""

    changes: tuple[Change, ...]
    only_before: tuple[str, ...]  # names that one report has alone
    only_after: tuple[str, ...]
    culprits_gone: tuple[str, ...]  # ids
    culprits_new: tuple[str, ...]

    @property
    def trend(self) -> Trend:
        """Worse if anything is, else better if anything is; unclear if nothing could be compared."""
        trends = {change.trend for change in self.changes}
        for trend in (Trend.WORSE, Trend.BETTER, Trend.SAME):
            if trend in trends:
                return trend
        return Trend.UNCLEAR


_Stream = tuple[Flow, float]  # with hold_s


def compare_reports(before: Report, after: Report) -> Comparison:
    """Compare two reports, the older one first."""
    old, new = _streams(before), _streams(after)
    gone, come = ([culprit.id for culprit in report.culprits] for report in (before, after))
    return Comparison(
        changes=tuple(_change(name, old[name], new[name]) for name in old if name in new),
        only_before=tuple(name for name in old if name not in new),
        only_after=tuple(name for name in new if name not in old),
        culprits_gone=tuple(culprit for culprit in gone if culprit not in come),
        culprits_new=tuple(culprit for culprit in come if culprit not in gone),
    )


def _streams(report: Report) -> dict[str, _Stream]:
    """How each Transport fares, by the name of the Transport and of the client where that is no browser."""
    streams: dict[str, _Stream] = {}
    for transport in report.transports:
        streams[transport.transport] = (transport.flow, transport.hold_s)
        for client in transport.clients:
            if client.client is not Client.BROWSER:
                streams[f"{transport.transport}, {client.client}"] = (client.flow, client.hold_s)
    return streams


def _change(name: str, before: _Stream, after: _Stream) -> Change:
    return Change(name, before[0], after[0], before[1], after[1], _trend(before, after))


def _trend(before: _Stream, after: _Stream) -> Trend:
    old, new = _RANKS.get(before[0]), _RANKS.get(after[0])
    if old is None or new is None:
        return Trend.UNCLEAR
    if old != new:
        return Trend.BETTER if new < old else Trend.WORSE
    longer_s = after[1] - before[1]
    if before[0] is after[0] is Flow.HELD:
        return Trend.SAME
    if new != 1 or abs(longer_s) < max(MIN_CHANGE_S, MIN_CHANGE_SHARE * before[1]):
        return Trend.SAME
    return Trend.WORSE if longer_s > 0 else Trend.BETTER
