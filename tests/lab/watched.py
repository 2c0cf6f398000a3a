"""`flushcheck watch` against a case: the service behind it stands for a plain app of the user's own.

Two streams are watched: events of a token each, and JSON lines of a kilobyte. The observer's `seen` lines say how each
arrives; a `watched` line of the case stands for one of them where the observer's word is coarser. Wrong is a culprit that
had no part in it, a held stream called flowing, and a flowing one called held or broken. Undecided is what says less: "a
slow app, or held to the end", or a hold without the name of its cause.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from flushcheck import judge
from flushcheck.culprits import CULPRITS
from flushcheck.model import Client as Asked
from flushcheck.model import Confidence, Report, Run, Transport, Verdict
from flushcheck.prober.watch_request import watch_request
from flushcheck.prober.watching import watch
from tests.lab.case import Case, Client, Kind, Sights, find, seen_by
from tests.lab.verdicts import BADLY, Mark, Result, as_told_to

# As a plain app sends them: no header against buffering.
PLAIN = "xab=0&cache=0&nosniff=0&end=done"
STREAMS: Mapping[str, tuple[Transport, str]] = {
    "events-token": (
        Transport.EVENTS,
        f"/stream/events?{PLAIN}&count=20&interval=0.1&jitter=0.04&size=16&spread=28",
    ),
    "chunked-kilo": (
        Transport.CHUNKED,
        f"/stream/chunked?{PLAIN}&count=40&interval=0.05&jitter=0.02&size=1000&spread=1400&format=delta",
    ),
}
# The same of an origin (docs/protocol.md), which has no switches for headers.
OF_ORIGINS: Mapping[str, str] = {
    "events-token": "fc=events&count=20&interval=0.1&jitter=0.04&size=16&spread=28&end=done",
    "chunked-kilo": "fc=chunked&count=40&interval=0.05&jitter=0.02&size=1000&spread=1400&end=done",
}
TIMEOUT_S = 20.0

# What a stream without send times does not show, or shows only sometimes.
SUBTLE = frozenset(
    {"late", "one-late", "throttled", "irregular", "replayed", "cut", "failed", "few", "ticks"}
)
HELD = frozenset({"held", "blocks"})


def port_behind(case: Case, origin: str) -> str:
    """The address of the app's own port behind this case, however many hops away; "" if it has none of HTTP.

    An origin is a part of the app behind the case, and is not there.
    """
    if "origin" in case.options:
        return ""
    while "/" in case.behind:
        case = find(case.behind)
    return origin if case.behind == "gunicorn" else ""


def address_of(name: str, origin: str) -> str:
    """Path and query of one of the streams.

    Args:
        name: of the stream.
        origin: path and query of the origin; "" for the service's own paths.
    """
    if not origin:
        return STREAMS[name][1]
    return f"{origin}{'&' if '?' in origin else '?'}{OF_ORIGINS[name]}"


def look(
    url: str, direct: str = "", keep: Callable[[str, Run], None] | None = None, origin: str = ""
) -> tuple[dict[str, Report], float]:
    """What flushcheck says of each stream, and how long that took.

    Args:
        url: of the case.
        direct: of the app's own port; "" to ask at the case alone.
        keep: called with the name of each stream and its run.
        origin: path and query of the case's origin; "" if it has none.
    """
    begun_s = time.monotonic()
    reports = {}
    for name in STREAMS:
        address = address_of(name, origin)
        own = watch_request(direct + address) if direct else None
        run = watch(watch_request(url + address), own, timeout_s=TIMEOUT_S, repeat=True)
        reports[name] = judge(run)
        if keep is not None:
            keep(name, run)
    return reports, time.monotonic() - begun_s


def assess_watched(case: Case, seen: Sights, reports: Mapping[str, Report], took_s: float) -> Result:
    """Compare what is said of each stream to each client; the worst counts, of equal ones what names most."""
    results = []
    for name, report in reports.items():
        asked = [client for client, _ in report.clients]
        for client in (Client.HTTP1, Client.BROWSER):
            own = Asked(client)
            if own not in asked and (len(asked) > 1 or not asked):
                continue
            told = as_told_to(own if own in asked else asked[0], report)
            results.append(_assess(case, client, name, seen, told, took_s))
    if not results:
        return Result(case, Mark.UNDECIDED, "unknown", (), took_s, "nothing arrived")
    return min(results, key=lambda result: (BADLY.index(result.mark), -len(result.named)))


def _same(name: str, expected: set[str]) -> bool:
    """Whether one of the expected culprits is another reason for the same hold, as far as a client can see."""
    return any(name in CULPRITS[other].looks_like for other in expected)


def _is_held_elsewhere(case: Case, client: Client, name: str, seen: Sights) -> bool:
    """Whether the observer saw another stream of the same transport not flow, in this run or for the case's file."""
    transport = name.partition("-")[0] + "-"
    return any(
        word.partition(" ")[0] != "flowing"
        for sights in (seen, case.sights)
        for ask, word in seen_by({**case.sights, **sights}, client).items()
        if ask.startswith(transport) and ask != name
    )


def _assess(case: Case, client: Client, name: str, seen: Sights, report: Report, took_s: float) -> Result:
    named = tuple(culprit_report.id for culprit_report in report.culprits)
    words = {
        seen_by({**case.sights, **sights}, client).get(name, "").partition(" ")[0]
        for sights in (seen, case.sights)
    } - {""}
    words = {case.options[f"watched {name}"]} if f"watched {name}" in case.options else words
    expected = {
        *case.culprits,
        *case.options.get("also", "").split(),
        *case.options.get(f"culprit {client}", "").split(),
    }
    # Several that look alike from outside are all named as possible: one of them has to be the right one.
    sure = {found.id for found in report.culprits if found.confidence is not Confidence.POSSIBLE}
    right = {name for name in named if name in expected or _same(name, expected)}
    doubted = set(named) - sure if right else set()
    wrong = [
        f"{name} is named" for name in named if name not in right | doubted and not CULPRITS[name].generic
    ]
    # The observer calls pairs and a few records in a TLS buffer flowing: right is only the cause that holds
    # the same transport at another size.
    explained = bool(right) and _is_held_elsewhere(case, client, name, seen)
    if words == {"flowing"} and report.verdict in (Verdict.HELD, Verdict.BROKEN) and not explained:
        wrong.append(f"called {report.verdict}")
    if words and words <= HELD and report.verdict is Verdict.FLOWING:
        wrong.append("called flowing")
    result = Result(
        case, Mark.RIGHT, report.verdict, named, took_s, f"{client} {name}: {', '.join(sorted(words))}"
    )
    if wrong:
        return replace(result, mark=Mark.WRONG, why=f"{result.why}: {'; '.join(wrong)}")
    if report.verdict is Verdict.FLOWING and not words <= HELD:
        return result
    if report.verdict is Verdict.HELD and (expected & set(named) or (case.kind is Kind.GUILTY and named)):
        return result
    return replace(result, mark=Mark.UNDECIDED)
