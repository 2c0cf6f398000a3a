"""Right, wrong or undecided: a Report compared with what its case declares and what the observer saw.

Being wrong is worse than saying less. Wrong is: a culprit named that had no part in it, a guilty path called clean, a
clean one called guilty, or a flow, block size or period that is not what arrived. Undecided is: the path is described
as it is, and no culprit, or no particular one, is named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from flushcheck.model import Client as Asked
from flushcheck.model import Confidence, Flow, Report, Transport, Verdict
from tests.lab.case import Case, Client, Kind, Protocol, Sights, seen_by

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

# Saying "an HTTP hop" of one of these is true, only less than could be said.
NOT_NGINX = ("apache-", "caddy-", "haproxy-", "lighttpd-", "passenger-", "varnish-", "response-cache")
GENERIC = "http-hop"


class Mark(StrEnum):
    """What became of one case."""

    RIGHT = "right"
    UNDECIDED = "undecided"
    WRONG = "wrong"
    MISSING = "missing"  # the program cannot be had here
    BROKEN = "broken"  # the case itself did not run


BADLY = (Mark.WRONG, Mark.UNDECIDED, Mark.RIGHT)


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table."""

    case: Case
    mark: Mark
    verdict: str  # flushcheck's word for the path
    named: tuple[str, ...]  # ids of the named culprits, strongest first
    took_s: float
    why: str = ""  # what was wrong, or missing
    version: str = ""  # of the program that ran, as it gives it
    unjudged: tuple[Client, ...] = ()  # whom the case serves, and flushcheck did not ask as


def assess(
    case: Case, seen: Mapping[str, str], report: Report, took_s: float, *, client: Client = Client.HTTP1
) -> Result:
    """Compare a Report with its case, as one client has it.

    Args:
        case: what was run.
        seen: what the observer saw just now as this client, shapes by name of the ask, as in a case's `seen` lines. What is written
            there counts as well: on a busy machine either observer may have been kept from looking.
        report: what flushcheck says to this client.
        took_s: how long that took.
        client: whose answer is compared. A case that is held for others only is innocent to it.
    """
    named = tuple(culprit_report.culprit.id for culprit_report in report.culprits)
    also = set(case.options.get("also", "").split())
    if case.kind is Kind.GUILTY and client in case.clients:
        # Two faults may hold one client, and one of them another.
        expected = set(case.options.get(f"culprit {client}", " ".join(case.culprits)).split())
    else:
        # What is held for others may still have a second fault that this client meets.
        expected = also if held(case, client) else set()
    guilty = bool(expected)
    wrong = _wrong_flows(case, client, seen, report) if "flows" not in case.options else []
    foreign = [name for name in named if name not in expected | also]
    for word in case.options.get("note", "").split():
        wrong += [] if any(word in note for note in report.notes) else [f"no note names {word}"]
    if place := case.options.get("place", ""):
        located = report.fault_location.place if report.fault_location else "nowhere"
        wrong += [] if located == place else [f"located at {located}"]
    if not guilty:
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
    if not guilty:
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


def assess_run(case: Case, seen: Sights, report: Report, took_s: float) -> Result:
    """Compare what a Report says of each client with its case; the worst of them counts.

    Args:
        case: what was run.
        seen: what the observer saw just now, by protocol.
        report: of flushcheck. Where it asked as one client only, that stands for every client that gets HTTP/1.1.
        took_s: how long that took.
    """
    asked = [client for client, _ in report.clients]
    results = []
    unjudged = []
    for client in case.served:
        own = Asked(client)
        if own not in asked and (len(asked) > 1 or client is Client.HTTP3):
            unjudged += [client] if client is Client.HTTP3 else []
            continue
        chosen = own if own in asked or not asked else asked[0]
        now = seen_by({protocol: seen.get(protocol, {}) for protocol in Protocol}, client)
        result = assess(case, now, as_told_to(chosen, report), took_s, client=client)
        results.append(replace(result, why=f"{client}: {result.why}" if result.why else ""))
    worst = min(results, key=lambda result: (BADLY.index(result.mark), -len(result.named)))
    return replace(worst, unjudged=tuple(unjudged))


def as_told_to(client: Asked, report: Report) -> Report:
    """The part of a Report that is about one client."""
    transports = tuple(
        replace(
            transport,
            flow=told.flow,
            summary=told.summary,
            hold_bytes=told.hold_bytes,
            hold_s=told.hold_s,
            culprits=told.culprits,
        )
        for transport in report.transports
        for told in transport.clients
        if told.client is client
    )
    culprits = tuple(culprit for culprit in report.culprits if client in culprit.clients)
    verdict = dict(report.clients).get(client, report.verdict)
    return replace(report, verdict=verdict, transports=transports or report.transports, culprits=culprits)


def differences(written: Sights, seen: Sights) -> list[str]:
    """What the observer saw that is not what a case's file says, shape by shape; sizes may differ a little."""
    found = []
    for protocol in Protocol:
        if protocol not in seen:
            found += [f"{protocol} is no longer offered"] if written.get(protocol) else []
            continue
        before = written.get(protocol, {})
        found += (
            [f"{protocol} is offered now"] if any(written.values()) and not before and seen[protocol] else []
        )
        found += [
            f"{protocol} {name} was {before[name]}, is {now}"
            for name, now in seen[protocol].items()
            if name in before and not _alike(name, before[name].partition(" ")[0], now.partition(" ")[0])
        ]
    return found


def _alike(name: str, before: str, now: str) -> bool:
    """Whether two measurements of one stream can be of one path: few deliveries show their rule by chance."""
    # A piece larger than a buffer: whether its tail waits for the next piece depends on where the reads fall.
    tails = {"flowing", "one-late"} if "-big" in name else set()
    return before == now or {before, now} <= {"ticks", "irregular", "blocks"} or {before, now} <= tails


def held(case: Case, client: Client) -> frozenset[Transport]:
    """The transports that do not reach this client piece by piece, at the sizes that text has."""
    seen = case.seen_by(client)
    names = {transport: [name, name.replace("-token", "-kilo")] for transport, name in ROUTES.items()}
    return frozenset(
        transport
        for transport, both in names.items()
        if any(seen[name].partition(" ")[0] not in ("flowing", "irregular") for name in both if name in seen)
    )


def expected_flows(case: Case, client: Client, transport: Transport) -> frozenset[Flow]:
    """What may be said to this client of this transport, by the case's `seen` lines; none if nothing was seen."""
    shape = case.seen_by(client).get(ROUTES[transport], "").partition(" ")[0]
    return _allowed(case, transport, shape) if shape else frozenset()


def _wrong_flows(case: Case, client: Client, seen: Mapping[str, str], report: Report) -> list[str]:
    wrong = []
    written = case.seen_by(client)
    for verdict in report.transports:
        name = ROUTES[verdict.transport]
        words = {seen.get(name, ""), written.get(name, "")} - {""}
        shapes = sorted(word.partition(" ")[0] for word in words)
        allowed = frozenset[Flow]().union(*(_allowed(case, verdict.transport, shape) for shape in shapes))
        # "Without a pattern" is an honest answer where the evidence separates nothing; it names no culprit.
        if shapes and verdict.flow not in allowed and verdict.flow is not Flow.UNKNOWN:
            wrong.append(f"{verdict.transport} is {' or '.join(sorted(words))}, called {verdict.flow}")
    for transport in (Transport.CHUNKED, Transport.EVENTS):
        sizes = {_block(written, transport), _block(seen, transport)} - {0}
        said = next((v.hold_bytes for v in report.transports if v.transport is transport), None)
        if sizes and said and not any(abs(said - size) <= SAME_SIZE * size for size in sizes):
            wrong.append(f"{transport} is held by {sizes} bytes, called {said}")
    return wrong


def _allowed(case: Case, transport: Transport, shape: str) -> frozenset[Flow]:
    """What may be said of a stream of this shape."""
    if transport is Transport.POLLING and shape != "flowing":
        return ANY_FAILURE
    if shape == "irregular" and any(word.startswith("ticks") for word in case.seen.values()):
        return FEW | {Flow.TICKS}  # a timer's deliveries, at distances that vary by more than a rule allows
    return SAME.get(shape, JITTER if case.kind is Kind.INNOCENT else FEW)


def _block(seen: Mapping[str, str], transport: Transport) -> int:
    """The block size the observer saw, from the smallest pieces that showed one; 0 for none."""
    for size in ("kilo", "long", "big", "token"):
        if found := re.fullmatch(r"blocks (\d+)", seen.get(f"{transport}-{size}", "")):
            return int(found[1])
    return 0
