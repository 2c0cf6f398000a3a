"""Right, wrong or undecided: a Report compared with what its case declares and what the observer saw.

Being wrong is worse than saying less. Wrong is: a culprit named that had no part in it, a guilty path called clean, a
clean one called guilty, or a flow, block size or period that is not what arrived. Undecided is: the path is described
as it is, and no culprit, or no particular one, is named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from flushcheck.model import Confidence, Flow, Report, Transport, Verdict
from tests.lab.case import Case, Kind

# The observer's words -> the Flows that say the same. A stream that is shorter than one block is held, or one block.
SAME: Mapping[str, frozenset[Flow]] = {
    "flowing": frozenset({Flow.FLOWING}),
    "held": frozenset({Flow.HELD, Flow.BLOCKS}),
    "blocks": frozenset({Flow.BLOCKS, Flow.HELD}),
    "ticks": frozenset({Flow.TICKS}),
    "late": frozenset({Flow.LATE}),
    "one-late": frozenset({Flow.LATE}),
    "throttled": frozenset({Flow.THROTTLED}),
    "replayed": frozenset({Flow.REPLAYED}),
    "cut": frozenset({Flow.CUT}),
    "failed": frozenset({Flow.FAILED}),
}
# Two or three deliveries show no rule; a reader sees blocks, or says that there is no telling.
FEW = frozenset({Flow.BLOCKS, Flow.HELD, Flow.UNKNOWN, Flow.LATE})
JITTER = frozenset({Flow.FLOWING})
# A poll that is answered by an older answer, or by none, has no flow of its own.
ANY_FAILURE = frozenset({Flow.REPLAYED, Flow.CUT, Flow.FAILED})

ROUTES: Mapping[Transport, str] = {
    Transport.POLLING: "polling-token",
    Transport.CHUNKED: "chunked-token",
    Transport.EVENTS: "events-token",
    Transport.WEBSOCKET: "ws-token",
}

# How far two measurements of one block may be apart: records and headers share the buffer with the text.
SAME_SIZE = 0.12

# Saying "some HTTP hop that is not nginx" of one of these is true, only less than could be said.
NOT_NGINX = ("apache-", "caddy-", "haproxy-", "lighttpd-", "passenger-", "varnish-", "response-cache")
GENERIC = "http-hop"


class Mark(StrEnum):
    """What became of one case."""

    RIGHT = "right"
    UNDECIDED = "undecided"
    WRONG = "wrong"
    MISSING = "missing"  # the program cannot be had here
    BROKEN = "broken"  # the case itself did not run


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table."""

    case: Case
    mark: Mark
    verdict: str  # flushcheck's word for the path
    named: tuple[str, ...]  # ids of the named culprits, strongest first
    took_s: float
    why: str = ""  # what was wrong, or missing


def assess(case: Case, seen: Mapping[str, str], report: Report, took_s: float) -> Result:
    """Compare a Report with its case.

    Args:
        case: what was run.
        seen: what the observer saw just now, shapes by name of the ask, as in a case's `seen` lines. What is written
            there counts as well: on a busy machine either observer may have been kept from looking.
        report: what flushcheck says.
        took_s: how long that took.
    """
    named = tuple(culprit_report.culprit.id for culprit_report in report.culprits)
    expected, also = set(case.culprits), set(case.options.get("also", "").split())
    wrong = _wrong_flows(case, seen, report) if "flows" not in case.options else []
    foreign = [name for name in named if name not in expected | also]
    if case.kind is Kind.INNOCENT:
        wrong += [f"{name} is named" for name in named]
        if report.verdict in (Verdict.HELD, Verdict.BROKEN) and not named:
            wrong.append(f"called {report.verdict}")
    else:
        tolerated = GENERIC in foreign and any(name.startswith(NOT_NGINX) for name in expected)
        wrong += [f"{name} is named" for name in foreign if not (tolerated and name == GENERIC)]
        if report.verdict is Verdict.FLOWING and not any(name in expected for name in named):
            wrong.append("called clean")
    if wrong:
        return Result(case, Mark.WRONG, report.verdict, named, took_s, "; ".join(wrong))
    if case.kind is Kind.INNOCENT:
        mark = Mark.RIGHT if report.verdict is Verdict.FLOWING else Mark.UNDECIDED
        return Result(case, mark, report.verdict, named, took_s)
    ranks = {culprit_report.culprit.id: culprit_report.confidence for culprit_report in report.culprits}
    order = list(Confidence)
    best = min((order.index(ranks[name]) for name in expected if name in ranks), default=None)
    if best is None:
        return Result(case, Mark.UNDECIDED, report.verdict, named, took_s, "not named")
    if any(order.index(ranks[name]) < best for name in foreign):
        return Result(case, Mark.UNDECIDED, report.verdict, named, took_s, "not named first")
    return Result(case, Mark.RIGHT, report.verdict, named, took_s)


def differences(written: Mapping[str, str], seen: Mapping[str, str]) -> list[str]:
    """What the observer saw that is not what a case's file says, shape by shape; sizes may differ a little."""
    return [
        f"{name} was {written[name]}, is {now}"
        for name, now in seen.items()
        if name in written and written[name].partition(" ")[0] != now.partition(" ")[0]
    ]


def _wrong_flows(case: Case, seen: Mapping[str, str], report: Report) -> list[str]:
    wrong = []
    for verdict in report.transports:
        name = ROUTES[verdict.transport]
        words = {seen.get(name, ""), case.seen.get(name, "")} - {""}
        shapes = sorted(word.partition(" ")[0] for word in words)
        allowed = frozenset[Flow]().union(*(_allowed(case, verdict.transport, shape) for shape in shapes))
        # "Without a pattern" is an honest answer where the evidence separates nothing; it names no culprit.
        if shapes and verdict.flow not in allowed and verdict.flow is not Flow.UNKNOWN:
            wrong.append(f"{verdict.transport} is {' or '.join(sorted(words))}, called {verdict.flow}")
    for transport in (Transport.CHUNKED, Transport.EVENTS):
        sizes = {_block(case.seen, transport), _block(seen, transport)} - {0}
        said = next((v.hold_bytes for v in report.transports if v.transport is transport), None)
        if sizes and said and not any(abs(said - size) <= SAME_SIZE * size for size in sizes):
            wrong.append(f"{transport} is held by {sizes} bytes, called {said}")
    return wrong


def _allowed(case: Case, transport: Transport, shape: str) -> frozenset[Flow]:
    """What may be said of a stream of this shape."""
    if transport is Transport.POLLING and shape != "flowing":
        return ANY_FAILURE
    return SAME.get(shape, JITTER if case.kind is Kind.INNOCENT else FEW)


def _block(seen: Mapping[str, str], transport: Transport) -> int:
    """The block size the observer saw, from the smallest pieces that showed one; 0 for none."""
    for size in ("kilo", "big", "token"):
        if found := re.fullmatch(r"blocks (\d+)", seen.get(f"{transport}-{size}", "")):
            return int(found[1])
    return 0
