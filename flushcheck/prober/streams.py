"""Observing a stream over plain HTTP: chunked text and server-sent events."""

from __future__ import annotations

import time
from collections import deque

from urllib3.response import HTTPResponse

from flushcheck.measurement import plan
from flushcheck.model import Transport, Variant
from flushcheck.prober.address import Address
from flushcheck.prober.decompress import DecodeError, DecoderChain
from flushcheck.prober.http import (
    FAR_SIDE,
    Connection,
    OldConnection,
    answered,
    ending,
    read_error,
    refusal,
)
from flushcheck.prober.observation_builder import Ending, ObservationBuilder, Told
from flushcheck.prober.timed_socket import READ_BYTES, TimedSocket
from flushcheck.streaming.transports import Decoder, Malformed, decoder

ACCEPT = {Transport.CHUNKED: "*/*", Transport.EVENTS: "text/event-stream"}

# How long the body may go on once the service said that the stream is over.
GRACE_S = 0.5

# In one read, up to which it is taken line by line: 100 events. A flood of line ends is not.
MAX_LINES = 400


def observe_stream(ledger: ObservationBuilder, address: Address, nonce: str) -> Told:
    """Make one Probe of a stream. What it sees goes into the Ledger; returns what ended it."""
    probe = ledger.probe
    kind = OldConnection if probe.variant is Variant.HTTP10 else Connection
    connection = kind(address, ledger.allowance)
    headers = {"Accept": ACCEPT[probe.transport], "Accept-Encoding": plan.encodings(probe)}
    try:
        line = connection.ask(plan.address(probe, nonce), headers)
        ledger.asked(line)
        response = connection.getresponse()
        answered(ledger, line, response)
        if response.status != 200:
            return Ending.REFUSED, refusal(ledger, ledger.status, ledger.header, read_error(response, ledger))
        return _read(response, line, ledger)
    except FAR_SIDE as error:
        return ending(error, ledger)
    finally:
        connection.hang_up()


def _read(response: HTTPResponse, line: TimedSocket, ledger: ObservationBuilder) -> Told:
    """Read the body to its end.

    While bytes lie ready, nothing is done but to read them and to take the time: sense is made of
    them as soon as the far side pauses.

    Raises:
        FAR_SIDE: it did not come to its end.
    """
    unread: deque[tuple[float, bytes]] = deque()
    records = decoder(ledger.probe.transport)
    try:
        chain = DecoderChain(ledger.header("content-encoding"))
        try:
            while data := response.read1(READ_BYTES, decode_content=False):
                unread.append((line.read_at, data))
                if line.waiting():
                    continue
                _settle(unread, chain, records, ledger)
                if ledger.foreign():
                    return Ending.FOREIGN, ""
                if ledger.end is not None:
                    ledger.allowance.end_by(time.monotonic() + GRACE_S)
        finally:
            _settle(unread, chain, records, ledger)
    except (Malformed, DecodeError) as error:
        return Ending.FOREIGN, str(error)
    return Ending.ENDED, ""


def _settle(
    unread: deque[tuple[float, bytes]], chain: DecoderChain, records: Decoder, ledger: ObservationBuilder
) -> None:
    """Make sense of what was read, oldest first.

    Raises:
        Malformed, Unpackable: it makes none.
    """
    while unread:
        read_at, data = unread.popleft()
        text = chain.feed(data)
        ledger.arrived(read_at, len(data), text)
        # Line by line, so that what stands before a line that is not ours still counts.
        few = text.count(b"\n") <= MAX_LINES
        for part in text.splitlines(keepends=True) if few else [text]:
            ledger.completed(records.feed(part))
