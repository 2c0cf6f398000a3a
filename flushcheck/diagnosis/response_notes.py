"""What the headers of the user's own stream mean for its readers: facts that hold nothing on this path.

Each note says what to send instead. What a header shows of a hop is in `hops`, what holds the stream is a
culprit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from flushcheck.culprits.evidence import LABELS
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.own_streams import EVENT_STREAM, shape
from flushcheck.model import Observation, Variant

# How Observation.framing calls events.
EVENTS = "server-sent events"

# Chromium's XMLHttpRequest gives out nothing of such a body before this many bytes of it have come, because
# it looks for its type (Chromium 156, measured). fetch() and EventSource are not affected, nor is Firefox.
SNIFFED = frozenset({"", "text/plain"})
SNIFF_BYTES = 1024
MIN_WAIT_S = 0.5

SHOWN = 60  # characters of a value from the far side

# Differences in which a length says who joins: over HTTP/1.0 a body has no other frame.
COMPARED = (
    Variant.IDENTITY,
    Variant.GZIP,
    Variant.DEFLATE,
    Variant.BR,
    Variant.ZSTD,
)

_LIFETIME = re.compile(r"(?:^|[,\s])(?:s-maxage|max-age)\s*=\s*\"?0*[1-9]", re.IGNORECASE)
_FORBIDS = re.compile(r"(?:^|[,\s])(?:no-store|no-cache)\b", re.IGNORECASE)


def response_notes(seen: Observations, observation: Observation, method: str) -> tuple[str, ...]:
    """Return the facts, one sentence each.

    Args:
        seen: the run.
        observation: the first look at the user's own stream.
        method: of its request.
    """
    notes = (_content_type(observation), _cache_control(observation, method), _length(seen, observation))
    return tuple(note for sentences in notes for note in sentences)


def _content_type(observation: Observation) -> Iterator[str]:
    kind = observation.header("content-type").partition(";")[0].strip().lower()
    if observation.framing == EVENTS and kind != EVENT_STREAM:
        shown = f"Content-Type: {kind[:SHOWN]}" if kind else "no Content-Type"
        yield (
            f"the response has {shown}: EventSource opens nothing but {EVENT_STREAM}; fetch() reads any type"
        )
    nosniff = observation.header("x-content-type-options").strip().lower() == "nosniff"
    may_wait = kind in SNIFFED and not nosniff and not observation.hidden_headers
    if may_wait and (wait_s := _sniffed_s(observation)) >= MIN_WAIT_S:
        yield (
            f"Chromium's XMLHttpRequest would show the first text {wait_s:.1f} s later than it arrived, "
            f"after {SNIFF_BYTES} bytes: it looks for the type of {kind or 'a body without one'}; "
            "X-Content-Type-Options: nosniff prevents that, and fetch() never waits"
        )


def _sniffed_s(observation: Observation) -> float:
    """How long the first bytes of the body wait for the last one that is looked at, or for the end."""
    size_bytes = 0
    for arrival in observation.arrivals:
        size_bytes += arrival.text_bytes
        if size_bytes >= SNIFF_BYTES:
            return arrival.at_s - observation.arrivals[0].at_s
    return observation.ended_s - observation.arrivals[0].at_s if observation.arrivals else 0.0


def _cache_control(observation: Observation, method: str) -> Iterator[str]:
    """A stream that a cache may store is played back to the next reader (RFC 9111, section 5.2.2)."""
    value = observation.header("cache-control")
    if method == "GET" and _LIFETIME.search(value) and not _FORBIDS.search(value):
        yield (
            f"the response has Cache-Control: {value[:SHOWN]}: a cache may store the stream and play it back "
            "to the next reader, all at once; the app can send no-store"
        )


def _length(seen: Observations, observation: Observation) -> Iterator[str]:
    """A length that one encoding has and another has not. Of an event stream it is a culprit."""
    kind = observation.header("content-type").partition(";")[0].strip().lower()
    length, own = observation.header("content-length"), shape(observation)
    if not length or kind == EVENT_STREAM or own.records < 2:
        return
    for variant in COMPARED:
        other = seen.get(replace(observation.probe, variant=variant))
        if other and other.has_arrived and not other.header("content-length") and other.delimited:
            yield (
                f"the response has a Content-Length of {length[:SHOWN]}, and none for {LABELS[variant]}: "
                "what makes the difference joins the whole response before it sends it on"
            )
            return
