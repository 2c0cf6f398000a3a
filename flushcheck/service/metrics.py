"""What the service counts, for Prometheus, and right however many workers it has.

Each worker counts in a file of its own, mapped into memory, so that counting a Piece costs two additions
and no lock, and whichever worker is asked for /metrics adds up all of them. (prometheus-client has a
mode for that too: 2 µs and a lock for each number, and a file for every worker that ever lived. Here it
only writes the answer.)

A worker holds a lock on its file for as long as it lives, however it ends. So who finds the lock free
has a dead worker's file before it: its counts stay, its open streams do not. The next worker that starts
adds such files to one, so they never grow in number.

Counts say nothing of who came or what they asked for. Still a stranger need not know them: /metrics
answers this machine and its private network, or whoever shows the token.
"""

from __future__ import annotations

import fcntl
import hmac
import mmap
import os
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, product
from pathlib import Path

from flask import Blueprint, Request, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from flushcheck.model import Transport, UsageError
from flushcheck.service.limits.clients import client_address, is_private
from flushcheck.service.responses import json_response
from flushcheck.service.seen_request import FORWARDING_HEADERS
from flushcheck.service.serving.frame_schedule import Ended
from flushcheck.streaming.limits import Limits

# Upper bounds of the lateness of a Piece. 5 ms is what the pacing aims at, 250 ms is what a reader sees.
LATE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

REFUSALS = (400, 401, 403, 404, 405, 413, 426, 429, 501, 503)
OTHER = "other"

# The layout of a board: one number after the other. What is open comes first, since it dies with its worker.
_OPEN_AT = 0
_TRANSPORTS = tuple(Transport)
_STREAMED = tuple(transport for transport in Transport if transport is not Transport.POLLING)
_ENDED_AT = _OPEN_AT + len(_TRANSPORTS)
_ENDINGS = tuple(Ended)
_REFUSALS_AT = _ENDED_AT + len(_TRANSPORTS) * len(_ENDINGS)
_LATE_AT = _REFUSALS_AT + len(REFUSALS) + 1
_PER_TRANSPORT = len(LATE_S) + 2  # its buckets, the one without a bound, and the sum of seconds
_SIZE = _LATE_AT + len(_TRANSPORTS) * _PER_TRANSPORT

# In the folder: a file for each worker, one for all that are gone, and one to lock.
_WORKER, _DEAD, _LOCK = "worker-", "gone", "lock"


class PieceCounter:
    """The Pieces of one Transport in this process: how many, and how late each was."""

    __slots__ = ("_at", "_values")

    def __init__(self, values: memoryview[float], at: int) -> None:
        self._values = values
        self._at = at

    def observe(self, late_s: float) -> None:
        """Count a Piece that went out so long after its moment. Called for every one: keep it cheap."""
        values, at = self._values, self._at
        values[at + bisect_left(LATE_S, late_s)] += 1
        values[at + _PER_TRANSPORT - 1] += late_s


class MetricsStore:
    """All counts of one process, and the way to those of its fellows."""

    def __init__(self, folder: str = "") -> None:
        """Begin at zero.

        Args:
            folder: where the workers of one service count; "": this process is alone.

        Raises:
            UsageError: nothing can be written there.
        """
        self._folder = Path(folder) if folder else None
        data: mmap.mmap | bytearray = bytearray(8 * _SIZE)
        if self._folder:
            try:
                data = self._create_file(self._folder)
            except OSError as error:
                raise UsageError(f"FLUSHCHECK_METRICS_FOLDER={folder}: {error.strerror}") from None
        self._values = memoryview(data).cast("d")

    def _create_file(self, folder: Path) -> mmap.mmap:
        with _locked(folder):
            _merge_dead_workers(folder)
            # Never closed, and so locked until this process ends.
            self._file, _ = tempfile.mkstemp(prefix=_WORKER, dir=folder)
            os.truncate(self._file, 8 * _SIZE)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            return mmap.mmap(self._file, 8 * _SIZE)

    def piece_counter(self, transport: Transport) -> PieceCounter:
        """Where the Pieces of this Transport are counted."""
        return PieceCounter(self._values, _late_index(transport))

    def stream_opened(self, transport: Transport) -> None:
        """A stream began."""
        self._values[_open_index(transport)] += 1

    def stream_closed(self, transport: Transport) -> None:
        """It is over, however it ended."""
        self._values[_open_index(transport)] -= 1

    def stream_ended(self, transport: Transport, how: Ended) -> None:
        """A stream, or one poll, ended so."""
        self._values[_ended_index(transport, how)] += 1

    def request_refused(self, status: int) -> None:
        """A request was answered with this status of 400 or more."""
        self._values[_REFUSALS_AT + (REFUSALS.index(status) if status in REFUSALS else len(REFUSALS))] += 1

    def total(self) -> array[float]:
        """The sums over all workers; of those that live no longer, without what was open."""
        if not self._folder:
            return array("d", self._values)
        with _locked(self._folder):
            return _sum([_counts(path) for path in self._folder.iterdir() if path.name != _LOCK])


def _open_index(transport: Transport) -> int:
    return _OPEN_AT + _TRANSPORTS.index(transport)


def _ended_index(transport: Transport, how: Ended) -> int:
    return _ENDED_AT + _TRANSPORTS.index(transport) * len(_ENDINGS) + _ENDINGS.index(how)


def _late_index(transport: Transport) -> int:
    return _LATE_AT + _TRANSPORTS.index(transport) * _PER_TRANSPORT


def _merge_dead_workers(folder: Path) -> None:
    """Add the counts of workers that have ended to those that ended before."""
    dead = [path for path in folder.glob(f"{_WORKER}*") if not _is_alive(path)]
    before = [path for path in [folder / _DEAD] if path.exists()]
    if dead:
        (folder / _DEAD).write_bytes(_sum([_counts(path) for path in [*before, *dead]]).tobytes())
    for path in dead:
        path.unlink()


def _counts(path: Path) -> array[float]:
    counts = array("d", path.read_bytes())
    if not _is_alive(path):
        counts[_OPEN_AT:_ENDED_AT] = array("d", bytes(8 * (_ENDED_AT - _OPEN_AT)))
    return counts


def _sum(counts: list[array[float]]) -> array[float]:
    return array("d", map(sum, zip(*counts, strict=True)))


def _is_alive(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other workers from beginning, or adding up, meanwhile: it takes less than a millisecond."""
    with (folder / _LOCK).open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class MetricsCollector(Collector):
    """A Board's sums in Prometheus' own words."""

    def __init__(self, total: Sequence[float]) -> None:
        self._total = total

    def collect(self) -> Iterator[Metric]:
        """Every family, each with all its labels, also those at zero."""
        yield self._streams_open()
        yield self._ended()
        yield self._pieces()
        yield self._lateness()
        yield self._refusals()

    def _streams_open(self) -> Metric:
        family = GaugeMetricFamily("flushcheck_streams_open", "Streams open now.", labels=["transport"])
        for transport in _STREAMED:
            family.add_metric([transport], self._total[_open_index(transport)])
        return family

    def _ended(self) -> Metric:
        family = CounterMetricFamily(
            "flushcheck_streams_ended",
            "Streams and polls that are over, by how they ended: stalled and gone were dropped.",
            labels=["transport", "ended"],
        )
        for transport, how in product(_TRANSPORTS, _ENDINGS):
            family.add_metric([transport, how], self._total[_ended_index(transport, how)])
        return family

    def _pieces(self) -> Metric:
        family = CounterMetricFamily("flushcheck_pieces", "Pieces sent.", labels=["transport"])
        for transport in _TRANSPORTS:
            family.add_metric([transport], sum(self._buckets(transport)))
        return family

    def _lateness(self) -> Metric:
        family = HistogramMetricFamily(
            "flushcheck_piece_lateness_seconds",
            "How long after its moment the service wrote a Piece.",
            labels=["transport"],
        )
        for transport in _STREAMED:
            below = accumulate(self._buckets(transport))
            buckets = [(str(bound), count) for bound, count in zip((*LATE_S, "+Inf"), below, strict=True)]
            family.add_metric([transport], buckets, self._total[_late_index(transport) + _PER_TRANSPORT - 1])
        return family

    def _refusals(self) -> Metric:
        family = CounterMetricFamily(
            "flushcheck_refusals", "Requests answered with 400 or more.", labels=["status"]
        )
        for at, status in enumerate((*REFUSALS, OTHER)):
            family.add_metric([str(status)], self._total[_REFUSALS_AT + at])
        return family

    def _buckets(self, transport: Transport) -> Sequence[float]:
        at = _late_index(transport)
        return self._total[at : at + _PER_TRANSPORT - 1]


def exposition(total: Sequence[float]) -> bytes:
    """The sums of a Board as Prometheus reads them."""
    registry = CollectorRegistry()
    registry.register(MetricsCollector(total))
    return generate_latest(registry)


def routes(limits: Limits, store: MetricsStore) -> Blueprint:
    """The one address."""
    blueprint = Blueprint("metrics", __name__)

    @blueprint.get("/metrics")
    def metrics() -> Response:
        refused = _refusal(limits, request)
        return refused or Response(exposition(store.total()), content_type=CONTENT_TYPE_LATEST)

    return blueprint


def _refusal(limits: Limits, request: Request) -> Response | None:
    """The answer to whoever may not know; None for all others."""
    if limits.metrics_token:
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(shown.encode(), limits.metrics_token.encode()):
            return None
        return json_response(
            {"error": "expected FLUSHCHECK_METRICS_TOKEN"}, 401, {"WWW-Authenticate": "Bearer"}
        )
    # Of a request that a proxy passed on, the connection's address says nothing.
    passed_on = not limits.trusted_proxies and any(
        name in request.headers for name in (*FORWARDING_HEADERS, "via")
    )
    who = client_address(request.environ, trusted_proxies=limits.trusted_proxies)
    if is_private(who) and not passed_on:
        return None
    why = "only this machine and its private network are answered: FLUSHCHECK_METRICS_TOKEN lets others in"
    return json_response({"error": why}, 403)
