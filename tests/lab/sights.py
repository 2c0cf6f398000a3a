"""What the observer sees of a running case by each protocol, in the words of the case's `seen` lines and for a person."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tests.lab.asks import battery, first_look, multiplexed_battery, together
from tests.lab.case import Case, Protocol
from tests.lab.http2 import look_h2, look_together
from tests.lab.http3 import look_h3
from tests.lab.observer import look_at_all
from tests.lab.seen import Seen
from tests.lab.tls import usual_record

# A stream of a shared connection that has not begun by then waits for another one to end: pieces come each 0.1 s.
TOGETHER_WITHIN_S = 0.8


def observe(case: Case, port: int, *, whole: bool) -> dict[Protocol, list[Seen]]:
    """What the observer sees of a running case, by each protocol that it offers.

    Args:
        case: what runs.
        port: where.
        whole: all that the observer can ask, or the least that says how each stream arrives.
    """
    looks = list(battery(tls=case.tls)) if whole else [first_look()]
    if origin := case.options.get("origin", ""):
        # No file of an origin offers WebSocket.
        looks = [tuple(replace(ask, origin=origin) for ask in asks if ask.route != "ws") for asks in looks]
    if case.options.get("at-once") == "1":
        looks = [(ask,) for asks in looks for ask in asks]
    sights = {
        Protocol.HTTP1: [
            seen for asks in looks for seen in look_at_all("127.0.0.1", port, asks, tls=case.tls)
        ]
    }
    if not case.tls:
        return sights
    looks = list(multiplexed_battery()) if whole else [first_look()]
    if found := [seen for asks in looks for seen in look_h2(port, asks)]:
        sights[Protocol.H2] = [*found, *look_together(port, together())]
    if "h3" in case.options:
        sights[Protocol.H3] = [seen for asks in looks for seen in look_h3(port, asks)]
    return sights


def shapes(found: Sequence[Seen]) -> dict[str, str]:
    """What the observer saw by one protocol, in the words of a case's `seen` lines."""
    written = {}
    side_by_side = [seen for seen in found if seen.together]
    for seen in found:
        if not seen.together:
            written[seen.ask.name] = word(seen)
    if side_by_side:
        words = [word(seen) for seen in side_by_side]
        most = max(set(words), key=words.count)
        at_once = sum(1 for seen in side_by_side if seen.pieces and seen.pieces[0][0] < TOGETHER_WITHIN_S)
        written["together"] = most if at_once in (0, len(words)) else f"{at_once} of {len(words)} at once"
    records = [usual_record(seen.records) for seen in found if seen.ask.size == "long"]
    return written | ({"tls-record": str(records[0])} if any(records) else {})


def word(seen: Seen) -> str:
    """The shape of one stream, and its size or period."""
    extra = ""
    if seen.shape == "blocks":
        extra = f" {seen.block_bytes}"
    elif seen.shape == "ticks":
        extra = f" {seen.period_s:.2f}"
    elif seen.shape == "failed" and seen.status:
        extra = f" {seen.status}"
    return seen.shape + extra


def account(case: Case, sights: Mapping[Protocol, Sequence[Seen]]) -> str:
    """All that the observer saw of a case, for a person."""
    wanted = f"{case.kind}{': ' + ' '.join(case.culprits) if case.culprits else ''}"
    lines = [f"=== {case.name}  [{wanted}]  {case.why}"]
    for protocol, found in sights.items():
        if case.tls:
            of_settings = ",".join(f"{key}={value}" for key, value in sorted(found[0].settings.items()))
            lines.append(f" {protocol}: ALPN {found[0].alpn or '-'} {of_settings}".rstrip())
        lines += [f"  {seen.ask.name:24} {seen.summary}" for seen in found]
    for seen in sights[Protocol.HTTP1]:
        if seen.ask.name in ("chunked-token", "chunked-token-xab", "ws-token") and seen.headers:
            lines.append(f"  headers {seen.ask.name}: HTTP/{seen.version} {seen.status} {dict(seen.headers)}")
        if seen.ask.name in ("chunked-token", "polling-token") and seen.end:
            lines.append(f"  origin saw {seen.ask.name}: {json.dumps(seen.end.get('request_at_app'))}")
        if seen.ask.route == "ws" and not seen.pieces:
            lines.append(f"  ws answer: {seen.body_start[:400]!r}")
    return "\n".join(lines)
