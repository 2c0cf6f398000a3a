"""One request over HTTP/2 and its response, between the thread that reads the connection and its own."""

from __future__ import annotations

import queue

from h2.errors import ErrorCodes
from h2.events import ResponseReceived, StreamReset

from flushcheck.prober.http2_frames import error_name
from flushcheck.prober.http_client import (
    MAX_HEADERS,
    ConnectionEnded,
    ProtocolError,
    Response,
    SentRequest,
)
from flushcheck.prober.messages import printable
from flushcheck.prober.timed_socket import Budget, DeadlineExceeded, SocketRead

Item = Response | SocketRead | None


class NotProcessed(ConnectionEnded):
    """The peer did nothing with the request, so it may be sent again (RFC 9113, section 8.7)."""


class Stream:
    """One stream of a connection."""

    def __init__(self, number: int, budget: Budget, *, sends: bool) -> None:
        """Open it.

        Args:
            number: its identifier.
            budget: what the request may use.
            sends: whether more will be sent after the header.
        """
        self.number = number
        self.budget = budget
        self.sends = sends
        self.sent = SentRequest(0.0, 0.0)
        self.responded = False  # whether a header came
        self.at_end = False  # whether nothing more will come
        self._inbox: queue.SimpleQueue[Item | BaseException] = queue.SimpleQueue()

    def respond(self, response: Response | ProtocolError) -> None:
        """Take the header of the response."""
        self.responded = True
        self._inbox.put(response)

    def put(self, item: SocketRead | None) -> None:
        """Take a part of the body; None is its end."""
        self.at_end = self.at_end or item is None
        self._inbox.put(item)

    def fail(self, error: BaseException) -> None:
        """End it with an error."""
        self.at_end = True
        self._inbox.put(error)

    def next(self) -> Item:
        """Wait for what comes next: the header, parts of the body, and None at its end.

        Raises:
            PEER_ERRORS: it broke off, or the deadline has passed.
        """
        try:
            item = self._inbox.get(timeout=self.budget.left_s())
        except queue.Empty:
            raise DeadlineExceeded("the deadline has passed") from None
        if isinstance(item, BaseException):
            raise item
        return item


def parse_response(event: ResponseReceived, moment: float) -> Response | ProtocolError:
    """Return the header of a response, or what is wrong with it."""
    headers = tuple((str(name), str(value)) for name, value in event.headers)
    fields = tuple(pair for pair in headers if not pair[0].startswith(":"))
    status = dict(headers).get(":status", "")
    if len(fields) > MAX_HEADERS:
        return ProtocolError(f"the response has more than {MAX_HEADERS} headers")
    if not (status.isascii() and status.isdigit() and len(status) == 3):
        return ProtocolError(f"illegal status {printable(status)!r}")
    return Response(moment, int(status), "2", fields)


def parse_reset(event: StreamReset) -> ProtocolError:
    """Return what the reset of a stream says."""
    code = int(event.error_code or 0)
    if not event.remote_reset:
        return ProtocolError(f"the server broke the rules of HTTP/2: {error_name(code)}")
    sentence = f"the server reset the stream: {error_name(code)}"
    return NotProcessed(sentence) if code == ErrorCodes.REFUSED_STREAM else ProtocolError(sentence)
