"""One stream of the user's own app while it is read: a Capture that takes down records of any format."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace

from flushcheck.measurement.obstacles import MAX_SHOWN, obstacle
from flushcheck.measurement.own_streams import PLAIN
from flushcheck.measurement.repeats import accept, encodings
from flushcheck.model import Observation, Outcome, Probe, Variant
from flushcheck.model.codec import MAX_ITEMS
from flushcheck.prober.capture import ArrivalInMaking, Capture, EndDetail, StopReason
from flushcheck.prober.connections import Connections
from flushcheck.prober.http_client import PEER_ERRORS, HttpClient, Response
from flushcheck.prober.messages import MAX_DETAIL, describe_response, format_seconds, printable
from flushcheck.prober.redaction import secrets_of
from flushcheck.prober.redirects import REDIRECTS
from flushcheck.prober.refusals import read_error
from flushcheck.prober.streams import read_stream
from flushcheck.prober.timed_socket import READ_BYTES, SocketRead
from flushcheck.prober.watch_request import WatchRequest
from flushcheck.watching.records import Record, RecordKind, RecordParser

# Records of one stream, and its reads: as many as a saved run may hold in a list. A token every 10 ms makes
# that many in three minutes.
MAX_RECORDS = MAX_ITEMS

NO_MESSAGE = "without a message"  # an error that says nothing


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """One read, reported while the stream runs."""

    probe: Probe
    at_s: float
    size_bytes: int  # as it arrived
    text_bytes: int  # after decompression
    records: tuple[Record, ...]


class OwnStreamBuilder(Capture):
    """An Observation of the user's own stream in the making."""

    max_arrivals = MAX_ITEMS

    def __init__(
        self,
        probe: Probe,
        request: WatchRequest,
        *,
        now: float,
        deadline: float,
        enough_records: int = 0,
        on_read: Callable[[ReadEvent], None] = lambda _: None,
    ) -> None:
        """Open it: see `Capture`.

        Args:
            probe: in which way the request is made.
            request: what is requested.
            now: time.monotonic().
            deadline: when it has to be over, same clock.
            enough_records: where to stop; 0: at the end of the stream.
            on_read: called with each read, in the thread that reads.
        """
        super().__init__(probe, now=now, deadline=deadline, secrets=secrets_of(request.target))
        self.request = request
        self.interrupted = False
        self._enough_records = enough_records or MAX_RECORDS
        self._on_read = on_read
        self._parser = RecordParser("")
        self._records = 0
        self._done = False
        self._finished = False
        self._usage_tokens = 0
        self._error = ""
        self._size_bytes = 0  # of the latest read
        self._withheld: list[ArrivalInMaking] = []  # those whose records wait until the framing is known

    def open_body(self) -> None:
        """Prepare for the body that the header announces: see `Capture`."""
        super().open_body()
        self.open_text()

    def open_text(self) -> None:
        """Prepare for a body that is decompressed already, as a browser hands it out."""
        self._parser = RecordParser(self.header("content-type"))

    def parse(self, text: bytes) -> None:
        """Take down the records that the last read completed."""
        records = list[Record]()
        # A few bytes may decompress to millions of records: a slice at a time, until there are enough.
        for start in range(0, len(text), READ_BYTES):
            if self._parser.framing is None:
                self._withheld.append(self._arrivals[-1])
            records += self._parser.feed(text[start : start + READ_BYTES])
            if self._records + len(records) >= MAX_RECORDS:
                records = records[: MAX_RECORDS - self._records]
                break
        self._completed(records, len(text))

    def took(self, read: SocketRead, text: bytes) -> None:
        """Take down one read of a body: see `Capture`."""
        self._size_bytes = len(read.data)
        super().took(read, text)

    def enough(self) -> EndDetail | None:
        """Say why the reading has to stop before the end; None if it goes on."""
        if self.interrupted:
            return EndDetail(StopReason.ENOUGH, "interrupted")
        if len(self._arrivals) >= self.max_arrivals or self._records >= MAX_RECORDS:
            return EndDetail(StopReason.ENOUGH, "more records or reads than are kept")
        if self._records >= self._enough_records:
            return EndDetail(StopReason.ENOUGH, "as many records as the first request had")
        return None

    def finish(self) -> None:
        """Take down what is left when the body has ended, as part of its last read."""
        if (records := self._parser.finish()) and self._arrivals:
            self._size_bytes = 0
            self._completed(records, 0)
        if self._parser.is_document:
            # Each read is a record, as in plain text: so it shows whether the parts arrived one by one.
            for arrival in self._arrivals:
                arrival.records, arrival.data, arrival.mid_record = [arrival.text_bytes], 1, False
                arrival.tokens = arrival.reasoning_tokens = 0

    def on_deadline(self) -> EndDetail:
        """Say how it ends if it is not done when the caller stops waiting: see `Capture`."""
        return EndDetail(StopReason.ENOUGH, "interrupted") if self.interrupted else super().on_deadline()

    def close(
        self, end: EndDetail, *, now: float, requested_s: float = 0.0, stall_s: float = 0.0
    ) -> Observation:
        """Return the Observation: see `Capture`."""
        if not any(arrival.tokens for arrival in self._arrivals):
            for arrival in self._arrivals:
                arrival.tokens = arrival.data
        seen = super().close(end, now=now, requested_s=requested_s, stall_s=stall_s)
        delimited = self.http_version in ("2", "3") or bool(
            self.header("transfer-encoding") or self.header("content-length")
        )
        return replace(
            seen,
            framing=self._parser.framing or PLAIN,
            format=self._parser.format.name,
            format_end=self._parser.format.end_of(self.request.method),
            done=self._done,
            finished=self._finished,
            delimited=delimited,
            usage_tokens=self._usage_tokens,
            error=printable(self.hide(self._error), MAX_DETAIL),
        )

    def _completed(self, records: list[Record], text_bytes: int) -> None:
        for record in records:
            arrival = self._withheld[-1 - record.feeds_ago] if record.feeds_ago else self._arrivals[-1]
            self._take_down(record, arrival)
        arrival = self._arrivals[-1]
        arrival.mid_record = self._parser.mid_record
        self._on_read(
            ReadEvent(self.probe, self.at_s(arrival.moment), self._size_bytes, text_bytes, tuple(records))
        )

    def _take_down(self, record: Record, arrival: ArrivalInMaking) -> None:
        self._done = self._done or record.ends
        if record.finishes or record.is_token:
            self._finished = record.finishes
        self._usage_tokens = max(self._usage_tokens, record.output_tokens)
        if record.kind is RecordKind.ERROR:
            self._error = self._error or record.text[:MAX_DETAIL] or NO_MESSAGE
        # The end marker is often written together with the last record: it shows nothing of the path.
        if record.counts:
            self._records += 1
            arrival.records.append(record.size_bytes)
        arrival.tokens += record.is_token
        arrival.data += record.kind is RecordKind.DATA
        arrival.reasoning_tokens += record.kind is RecordKind.REASONING

    def _outcome(self, end: EndDetail) -> tuple[Outcome, str]:
        timeout = format_seconds(self.timeout_s)
        match end.reason:
            case StopReason.UNREACHABLE:
                return Outcome.UNREACHABLE, end.detail
            case StopReason.REFUSED:
                return Outcome.REFUSED, end.detail
            case StopReason.ENDED:
                return Outcome.COMPLETE, ""
            case StopReason.DEADLINE if self.status:
                return Outcome.STOPPED, f"the response did not end within {timeout}"
            case StopReason.DEADLINE:
                return Outcome.TIMEOUT, f"no response within {timeout}"
            case StopReason.BYTE_LIMIT | StopReason.ENOUGH:
                return Outcome.STOPPED, end.detail
        return Outcome.CUT, end.detail


def probe_own_stream(builder: OwnStreamBuilder, connections: Connections, deadline: float) -> EndDetail:
    """Make one request for the user's own stream, and follow its response to its end.

    Args:
        builder: takes it down.
        connections: to the address of the request.
        deadline: of connections to the address that a redirect leads to.
    """
    redirects = builder.request.target.options.max_redirects
    return _follow(builder, builder.request, connections, redirects, deadline)


def _follow(
    builder: OwnStreamBuilder,
    request: WatchRequest,
    connections: Connections,
    redirects: int,
    deadline: float,
) -> EndDetail:
    try:
        with closing(connections.client(builder.probe, builder.budget)) as client:
            headers = _headers(request, builder.probe)
            sent = client.request(request.method, request.request_target, headers, request.body or b"")
            builder.requested(sent)
            response = client.response()
            following = _redirect(request, response) if redirects else None
            if following is None:
                builder.responded(response)
                if 200 <= response.status < 300:
                    return read_stream(client, builder)
                return EndDetail(StopReason.REFUSED, _refusal(client, request, response, builder))
    except PEER_ERRORS as error:
        return builder.failed(error)
    with closing(Connections(following.target, deadline)) as there:
        return _follow(builder, following, there, redirects - 1, deadline)


def _headers(request: WatchRequest, probe: Probe) -> list[tuple[str, str]]:
    http_version = "1.0" if probe.variant is Variant.HTTP10 else "1.1"
    return request.default_headers(accept(probe), encodings(probe), http_version)


def _redirect(request: WatchRequest, response: Response) -> WatchRequest | None:
    """The request to make instead; None if the response asks for none."""
    location = response.header("location")
    return (
        request.redirected(response.status, location) if response.status in REDIRECTS and location else None
    )


def _refusal(client: HttpClient, request: WatchRequest, response: Response, builder: OwnStreamBuilder) -> str:
    """What a response that is not a stream says, and what to do where that is known."""
    location = printable(builder.hide(response.header("location")), MAX_SHOWN)
    path = request.request_target.partition("?")[0]
    proxied = request.target.asks_proxy is not None
    found = obstacle(request.url, response.status, location, path, proxied=proxied)
    if found and location:
        return f"{found.sentence}. {found.step}"
    body = builder.hide(read_error(client, response, builder.budget).decode(errors="replace"))
    text = describe_response(response.status, response.header("content-type"), body)
    return f"{found.sentence}. {found.step} ({text})" if found else text
