"""Probing a stream over plain HTTP: chunked text and server-sent events."""

from __future__ import annotations

import time
from contextlib import closing

from flushcheck.measurement import plan
from flushcheck.model import Transport, Variant
from flushcheck.prober.capture import EndDetail, StopReason
from flushcheck.prober.connections import Connections
from flushcheck.prober.decompress import DecodeError, DecoderChain
from flushcheck.prober.http_client import PEER_ERRORS, HttpClient, default_headers
from flushcheck.prober.observation_builder import ObservationBuilder
from flushcheck.prober.refusals import refused
from flushcheck.streaming.transports import Malformed, decoder

ACCEPT = {Transport.CHUNKED: "*/*", Transport.EVENTS: "text/event-stream"}

# How long the body may go on after the end record.
GRACE_S = 0.5

# Up to so many lines in one read are decoded one by one: 100 events. A flood of line ends is not.
MAX_LINES = 400


def probe_stream(builder: ObservationBuilder, connections: Connections, nonce: str) -> EndDetail:
    """Make one probe of a stream. What arrives goes into the builder; returns why the reading stopped."""
    probe = builder.probe
    http_version = "1.0" if probe.variant is Variant.HTTP10 else "1.1"
    headers = default_headers(ACCEPT[probe.transport], plan.encodings(probe), http_version=http_version)
    request_target = connections.target.address.path + plan.address(probe, nonce)
    try:
        with closing(connections.client(probe, builder.budget)) as client:
            builder.requested(client.request("GET", request_target, headers))
            response = client.response()
            builder.responded(response)
            if response.status != 200:
                return refused(builder, client, response)
            return _read(client, builder)
    except PEER_ERRORS as error:
        return builder.failed(error)


def _read(client: HttpClient, builder: ObservationBuilder) -> EndDetail:
    """Read the body to its end.

    Raises:
        PEER_ERRORS: it did not come to its end.
    """
    records = decoder(builder.probe.transport)
    try:
        chain = DecoderChain(builder.header("content-encoding"))
        for read in client.body():
            text = chain.feed(read.data)
            builder.took(read, text)
            # Line by line, so that the records before a line that is not a record still count.
            few = text.count(b"\n") <= MAX_LINES
            for part in text.splitlines(keepends=True) if few else [text]:
                builder.completed(records.feed(part))
            if builder.is_unrelated_body():
                return EndDetail(StopReason.UNRELATED)
            if builder.end is not None:
                builder.budget.end_by(time.monotonic() + GRACE_S)
    except (Malformed, DecodeError) as error:
        return EndDetail(StopReason.UNRELATED, str(error))
    return EndDetail(StopReason.ENDED)
