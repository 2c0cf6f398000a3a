"""The access log: one JSON object per request, written and counted when the response is over.

It contains nothing that the client wrote: the rule of the route replaces the path, an unknown method is
"OTHER", and query, headers, address and text are left out. So a client can inject nothing, and the log
holds no secrets.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TextIO

from flask import Flask, Response, g, request

from flushcheck.model import Transport
from flushcheck.service.metrics_store import MetricsStore
from flushcheck.service.serving.frame_schedule import EndReason, StreamProgress

LOG = logging.getLogger("flushcheck.access")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


@dataclass(slots=True)
class LogEntry:
    """One request: collected here, then logged and counted."""

    store: MetricsStore
    method: str
    route: str  # the rule, "" if none matched
    began_s: float = field(default_factory=time.monotonic)
    status: int = 0
    transport: Transport | None = None
    progress: StreamProgress | None = None
    is_stream: bool = False
    written: bool = False

    def start_stream(self) -> StreamProgress:
        """Start a stream of this transport; return its progress, which is counted while it runs."""
        assert self.transport
        self.store.stream_opened(self.transport)
        self.is_stream = True
        self.progress = StreamProgress(late=self.store.piece_counter(self.transport).observe)
        return self.progress

    def write(self) -> None:
        """Write the line, once, even if the server closes the response several times."""
        if self.written:
            return
        self.written = True
        refused = self.status >= 400
        progress = self.progress or StreamProgress(ended=EndReason.REFUSED if refused else EndReason.DONE)
        # Made by hand: json.dumps and logging were a large part of a poll's processor time.
        line = (
            f'{{"time": "{_utc(time.time())}", "method": "{self.method}", "route": {_quoted(self.route)}, '
            f'"status": {self.status}, "transport": "{self.transport or ""}", "pieces": {progress.pieces}, '
            f'"ended": "{progress.ended}", "duration_s": {round(time.monotonic() - self.began_s, 3)}}}'
        )
        if _Output.stream is None:
            LOG.info("%s", line)
        else:
            with contextlib.suppress(OSError, ValueError):  # nothing reads the log, or it is closed
                _Output.stream.write(f"{line}\n")
        self._count(progress)

    def _count(self, progress: StreamProgress) -> None:
        if self.status >= 400:
            self.store.request_refused(self.status)
        if not self.transport:
            return
        self.store.stream_ended(self.transport, progress.ended)
        if self.is_stream:
            self.store.stream_closed(self.transport)
        elif progress.pieces:
            # A poll has no schedule, so it is never late.
            self.store.piece_counter(self.transport).observe(0.0)


class _Output:
    """Where the lines go."""

    stream: TextIO | None = None  # None: to the logger


def write_lines_to(stream: TextIO) -> None:
    """Write the lines of this process to a stream, without the logger. Each is written whole."""
    _Output.stream = stream


@lru_cache(maxsize=2)
def _second(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _utc(at_s: float) -> str:
    """A moment in seconds since 1970, as ISO 8601 with milliseconds."""
    return f"{_second(int(at_s))}.{int(at_s * 1000) % 1000:03d}+00:00"


@lru_cache(maxsize=128)
def _quoted(route: str) -> str:
    return json.dumps(route)


def log_entry() -> LogEntry:
    """The log entry of the current request."""
    entry: LogEntry = g.log_entry
    return entry


def install_access_log(app: Flask, store: MetricsStore) -> None:
    """Write a line for every request to this app, and count it."""

    @app.before_request
    def begin() -> None:
        method = request.method if request.method in METHODS else "OTHER"
        g.log_entry = LogEntry(store, method, request.url_rule.rule if request.url_rule else "")

    @app.after_request
    def end(response: Response) -> Response:
        entry = log_entry()
        # The 101 of a WebSocket does not pass through Flask; the WebSocket route has set it.
        entry.status = entry.status or response.status_code
        response.call_on_close(entry.write)
        return response
