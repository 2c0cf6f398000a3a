"""What a page read of a stream of the visitor's own, as an Observation: that of `flushcheck watch`.

The browser makes the request, because it has the visitor's network, cookies and permissions, and because the
service connects to no address that a visitor names. It sends here what it read: moments, the decompressed
bytes of each read, and the headers that it may see. What the visitor typed, headers and body, is not in it.
The records are read out of the bytes by the same builder as those of the command; then the bytes are dropped.

What only a socket shows stays empty: sizes before decompression, frames, TLS records.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from flushcheck.measurement.obstacles import obstacle
from flushcheck.measurement.own_streams import DOCUMENT_TYPES
from flushcheck.model import Observation, Probe, Scenario, Transport, UsageError, Vantage
from flushcheck.model.codec import to_json
from flushcheck.prober.capture import MAX_ARRIVALS, MAX_HEADERS, EndDetail, StopReason
from flushcheck.prober.http_client import Response, SentRequest
from flushcheck.prober.messages import describe_response
from flushcheck.prober.own_stream import OwnStreamBuilder
from flushcheck.prober.watch_request import watch_request
from flushcheck.prober.watching import MAX_WATCH_S, transport_of

# What a saved run of four such streams takes, and what the body of one takes, in bytes of JSON: a read in an
# Observation, and in the page's capture, whose text is in base64.
RUN_READ_BYTES, READ_BYTES = 100, 40
BASE64 = 4 / 3
HEADER_BYTES = 64 * 1024  # for all that is not reads
MAX_STREAMS = 4  # of one run: the first look and three repeats

FIRST = Probe(Transport.CHUNKED, Scenario.OWN)


# An Arrival of the page has nothing more to say, so that a run stays small: a link holds it.
_ALWAYS = ("at_s", "size_bytes", "text_bytes")


class PageEnding(StrEnum):
    """How the reading in the page ended."""

    ENDED = "ended"  # the response did
    BROKEN = "broken"  # the browser reports an error behind the header
    STOPPED = "stopped"  # by the visitor
    TIME_LIMIT = "time_limit"
    ENOUGH = "enough"  # more than is kept, or as much as the first request brought
    UNREACHABLE = "unreachable"  # the browser got no response that it hands out


@dataclass(frozen=True, slots=True)
class PageRead:
    """One read of the page."""

    at_s: float
    size_bytes: int  # of text


@dataclass(frozen=True, slots=True)
class PageCapture:
    """What a page read of one response: `PageCapture` in page/types.d.ts."""

    url: str  # without the values in its query that look like secrets
    method: str
    ending: PageEnding
    detail: str = ""  # why, where the page knows more than the ending says
    probe: Probe | None = None  # in which way it was requested; None: the first look
    time_limit_s: float = 60.0
    redirected: bool = False
    status: int = 0  # 0: there was no response
    http_version: str = ""
    alpn: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    hidden_headers: bool = False
    requested_s: float = 0.0
    connect_s: float = 0.0
    headers_s: float = 0.0
    ended_s: float = 0.0
    stall_s: float = 0.0
    reads: tuple[PageRead, ...] = ()
    body: tuple[str, ...] = ()  # the text of all reads, in base64, cut into parts anywhere


@dataclass(frozen=True, slots=True)
class PageBounds:
    """How much of one stream a page keeps, so that a run of four fits into the service's requests."""

    max_watch_reads: int
    max_watch_bytes: int

    @classmethod
    def of_body(cls, max_bytes: int) -> PageBounds:
        """The bounds for request bodies of this size."""
        reads = max(1, min(MAX_ARRIVALS, (max_bytes - HEADER_BYTES) // (MAX_STREAMS * RUN_READ_BYTES)))
        text_bytes = (max_bytes - HEADER_BYTES - reads * READ_BYTES) / BASE64
        return cls(reads, max(1, int(text_bytes)))


def observation_of(capture: PageCapture) -> Observation:
    """The Observation of a stream that a page read.

    Raises:
        UsageError: the address, the method, the probe or the body is not possible.
    """
    _check(capture)
    request = watch_request(capture.url, method=capture.method)
    builder = OwnStreamBuilder(capture.probe or FIRST, request, now=0.0, deadline=capture.time_limit_s)
    builder.requested(SentRequest(0.0, capture.connect_s, capture.alpn))
    if capture.status:
        headers = tuple((name.lower(), value) for name, value in capture.headers)
        builder.responded(Response(capture.headers_s, capture.status, capture.http_version, headers))
    end = _refusal(capture)
    if end is None:
        end = _end(capture)
        builder.open_text()
        for read, text in _texts(capture):
            builder.arrived(read.at_s, read.size_bytes, text)
            builder.parse(text)
            if full := builder.enough():
                end = full
                break
        else:
            builder.finish()
    observation = builder.close(
        end, now=capture.ended_s, requested_s=capture.requested_s, stall_s=capture.stall_s
    )
    probe = observation.probe
    if capture.probe is None:
        probe = replace(probe, transport=transport_of(observation))
    return replace(
        observation,
        probe=probe,
        hidden_headers=capture.hidden_headers,
        # Whether HTTP says where the body ends is in a header that may be hidden.
        delimited=observation.delimited or capture.hidden_headers or not capture.http_version,
    )


def observation_document(observation: Observation) -> dict[str, Any]:
    """The same as JSON, without the empty values of its arrivals."""
    document: dict[str, Any] = to_json(observation)
    for arrival in document["arrivals"]:
        for name in [name for name, value in arrival.items() if not value and name not in _ALWAYS]:
            del arrival[name]
    return document


def _check(capture: PageCapture) -> None:
    """Refuse what a page does not send.

    Raises:
        UsageError: says what.
    """
    probe = capture.probe
    if probe is not None and (probe.scenario is not Scenario.OWN or probe.vantage is not Vantage.PATH):
        raise UsageError(f"capture.probe={probe.id}: expected a stream of your own, for example chunked-own")
    if len(capture.reads) > MAX_ARRIVALS or len(capture.headers) > MAX_HEADERS:
        raise UsageError(f"capture: expected at most {MAX_ARRIVALS} reads and {MAX_HEADERS} headers")
    if not 0 < capture.time_limit_s <= MAX_WATCH_S:
        raise UsageError(
            f"capture.time_limit_s={capture.time_limit_s}: expected 0 to {MAX_WATCH_S:.0f} seconds, for "
            "example 60"
        )


def _texts(capture: PageCapture) -> Iterator[tuple[PageRead, bytes]]:
    """Each read with its text.

    Raises:
        UsageError: the body is not base64, or is not as long as all reads together.
    """
    try:
        body = base64.b64decode("".join(capture.body), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError(f"capture.body: {error}; expected base64, for example ZGF0YTogMQoK") from None
    size_bytes = sum(read.size_bytes for read in capture.reads)
    if size_bytes != len(body) or any(read.size_bytes < 0 for read in capture.reads):
        raise UsageError(f"capture.body has {len(body)} bytes: expected the {size_bytes} of all reads")
    at = 0
    for read in capture.reads:
        yield read, body[at : at + read.size_bytes]
        at += read.size_bytes


def _end(capture: PageCapture) -> EndDetail:
    match capture.ending:
        case PageEnding.ENDED:
            return EndDetail(StopReason.ENDED)
        case PageEnding.BROKEN:
            return EndDetail(StopReason.BROKEN, capture.detail or "the browser reports that it broke off")
        case PageEnding.STOPPED:
            return EndDetail(StopReason.ENOUGH, "stopped")
        case PageEnding.TIME_LIMIT:
            return EndDetail(StopReason.DEADLINE)
        case PageEnding.UNREACHABLE:
            return EndDetail(StopReason.UNREACHABLE, capture.detail or "the browser got no response")
    return EndDetail(StopReason.ENOUGH, capture.detail or "more bytes or reads than are kept")


# What a visitor of the page can do about a response that is no stream. The command has options instead.
_LOGIN = "Pass its header under “The request”, or log in on that host in another tab"
_STEPS = {
    401: _LOGIN,
    403: f"{_LOGIN}; a protection against forged requests may want a header, too",
    404: "Check the path",
    405: "Choose another method under “The request”",
    415: "Give a Content-Type under “The request”",
    422: "Check the body under “The request”",
    429: "Wait, then watch again",
    502: "Start the app behind it, then watch again",
    503: "Wait, then watch again; or start the app behind it",
    504: "Start the app behind it, then watch again",
}


def _refusal(capture: PageCapture) -> EndDetail | None:
    """What a response that is not a stream says, and what to do; None for a stream.

    A browser follows redirects by itself, and tells only that it did.
    """
    kind = next((value for name, value in capture.headers if name.lower() == "content-type"), "")
    if capture.redirected and kind.partition(";")[0].strip().lower() in DOCUMENT_TYPES:
        words = f"it redirects to a page ({kind}), as to a login page"
        return EndDetail(StopReason.REFUSED, f"{words}. {_LOGIN}")
    if not capture.status or 200 <= capture.status < 300:
        return None
    found = obstacle(capture.url, capture.status, "", urlsplit(capture.url).path)
    head = b"".join(text for _, text in _texts(capture)).decode(errors="replace")
    text = describe_response(capture.status, kind, head)
    step = _STEPS.get(capture.status, "")
    sentences = [found.sentence, step, text] if found else [text, step]
    return EndDetail(StopReason.REFUSED, ". ".join(filter(None, sentences)))
