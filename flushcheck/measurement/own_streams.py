"""How a stream of the user's own app arrived: from moments and sizes alone.

Its records carry no send time, so one such stream rarely shows a hold: "all at once after 8.2 s" is a hold or
a slow app. Two things show one:

- what no app does by itself: the same number of bytes in each delivery, cut in the middle of a record, or
  whole records whenever a size is full, most often a power of two;
- the same stream, requested in another way or at another address, arrives one by one there.

A stream may differ at each request, as a chat does: two are compared by how they arrived, not by their text.
Deliveries, blocks and timers are those of `patterns`; no latency and no lag is known here.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from flushcheck.measurement.patterns import (
    HELD_SHARE,
    Delivery,
    block,
    deliveries,
    record_threshold,
    ticks,
)
from flushcheck.measurement.tls_records import buffer_bytes
from flushcheck.model import Flow, Observation, Outcome, Variant

# Up to this share of records that arrive together with a later one, records arrive one by one: two tokens are
# often written at once.
SHARED_SHARE = 0.3

# A stream shows a pattern from so many records on.
MIN_RECORDS = 4

# Ticks are so many equal gaps at least.
MIN_TICKS = 4

# Blocks of bytes end in the middle of records; an app that writes full pages ends them between records.
MID_RECORD_SHARE = 0.5

# ... and come with pauses: a download of records that exist already is cut by the network, too.
MIN_PAUSE_S = 0.1

# Something waited so much longer here: jitter of up to 300 ms joins small groups too.
MIN_HOLD_S = 0.4

# One pause of the network joins what it met and leaves the others as they were: so many records a delivery at
# most. A lost packet is sent again after 0.2 s, then after 0.4 s more: only a longer wait is a hold.
PAUSED_RECORDS = 1.5
MIN_PAUSED_S = 1.0

# A stream is held beside another when it took at most this share of the deliveries ...
FEWER_DELIVERIES = 0.5
# ... for about as many records: a chat gives another text each time.
SIMILAR_RATIO = 2.5

# A timer's shortest gap beside the usual gap of the same stream without it: HAProxy's 200 ms beside 100 ms.
TIMED_GAPS = 1.5
# Gaps that are not equal are a timer's from here on: Wi-Fi and jitter join records for less.
MIN_TIMED_S = 0.1
# Fewer deliveries are a timer's where their gaps are as equal as this, and so much longer.
EVEN = 1.1
EVEN_GAPS = 3
# Ticks of 200 ms leave 10 or 11 deliveries of 20 records that are 100 ms apart.
FEWER_TIMED = 0.6

# One gap may be shorter where all others are alike: over TLS the last ticks are closer together.
MIN_ALIKE = 6
ALIKE = 2.0

# The first delivery alone was kept: it brings so many records.
MIN_OPENING_RECORDS = 3
# ... so much later: a packet that is lost twice arrives after 0.6 s.
MIN_OPENING_S = 0.65

# Beside a stream that lasts so long, one that is over before half of it can have been sent was played back.
MIN_REPLAYED_S = 1.0
REPLAYED_SHARE = 0.5

# A stream that took more than this share of the deliveries, and waited less than this, flowed with jitter.
JITTER_DELIVERIES = 0.6
JITTER_S = 0.3

# Beside a stream that lasts this long, one that arrives at once is held: jitter does not join so much.
MIN_SPAN_S = 0.3

EVENT_STREAM = "text/event-stream"
# Content types of streams, and of documents that are no stream however they arrive.
STREAM_TYPES = frozenset(
    {EVENT_STREAM, "application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-seq"}
)
DOCUMENT_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/json", "text/css"})

# A body that takes so long without a length may be a stream: a file of any size has one.
MIN_STREAM_S = 0.5

PLAIN = "plain chunks"  # the framing of a stream without records: each read counts as one


@dataclass(frozen=True, slots=True)
class OwnShape:
    """What the moments and sizes of one stream of the user's own app amount to."""

    flow: Flow  # UNKNOWN where one stream alone does not tell
    records: int = 0
    deliveries: int = 0  # that completed a record
    first_s: float = 0.0  # when the first record arrived
    last_s: float = 0.0  # when the last one did
    longest_gap_s: float = 0.0  # between two deliveries
    first_records: int = 0  # that the first of them completed
    most_records: int = 0  # that one of them completed
    shortest_gap_s: float = (
        0.0  # between two of them, the last one left out, and another one among gaps alike
    )
    usual_gap_s: float = 0.0  # the median of those
    hold_bytes: int | None = None  # the size of its deliveries, where it is always the same
    whole_records: bool = (
        False  # that size is a threshold: each delivery holds it, and the record that filled it
    )
    period_s: float = 0.0  # the time between its deliveries, where it is always the same
    stall_s: float = 0.0  # the longest time the observer was kept from running meanwhile

    @property
    def pattern(self) -> Flow:
        """The flow that it has if it was held."""
        if self.deliveries == 1:
            return Flow.HELD
        return Flow.TICKS if self.period_s and self.hold_bytes is None else Flow.BLOCKS


def may_be_stream(observation: Observation) -> bool:
    """Whether the response to an address that nothing is known of may be a stream.

    A page that arrives in parts is none, nor is a document of a known length. False for a stream of another
    type that is over at once: watching it shows nothing.
    """
    kind = observation.header("content-type").partition(";")[0].strip().lower()
    if not 200 <= observation.status < 300 or kind in DOCUMENT_TYPES or not observation.arrivals:
        return False
    if kind in STREAM_TYPES:
        return True
    return not observation.header("content-length") and observation.arrivals[-1].at_s >= MIN_STREAM_S


def shape(observation: Observation) -> OwnShape:
    """Say how a stream of the user's own app arrived."""
    if observation.outcome in (Outcome.REFUSED, Outcome.UNREACHABLE):
        return OwnShape(Flow.FAILED)
    seen = deliveries(observation.arrivals)
    whole = [delivery for delivery in seen if delivery.records]
    if not whole:
        return OwnShape(Flow.CUT if observation.outcome is Outcome.CUT else Flow.FAILED)
    records = sum(delivery.count for delivery in whole)
    longest_gap_s = max(
        (after.at_s - before.until_s for before, after in itertools.pairwise(seen)), default=0.0
    )
    # The last delivery is what was left at the end: it comes at no tick.
    gaps_s = [after.at_s - before.at_s for before, after in itertools.pairwise(whole)][:-1]
    flow, fit, period_s = _pattern(observation, seen, records, longest_gap_s)
    return OwnShape(
        flow,
        records,
        len(whole),
        first_s=whole[0].at_s,
        last_s=whole[-1].at_s,
        longest_gap_s=longest_gap_s,
        first_records=whole[0].count,
        most_records=max(delivery.count for delivery in whole),
        shortest_gap_s=_shortest_s(gaps_s),
        usual_gap_s=statistics.median(gaps_s) if gaps_s else 0.0,
        # Sizes of text are no sizes of blocks where the body may have been compressed.
        hold_bytes=fit.size_bytes if fit and not observation.hidden_headers else None,
        whole_records=fit.whole_records if fit and not observation.hidden_headers else False,
        period_s=period_s,
        stall_s=observation.stall_s,
    )


def _shortest_s(gaps_s: Sequence[float]) -> float:
    """The shortest gap; the second one where all but the shortest are alike."""
    shortest_s, *others_s = sorted(gaps_s) or [0.0]
    if len(gaps_s) >= MIN_ALIKE and others_s[-1] <= ALIKE * others_s[0]:
        return others_s[0]
    return shortest_s


@dataclass(frozen=True, slots=True)
class _Buffer:
    """What fills before anything is sent."""

    size_bytes: int
    whole_records: bool


def _pattern(
    observation: Observation, seen: Sequence[Delivery], records: int, longest_gap_s: float
) -> tuple[Flow, _Buffer | None, float]:
    """Return the flow, with the size of a block and the length of a tick where there are such."""
    whole = [delivery for delivery in seen if delivery.records]
    # Behind the end of what browsers decompress nothing reaches a reader.
    if observation.unread_bytes or (observation.outcome is Outcome.CUT and not observation.done):
        return Flow.CUT, None, 0.0
    if len(whole) == 1:
        return Flow.UNKNOWN, None, 0.0
    shared = (records - len(whole)) / (records - 1)
    if shared <= SHARED_SHARE:
        return (Flow.FLOWING if records >= MIN_RECORDS else Flow.UNKNOWN), None, 0.0
    pauses = longest_gap_s >= MIN_PAUSE_S
    if pauses and observation.framing != PLAIN and (fit := record_threshold(seen)) is not None:
        return Flow.BLOCKS, _Buffer(round(fit.value), whole_records=True), 0.0
    gaps_s = [after.at_s - before.at_s for before, after in itertools.pairwise(seen)]
    encrypted = buffer_bytes(observation)
    if encrypted and _cuts_records(observation, seen) and statistics.median(gaps_s) >= MIN_PAUSE_S:
        return Flow.BLOCKS, _Buffer(encrypted, whole_records=False), 0.0
    # Deliveries of whole records may be equal by chance, or because the records are.
    if (fit := block(seen)) is not None and (
        observation.framing == PLAIN or _cuts_records(observation, seen)
    ):
        is_held = observation.framing != PLAIN and pauses
        return (Flow.BLOCKS if is_held else Flow.UNKNOWN), _Buffer(round(fit.value), whole_records=False), 0.0
    tick = ticks(seen)
    return Flow.UNKNOWN, None, tick.value if tick and len(whole) > MIN_TICKS + 1 else 0.0


def _cuts_records(observation: Observation, seen: Sequence[Delivery]) -> bool:
    """Whether most deliveries end in the middle of a record: only what counts bytes makes such."""
    ends = [delivery.mid_record for delivery in seen[:-1]]
    return observation.framing != PLAIN and sum(ends) >= MID_RECORD_SHARE * len(ends)


def comparable(here: Observation, there: Observation) -> bool:
    """Whether two responses are the same stream, requested in two ways."""
    if Variant.EVENT_STREAM in (here.probe.variant, there.probe.variant) and _kind(here) != _kind(there):
        return False  # an app may stream to those alone who ask for an event stream
    records = sorted((here.records, there.records))
    # A plain chunk that was joined with another is one read: there only the deliveries can be compared.
    return PLAIN in (here.framing, there.framing) or records[1] <= SIMILAR_RATIO * records[0]


def held_beside(here: OwnShape, there: OwnShape) -> bool:
    """Whether one was held, because the same stream arrived one by one there."""
    if here.deliveries == 1 and there.flow is Flow.BLOCKS:
        return _is_late(here, there)
    timed = is_timed(here, there)
    fewer = FEWER_TIMED if timed else FEWER_DELIVERIES
    if there.flow is not Flow.FLOWING or here.deliveries > fewer * there.deliveries:
        return False
    if here.deliveries == 1:
        return _is_late(here, there)
    min_s = MIN_PAUSED_S if _may_be_one_pause(here) else MIN_HOLD_S
    return bool(here.hold_bytes) or timed or waited_s(here, there) >= min_s + here.stall_s


def _may_be_one_pause(here: OwnShape) -> bool:
    """Whether all deliveries but the largest brought their records one by one."""
    return here.records - here.most_records <= PAUSED_RECORDS * (here.deliveries - 1)


def _is_late(here: OwnShape, there: OwnShape) -> bool:
    """Whether all of it arrived about when the other one was over."""
    span_s = there.last_s - there.first_s
    late_s = here.first_s - there.first_s
    return span_s >= MIN_SPAN_S and late_s >= HELD_SHARE * span_s and here.stall_s < HELD_SHARE * late_s


def is_late_opening(here: OwnShape, there: OwnShape) -> bool:
    """Whether its first records alone were kept, and arrived together long after they did there."""
    return (
        there.flow is Flow.FLOWING
        and here.deliveries > FEWER_DELIVERIES * there.deliveries
        and here.first_records >= MIN_OPENING_RECORDS
        and here.first_s - there.first_s >= MIN_OPENING_S + here.stall_s
    )


def is_replayed(here: OwnShape, there: OwnShape) -> bool:
    """Whether a cache played it back: over long before the app, asked at the same time, had sent it."""
    span_s = there.last_s - there.first_s
    return (
        there.flow is Flow.FLOWING
        and here.deliveries == 1
        and span_s >= MIN_REPLAYED_S
        and here.last_s <= there.first_s + REPLAYED_SHARE * span_s
    )


def is_timed(here: OwnShape, there: OwnShape) -> bool:
    """Whether a timer lets records go here: no two deliveries are as close together as most are there.

    The first record starts HAProxy's timer, so its deliveries are no equal time apart. Jitter makes some gaps
    longer, and others shorter; an app that sends at a regular pace does so there too.
    """
    apart_s = max(here.shortest_gap_s, here.period_s)
    if here.deliveries > MIN_TICKS + 1:
        is_apart = bool(here.period_s) or apart_s >= MIN_TIMED_S
        return is_apart and apart_s >= TIMED_GAPS * there.usual_gap_s > 0
    is_even = here.longest_gap_s <= EVEN * here.shortest_gap_s and here.deliveries > MIN_TICKS
    return is_even and apart_s >= EVEN_GAPS * there.usual_gap_s > 0


def is_jitter(here: OwnShape, there: OwnShape) -> bool:
    """Whether nearly all records arrived as they did there: some were joined, and none waited long."""
    is_same = there.flow is Flow.FLOWING and here.deliveries > JITTER_DELIVERIES * there.deliveries
    is_held = bool(here.hold_bytes) or is_timed(here, there)
    return is_same and not is_held and waited_s(here, there) < JITTER_S


def waited_s(here: OwnShape, there: OwnShape) -> float:
    """How much longer something waited here than there, in seconds; below 0 if nothing did."""
    return max(here.first_s - there.first_s, here.longest_gap_s - there.longest_gap_s)


def is_joined(observation: Observation, own: OwnShape) -> bool:
    """Whether an event stream has a Content-Length: something had all of it before it sent the header."""
    return (
        _kind(observation) == EVENT_STREAM
        and bool(observation.header("content-length"))
        and own.deliveries == 1
        and own.records > 1
        and own.first_s >= MIN_HOLD_S
    )


def _kind(observation: Observation) -> str:
    return observation.header("content-type").partition(";")[0].strip().lower()
