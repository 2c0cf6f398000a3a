"""Watching a stream of the user's own app, or the same one at two addresses side by side.

The body is read as that of a probe is: while bytes lie ready, nothing is done but to read them and to take
their moments (`timed_socket`). Everything is limited (time, bytes, decompressed bytes, records), and
whatever the peer does is a WatchOutcome.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass

from flushcheck.measurement.obstacles import MAX_SHOWN, obstacle
from flushcheck.model import Arrival, ReceivedPiece
from flushcheck.prober.arguments import check_timeout
from flushcheck.prober.capture import Capture, EndDetail, StopReason
from flushcheck.prober.decompress import DecodeError, DecoderChain
from flushcheck.prober.http1 import Http1Connection
from flushcheck.prober.http_client import PEER_ERRORS, HttpClient, Response
from flushcheck.prober.messages import MAX_DETAIL, describe_response, format_seconds, printable
from flushcheck.prober.redaction import secrets_of
from flushcheck.prober.redirects import REDIRECTS
from flushcheck.prober.refusals import read_error
from flushcheck.prober.timed_socket import READ_BYTES, SocketRead
from flushcheck.prober.watch_request import WatchRequest
from flushcheck.watching.records import MAX_RECORDS, Record, RecordParser, StreamFormat
from flushcheck.watching.stream_capture import StreamCapture, WatchOutcome
from flushcheck.watching.tokens import TimedRecord

DEFAULT_WATCH_S = 60.0
MAX_WATCH_S = 600.0

MAX_ARRIVALS = 50_000  # a token every 10 ms for 8 minutes

# How long after its deadline a thread may still be closing its connection.
SPARE_S = 0.5


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """One read, reported while the stream runs."""

    index: int  # of the request
    at_s: float
    size_bytes: int  # as it arrived
    text_bytes: int  # after decompression
    records: tuple[Record, ...]


# A read, the index of a request that is over, or a bug.
_Report = ReadEvent | int | BaseException


def watch(
    requests: Iterable[WatchRequest],
    *,
    timeout_s: float = DEFAULT_WATCH_S,
    on_read: Callable[[ReadEvent], None] | None = None,
) -> tuple[StreamCapture, ...]:
    """Make the requests side by side, and follow their responses to their ends.

    Args:
        requests: what to ask for.
        timeout_s: when to stop with those that have not ended.
        on_read: called with each read when it is made, in the caller's thread. KeyboardInterrupt there, or
            while waiting, stops the watching: what was seen until then is returned.

    Raises:
        UsageError: `timeout_s` is not possible.
    """
    check_timeout(timeout_s, MAX_WATCH_S, DEFAULT_WATCH_S)
    now = time.monotonic()
    reports: queue.SimpleQueue[_Report] = queue.SimpleQueue()
    captures = [
        _WatchCapture(request, index, reports, now, now + timeout_s) for index, request in enumerate(requests)
    ]
    for capture in captures:
        threading.Thread(target=_follow, args=(capture,), name="flushcheck-watch", daemon=True).start()
    ended: set[int] = set()
    # A DNS lookup does not end at a deadline: a thread that is still in one is abandoned.
    give_up = now + timeout_s + SPARE_S
    try:
        while len(ended) < len(captures):
            try:
                report = reports.get(timeout=max(0.0, give_up - time.monotonic()))
            except queue.Empty:
                break
            if isinstance(report, BaseException):
                raise report
            if isinstance(report, int):
                ended.add(report)
            elif on_read is not None:
                on_read(report)
    except KeyboardInterrupt:
        for capture in captures:
            capture.interrupted = True
    return tuple(capture.close() for capture in captures)


class _WatchCapture(Capture):
    """The stream of any app while it is watched."""

    def __init__(
        self,
        request: WatchRequest,
        index: int,
        reports: queue.SimpleQueue[_Report],
        now: float,
        deadline: float,
    ) -> None:
        super().__init__(now=now, deadline=deadline, secrets=secrets_of(request.target))
        self.request = request
        self.reports = reports
        self.index = index
        self.interrupted = False
        self.end: tuple[WatchOutcome, str, float] | None = None  # outcome, detail, seconds
        self._parser = RecordParser("")
        self._chain = DecoderChain("")
        self._done = False
        self._records = 0
        self._timed: list[TimedRecord] = []
        self._arrivals: list[tuple[Arrival, bool]] = []  # with whether it ends in the middle of a record

    @property
    def full(self) -> bool:
        """Whether enough arrived to say all that can be said."""
        return len(self._arrivals) >= MAX_ARRIVALS or self._records >= MAX_RECORDS

    def open_body(self) -> None:
        """Prepare for the body that the header announces.

        Raises:
            DecodeError: its content encoding was not offered.
        """
        self._chain = DecoderChain(self.header("content-encoding"))
        self._parser = RecordParser(self.header("content-type"))

    def take(self, read: SocketRead) -> None:
        """Take down one read.

        Raises:
            DecodeError: it is not encoded as the header says.
        """
        text, records = self._chain.feed(read.data), list[Record]()
        # A few bytes may decompress to millions of records: a slice at a time, until there are enough.
        for start in range(0, len(text), READ_BYTES):
            records += self._parser.feed(text[start : start + READ_BYTES])
            if self._records + len(records) >= MAX_RECORDS:
                records = records[: MAX_RECORDS - self._records]
                break
        self._arrived(read.moment, len(read.data), len(text), records)

    def finish(self, moment: float) -> None:
        """Take down what is left when the body has ended, at the moment of its last read."""
        if records := self._parser.finish():
            self._arrived(moment, 0, 0, records)

    def close(self) -> StreamCapture:
        """Return all of it as a value, also where the thread is still at work."""
        arrivals = tuple(self._arrivals)
        outcome, detail, ended_s = self.end or self._abandoned()
        return StreamCapture(
            url=self.request.url,
            outcome=outcome,
            detail=printable(self.hide(detail), MAX_DETAIL),
            verified=self.request.target.options.tls.verify,
            status=self.status,
            http_version=self.http_version,
            headers=self.headers,
            connect_s=self.connect_s,
            headers_s=self.headers_s,
            ended_s=ended_s,
            format=self._parser.format or StreamFormat.PLAIN,
            wire_format=self._parser.wire_format.name,
            wire_end=self._parser.wire_format.end,
            done=self._done,
            records=tuple(self._timed),
            arrivals=tuple(arrival for arrival, _ in arrivals),
            mid_record=tuple(mid_record for _, mid_record in arrivals),
        )

    def _arrived(self, moment: float, size_bytes: int, text_bytes: int, records: list[Record]) -> None:
        """Take down an arrival. What has the moment of the last one is more of the same read."""
        at_s = self.at_s(moment)
        # The end marker is often written together with the last record: it shows nothing of the path.
        counted = [record for record in records if record.counts]
        pieces = tuple(
            ReceivedPiece(self._records + number, 0.0, record.size_bytes)
            for number, record in enumerate(counted)
        )
        self._records += len(counted)
        self._done = self._done or any(record.ends for record in records)
        self._timed += [record.timed(at_s) for record in records[: MAX_RECORDS - len(self._timed)]]
        arrival = Arrival(at_s, size_bytes, text_bytes, pieces)
        if self._arrivals and self._arrivals[-1][0].at_s == at_s:
            last = self._arrivals.pop()[0]
            arrival = Arrival(
                at_s, last.size_bytes + size_bytes, last.text_bytes + text_bytes, (*last.pieces, *pieces)
            )
        self._arrivals.append((arrival, self._parser.mid_record))
        self.reports.put(ReadEvent(self.index, at_s, size_bytes, text_bytes, tuple(records)))

    def _abandoned(self) -> tuple[WatchOutcome, str, float]:
        after_s = time.monotonic() - self.began
        if self.interrupted:
            return WatchOutcome.STOPPED, f"interrupted after {format_seconds(after_s)}", after_s
        if not self.connect_s:
            return WatchOutcome.UNREACHABLE, f"no connection within {format_seconds(after_s)}", after_s
        return WatchOutcome.STOPPED, f"the response did not end within {format_seconds(after_s)}", after_s


def _follow(capture: _WatchCapture) -> None:
    """Make one request and follow its response, in a thread of its own."""
    try:
        outcome, detail = _request_and_read(capture)
        capture.end = (outcome, detail, time.monotonic() - capture.began)
        capture.reports.put(capture.index)
    except BaseException as error:  # noqa: BLE001  # a bug: raised again in the caller's thread
        capture.reports.put(error)


def _request_and_read(capture: _WatchCapture) -> tuple[WatchOutcome, str]:
    request, redirects = capture.request, capture.request.target.options.max_redirects
    while True:
        with closing(Http1Connection(request.target, capture.budget)) as connection:
            try:
                sent = connection.request(
                    request.method, request.request_target, request.default_headers(), request.body or b""
                )
                capture.requested(sent)
                response = connection.response()
                if following := _redirect(request, response) if redirects else None:
                    request, redirects = following, redirects - 1
                    continue
                capture.responded(response)
                if not 200 <= response.status < 300:
                    return WatchOutcome.REFUSED, _refusal(connection, request, response, capture)
                return _read(connection, capture, response.moment)
            except PEER_ERRORS as error:
                return _outcome(capture.failed(error), capture)


def _redirect(request: WatchRequest, response: Response) -> WatchRequest | None:
    """The request to make instead; None if the response asks for none."""
    location = response.header("location")
    return (
        request.redirected(response.status, location) if response.status in REDIRECTS and location else None
    )


def _refusal(client: HttpClient, request: WatchRequest, response: Response, capture: _WatchCapture) -> str:
    """What a response that is not a stream says, and what to do where that is known."""
    location = printable(capture.hide(response.header("location")), MAX_SHOWN)
    path = request.request_target.partition("?")[0]
    proxied = request.target.asks_proxy is not None
    found = obstacle(request.url, response.status, location, path, proxied=proxied)
    if found and location:
        return f"{found.sentence}. {found.step}"
    body = capture.hide(read_error(client, response, capture.budget).decode(errors="replace"))
    text = describe_response(response.status, response.header("content-type"), body)
    return f"{found.sentence}. {found.step} ({text})" if found else text


def _read(client: HttpClient, capture: _WatchCapture, moment: float) -> tuple[WatchOutcome, str]:
    """Read the body to its end.

    Args:
        client: where the body is due.
        capture: where it is taken down.
        moment: of the header.

    Raises:
        PEER_ERRORS: it did not come to its end.
    """
    try:
        capture.open_body()
        for read in client.body():
            moment = read.moment
            capture.take(read)
            if capture.interrupted:
                return WatchOutcome.STOPPED, "interrupted"
            if capture.full:
                return WatchOutcome.STOPPED, "more records or reads than are kept"
    except DecodeError as error:
        return WatchOutcome.CUT, str(error)
    capture.finish(moment)
    framed = capture.header("transfer-encoding") or capture.header("content-length")
    return (WatchOutcome.ENDED if framed else WatchOutcome.CLOSED), ""


def _outcome(end: EndDetail, capture: _WatchCapture) -> tuple[WatchOutcome, str]:
    """Turn what stopped the reading into an outcome."""
    timeout = format_seconds(capture.timeout_s)
    match end.reason:
        case StopReason.UNREACHABLE:
            return WatchOutcome.UNREACHABLE, end.detail
        case StopReason.DEADLINE if capture.status:
            return WatchOutcome.STOPPED, f"the response did not end within {timeout}"
        case StopReason.DEADLINE:
            return WatchOutcome.UNREACHABLE, f"no response within {timeout}"
        case StopReason.BYTE_LIMIT:
            return WatchOutcome.STOPPED, end.detail
    return WatchOutcome.CUT, end.detail
