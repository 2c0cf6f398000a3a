"""The access log: one JSON object per request, written when its response is over; and counted then.

It says what the service did, never what the visitor wrote: the route's rule stands for the path, a
method that is not one of HTTP's is "OTHER", and there is no query, header, address or text. So
nothing can be injected, and nothing has to be kept secret.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from flask import Flask, Response, g, request

from flushcheck.model import Transport
from flushcheck.service.metrics import MetricsStore
from flushcheck.service.serving.frame_schedule import Ended, Progress

LOG = logging.getLogger("flushcheck.access")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


@dataclass(slots=True)
class LogEntry:
    """One request on its way into the log, and onto the board."""

    metrics: MetricsStore
    method: str
    route: str  # the rule, "" if none matched
    began_s: float = field(default_factory=time.monotonic)
    status: int = 0
    transport: Transport | None = None
    progress: Progress | None = None
    is_stream: bool = False
    written: bool = False

    def start_stream(self) -> Progress:
        """Begin a stream of this transport: how far it comes is kept here, and counted as it goes."""
        assert self.transport
        self.metrics.stream_opened(self.transport)
        self.is_stream = True
        self.progress = Progress(late=self.metrics.piece_counter(self.transport).observe)
        return self.progress

    def write(self) -> None:
        """Write the line; once, however often the server says that it is over."""
        if self.written:
            return
        self.written = True
        refused = self.status >= 400
        progress = self.progress or Progress(ended=Ended.REFUSED if refused else Ended.DONE)
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "method": self.method,
            "route": self.route,
            "status": self.status,
            "transport": self.transport or "",
            "pieces": progress.pieces,
            "ended": progress.ended,
            "duration_s": round(time.monotonic() - self.began_s, 3),
        }
        LOG.info("%s", json.dumps(line))
        self._count(progress)

    def _count(self, progress: Progress) -> None:
        if self.status >= 400:
            self.metrics.request_refused(self.status)
        if not self.transport:
            return
        self.metrics.stream_ended(self.transport, progress.ended)
        if self.is_stream:
            self.metrics.stream_closed(self.transport)
        elif progress.pieces:
            self.metrics.piece_counter(self.transport).observe(0.0)  # a poll has no schedule to be late for


def log_entry() -> LogEntry:
    """The entry of the request being answered."""
    found: LogEntry = g.entry
    return found


def install_access_log(app: Flask, store: MetricsStore) -> None:
    """Write a line for every request to this app, and count it."""

    @app.before_request
    def begin() -> None:
        method = request.method if request.method in METHODS else "OTHER"
        g.entry = LogEntry(store, method, request.url_rule.rule if request.url_rule else "")

    @app.after_request
    def end(response: Response) -> Response:
        log_entry().status = log_entry().status or response.status_code  # a WebSocket's 101 is not Flask's
        response.call_on_close(log_entry().write)
        return response
