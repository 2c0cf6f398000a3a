"""What can be said of any stream of the user's own app, and what not.

Records of such a stream carry no send time. When they were sent is not known, so "all in one read after 8.2
s" is a hold or a slow app, and nothing in that one stream shows which. Only two things can be said:

- what no app does by itself: the same number of bytes in each delivery, cut in the middle of a record;
- what differs between two addresses of the same app, asked at the same time: a stream that arrives record
  by record at the app's own port and together at the public address is held in between.

Everything else is described (`sentences`). A stream may differ at each request, as a chat does, so two of
them are compared by how they arrived, never by their text.
"""

from __future__ import annotations

from dataclasses import dataclass

from flushcheck.model import Verdict
from flushcheck.watching.analysis import Pattern, StreamAnalysis, analyze
from flushcheck.watching.records import NOUNS, StreamFormat
from flushcheck.watching.sentences import count_deliveries
from flushcheck.watching.stream_capture import StreamCapture, WatchOutcome

# A stream shows a pattern from so many records on.
MIN_RECORDS = 4

# One address is held beside another when it took at most this share of the deliveries ...
FEWER_DELIVERIES = 0.5
# ... for about as many records (a chat gives another text each time) ...
SIMILAR_RATIO = 2.5
# ... and something waited so much longer there: jitter of up to 300 ms joins small groups too.
HELD_S = 0.4

# A first record that arrives so much later, in seconds and as a share of the other's whole stream, is late.
LATE_S = 0.5
LATE_SHARE = 0.3

USE_DIRECT = "To know, add the same stream at the app's own port: --direct http://localhost:PORT/…"


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What can be said of a stream, or of two of the same app."""

    verdict: Verdict
    headline: str
    streams: tuple[StreamAnalysis, ...]  # the public address, then the app's own port


def assess(public: StreamCapture, direct: StreamCapture | None = None) -> WatchReport:
    """Return what can be said of a stream; with the same one at the app's own port, whether it is held."""
    here = analyze(public)
    if direct is None:
        return WatchReport(*_alone(here), (here,))
    there = analyze(direct)
    return WatchReport(*_beside(here, there), (here, there))


def _alone(stream: StreamAnalysis) -> tuple[Verdict, str]:
    if failure := _failure(stream):
        return failure
    records = NOUNS[stream.capture.format][1]
    if stream.pattern is Pattern.ONCE:
        headline = (
            f"Everything arrived in one read after {stream.first_s:.1f} s. Either a proxy buffers the "
            "stream, or the app sends it at the end."
        )
        return Verdict.UNKNOWN, f"{headline} {USE_DIRECT}"
    if stream.cuts_records:
        return Verdict.HELD, f"A proxy or compressor collects blocks of {stream.block_bytes} bytes."
    if stream.pattern is Pattern.SINGLY and stream.records >= MIN_RECORDS:
        return Verdict.FLOWING, f"The {records} arrive one by one: nothing holds them."
    headline = (
        f"The {records} arrive {stream.pattern}. One stream alone does not show whether a proxy or the app "
        "causes that."
    )
    return Verdict.UNKNOWN, f"{headline} {USE_DIRECT}"


def _failure(stream: StreamAnalysis) -> tuple[Verdict, str] | None:
    """Say why a stream shows nothing about a hold; None if it does."""
    capture = stream.capture
    if capture.outcome in (WatchOutcome.REFUSED, WatchOutcome.UNREACHABLE):
        return Verdict.UNKNOWN, f"No stream: {capture.detail}"
    if stream.pattern is Pattern.NOTHING:
        return Verdict.UNKNOWN, f"No data arrived: {capture.detail or capture.outcome}"
    if capture.outcome is WatchOutcome.CUT and not capture.done:
        cut = f"The stream was cut after {capture.ended_s:.1f} s and {stream.records} records"
        return Verdict.BROKEN, f"{cut}: {capture.detail}"
    return None


def _beside(here: StreamAnalysis, there: StreamAnalysis) -> tuple[Verdict, str]:
    if failure := _failure(there):
        verdict, headline = _alone(here)
        return verdict, f"{headline} The app's own port gave no comparison. {failure[1]}"
    if failure := _failure(here):
        return failure
    headline = ""
    if here.pattern is there.pattern is Pattern.ONCE:
        headline = (
            "All in one read at both addresses: the app sends it so, or something that both addresses share "
            "holds it."
        )
    elif there.pattern is Pattern.ONCE:
        headline = "The direct address streams less than the public one: is it the app's own port?"
    elif not _similar(here, there):
        headline = (
            "The two responses differ too much to be compared: "
            f"{here.records} records through the proxy, {there.records} directly from the app."
        )
    if headline:
        return Verdict.UNKNOWN, headline
    return _compare(here, there)


def _similar(here: StreamAnalysis, there: StreamAnalysis) -> bool:
    """Whether two streams have about as many records."""
    # A plain chunk that was joined with another is one read: there only the deliveries can be compared.
    if StreamFormat.PLAIN in (here.capture.format, there.capture.format):
        return True
    return max(here.records, there.records) <= SIMILAR_RATIO * min(here.records, there.records)


def _compare(here: StreamAnalysis, there: StreamAnalysis) -> tuple[Verdict, str]:
    """Compare two streams that can be compared."""
    counts = (
        f"{count_deliveries(here.deliveries)} through the proxy, {there.deliveries} directly from the app"
    )
    if there.deliveries >= MIN_RECORDS and here.deliveries <= FEWER_DELIVERIES * there.deliveries:
        waited_s = max(here.first_s - there.first_s, here.longest_gap_s - there.longest_gap_s)
        if waited_s < HELD_S and here.pattern not in (Pattern.BLOCKS, Pattern.TICKS):
            return Verdict.UNKNOWN, f"Records are joined now and then, as on a path with jitter: {counts}."
        return Verdict.HELD, f"A proxy buffers the stream: {counts}."
    later_s = here.first_s - there.first_s
    if later_s > max(LATE_S, LATE_SHARE * (there.last_s - there.first_s)):
        headline = (
            f"The stream begins {later_s:.1f} s later through the proxy, then arrives in the same way: its "
            "beginning is held, or the app was slower this time. Run the command again."
        )
        return Verdict.UNKNOWN, headline
    return Verdict.FLOWING, f"The proxy does not change how the stream arrives: {counts}."
