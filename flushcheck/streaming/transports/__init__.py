"""How Pieces look on the wire: one encoder and one decoder for each Transport.

An encoder is a pure function of the Piece; when to send, and over what, is the shell's affair. A
decoder is fed bytes cut anywhere and returns what is whole. Both speak the two framings; only the
delta framing carries the send offsets that a diagnosis needs, so decoders read that one. Polling has
no stream to encode and is a pair of functions in its own module.
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
    """The encoder for one stream: `end` is how it says that it is over, see `params`."""
    return STREAMS[transport](framing, end)


def decoder(transport: Transport) -> Decoder:
    """A fresh decoder for one stream in the delta framing."""
    return STREAMS[transport].decoder()


__all__ = ["Decoder", "Encoder", "Malformed", "decoder", "encoder"]
