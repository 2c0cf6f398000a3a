"""What is streamed: numbered Pieces, the Transport that carries them, and the record that ends them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Transport(StrEnum):
    """How Pieces reach the reader. The order is the order of every listing."""

    POLLING = "polling"
    CHUNKED = "chunked"
    EVENTS = "events"
    WEBSOCKET = "websocket"


class Framing(StrEnum):
    """What one Piece looks like inside its Transport."""

    PLAIN = "plain"  # the text alone
    DELTA = "delta"  # a JSON object with the sequence number, the send offset and the text


class Unit(StrEnum):
    """What a Source counts as one Piece."""

    CHAR = "char"
    WORD = "word"
    TOKEN = "token"


@dataclass(frozen=True, slots=True)
class Piece:
    """One numbered bit of a Source."""

    seq: int  # from 0
    at_s: float  # when it is due; on the wire, and once decoded: when it was sent
    text: str


@dataclass(frozen=True, slots=True)
class RequestAtApp:
    """What the service saw of one request: how its own hop looks. The service sends it in-band.

    Header values are cut at 200 characters; addresses are counted, never repeated.
    """

    protocol: str = ""  # as the app was asked, for example "HTTP/1.0"
    gateway: str = ""  # GATEWAY_INTERFACE: set by FastCGI and CGI, not by HTTP
    server: str = ""  # the app server, for example "gunicorn/27.0.1"
    connection: str = ""
    upgrade: str = ""
    websocket_key: bool = False  # a Sec-WebSocket-Key came
    accept_encoding: str = ""
    via: str = ""
    forwarded: tuple[str, ...] = ()  # names of the forwarding headers that came
    forwarded_hops: int = 0  # addresses in X-Forwarded-For
    concurrent: int = 0  # streams this process had open, this one included


# The response header of a stream that the service itself holds on request: see `streaming.pretend`.
PRETEND_HEADER = "Flushcheck-Pretend"


@dataclass(frozen=True, slots=True)
class EndRecord:
    """The service's own record that a stream is over: without it, a cut stream looks complete."""

    count: int  # Pieces of the whole stream, the ones before the resume point included
    at_s: float = 0.0
    request_at_app: RequestAtApp = field(default_factory=RequestAtApp)
    pretended: str = ""  # how the service held it on request, for example "blocks-4096"; on the wire if set
