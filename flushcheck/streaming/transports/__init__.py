"""Pieces on the wire: one encoder and one decoder for each transport.

An encoder is a pure function of the piece; the service decides when and where to send. A decoder takes
bytes cut anywhere and returns the pieces that they complete. Encoders write both framings. Only the delta
framing carries the send times that a diagnosis needs, so decoders read that one. Polling has no stream: it
is a pair of functions in its own module.
"""

from __future__ import annotations

from collections.abc import Mapping

from flushcheck.model import Framing, Transport
from flushcheck.streaming.transports.chunked import Chunked
from flushcheck.streaming.transports.events import Events
from flushcheck.streaming.transports.records import Decoder, Encoder, Malformed
from flushcheck.streaming.transports.websocket import Messages

STREAMS: Mapping[Transport, type[Encoder]] = {
    Transport.CHUNKED: Chunked,
    Transport.EVENTS: Events,
    Transport.WEBSOCKET: Messages,
}


def encoder(transport: Transport, framing: Framing, end: str) -> Encoder:
    """The encoder for one stream; `end` is how it marks its end, see `params`."""
    return STREAMS[transport](framing, end)


def decoder(transport: Transport) -> Decoder:
    """A new decoder for one stream in the delta framing."""
    return STREAMS[transport].decoder()


__all__ = ["Decoder", "Encoder", "Malformed", "decoder", "encoder"]
