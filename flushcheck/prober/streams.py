"""Probing a stream over plain HTTP (chunked text, server-sent events), and the loop that reads any stream."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Protocol

from flushcheck.measurement import plan
from flushcheck.model import Transport, Variant
from flushcheck.prober.capture import EndDetail, StopReason
from flushcheck.prober.connections import Connections
from flushcheck.prober.decompress import DecodeError
from flushcheck.prober.http_client import PEER_ERRORS, HttpClient, default_headers
from flushcheck.prober.observation_builder import ObservationBuilder
from flushcheck.prober.refusals import refused, retry_after_s
from flushcheck.prober.timed_socket import SocketRead
from flushcheck.streaming.transports import Malformed

ACCEPT = {Transport.CHUNKED: "*/*", Transport.EVENTS: "text/event-stream"}


def probe_stream(builder: ObservationBuilder, connections: Connections, nonce: str) -> EndDetail:
    """Make one probe of a stream. What arrives goes into the builder; returns why the reading stopped."""
    probe = builder.probe
    http_version = "1.0" if probe.variant is Variant.HTTP10 else "1.1"
    headers = default_headers(ACCEPT[probe.transport], plan.encodings(probe), http_version=http_version)
    request_target = connections.target.probe_target(probe, nonce)
    try:
        for may_wait in (connections.target.is_origin, False):
            with closing(connections.client(probe, builder.budget)) as client:
                builder.requested(client.request("GET", request_target, headers))
                response = client.response()
                builder.responded(response)
                wait_s = retry_after_s(response) if may_wait else 0.0
                if not wait_s:
                    if response.status != 200:
                        return refused(builder, client, response)
                    return read_stream(client, builder)
            time.sleep(min(wait_s, builder.budget.left_s()))
    except PEER_ERRORS as error:
        return builder.failed(error)
    raise AssertionError("the second request ends the loop")


class StreamBuilder(Protocol):
    """What takes down the body of a stream while it is read: see `Capture`."""

    def open_body(self) -> None: ...

    def decode(self, data: bytes) -> bytes: ...

    def took(self, read: SocketRead, text: bytes) -> None: ...

    def parse(self, text: bytes) -> None:
        """Take down the records that the last read completed."""

    def enough(self) -> EndDetail | None:
        """Say why the reading has to stop before the end; None if it goes on."""

    def finish(self) -> None:
        """Take down what is left when the body has ended."""


def read_stream(client: HttpClient, builder: StreamBuilder) -> EndDetail:
    """Read the body of a stream to its end.

    Raises:
        PEER_ERRORS: it did not come to its end.
    """
    try:
        builder.open_body()
        for read in client.body():
            text = builder.decode(read.data)
            builder.took(read, text)
            builder.parse(text)
            if (end := builder.enough()) is not None:
                return end
        builder.finish()
    except (Malformed, DecodeError) as error:
        return EndDetail(StopReason.UNRELATED, str(error))
    return EndDetail(StopReason.ENDED)
