"""Which requests to repeat for a stream of the user's own app: each differs from the first in one thing.

The app cannot be asked to respond in another way, as a flushcheck service can; the client can ask in another
way. Without encodings no compressor takes part; each encoding by itself says which compressor holds; a client
of HTTP/1.1 or HTTP/1.0 meets other buffers; some apps stream only to a client that accepts an event stream.
Two at once show whether the app serves more than one. A round has four requests at most: PHP-FPM as Debian
ships it has five processes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from flushcheck.measurement.plan import BROWSER_ENCODINGS
from flushcheck.model import Client, Flow, Observation, Outcome, Probe, Variant

# The encodings of a browser, one by one.
ALONE: Mapping[Variant, str] = {
    Variant.GZIP: "gzip",
    Variant.DEFLATE: "deflate",
    Variant.BR: "br",
    Variant.ZSTD: "zstd",
}

# What is varied for a user's own stream alone: a flushcheck service varies its response instead.
OWN_VARIANTS = frozenset({*ALONE, Variant.EVENT_STREAM})

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, section 9.2.1

MAX_REPEATS = 7  # of both rounds

# A repeat may take so much longer than the first request, and so long in all.
SPARE_SHARE, SPARE_S = 1.5, 3.0
MAX_REPEAT_S = 30.0


def accept(probe: Probe) -> str:
    """The Accept header of a request for the user's own stream."""
    return "text/event-stream" if probe.variant is Variant.EVENT_STREAM else "*/*"


def encodings(probe: Probe) -> str:
    """Its Accept-Encoding header."""
    return "identity" if probe.variant is Variant.IDENTITY else ALONE.get(probe.variant, BROWSER_ENCODINGS)


def repeat_s(first: Observation) -> float:
    """How long a repeat may take."""
    return min(MAX_REPEAT_S, SPARE_SHARE * first.ended_s + SPARE_S)


def repeats(
    first: Observation, flows: Mapping[Probe, Flow], own_headers: Collection[str]
) -> tuple[Probe, ...]:
    """The requests to repeat after the first one; none where it brought no stream.

    Args:
        first: what the first request saw.
        flows: how all requests so far arrived.
        own_headers: names of the headers that the caller set, in lower case: those do not change.
    """
    if not _is_worth_repeating(first):
        return ()
    probe = first.probe
    wanted: list[Probe] = []
    if "accept-encoding" not in own_headers:
        wanted.append(replace(probe, variant=Variant.IDENTITY))
    if first.shares_connection:
        wanted.append(replace(probe, client=Client.HTTP1))
    else:
        wanted.append(replace(probe, variant=Variant.HTTP10))
    if flows[first.probe] is Flow.FLOWING:
        wanted += [replace(probe, variant=Variant.TOGETHER, run=run) for run in range(2)]
    elif "accept" not in own_headers:
        wanted.append(replace(probe, variant=Variant.EVENT_STREAM))
    return tuple(wanted)


def repeats_by_encoding(
    first: Observation, flows: Mapping[Probe, Flow], own_headers: Collection[str]
) -> tuple[Probe, ...]:
    """The requests that say which compressor holds: each other encoding, offered alone.

    Args:
        first: what the first request saw.
        flows: how all requests so far arrived.
        own_headers: as for `repeats`.
    """
    encoding = first.header("content-encoding").lower()
    identity = flows.get(replace(first.probe, variant=Variant.IDENTITY))
    if not encoding or identity is not Flow.FLOWING or "accept-encoding" in own_headers:
        return ()
    if flows[first.probe] is Flow.FLOWING:
        return ()
    return tuple(
        replace(first.probe, variant=variant) for variant, alone in ALONE.items() if alone != encoding
    )


def repeats_of_page(first: Observation, flows: Mapping[Probe, Flow]) -> tuple[Probe, ...]:
    """The repeats that a page can make: a browser chooses the version of HTTP and the encodings by itself.

    A page gets a response without encoding where it asks for a range, and sees by Content-Encoding whether
    that made a difference.

    Args:
        first: what the first request saw.
        flows: how all requests so far arrived.
    """
    return tuple(
        probe
        for probe in repeats(first, flows, ())
        if probe.client is first.probe.client
        and probe.variant is not Variant.HTTP10
        and (probe.variant is not Variant.IDENTITY or first.header("content-encoding"))
    )


def _is_worth_repeating(first: Observation) -> bool:
    return first.has_arrived and first.outcome not in (Outcome.REFUSED, Outcome.UNREACHABLE)
