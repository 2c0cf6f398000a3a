"""The observer over HTTP/3: each DATA frame at the moment at which its bytes came. aioquic has the protocol.

A browser opens WebSockets over TCP on such a site, so there are none here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, QuicEvent, StreamReset

from tests.lab.asks import Ask
from tests.lab.content import Content
from tests.lab.observer import PATIENCE_S, at_once, poll
from tests.lab.seen import Seen
from tests.lab.tls import HOST, authority

CONNECT_WITHIN_S = 4.0


class _Client(QuicConnectionProtocol):
    """One connection that asks one thing after the other."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.http = H3Connection(self._quic)
        self._seen: Seen | None = None
        self._content: Content | None = None
        self._begun_s = 0.0
        self._ended = asyncio.Event()

    async def get(self, seen: Seen, port: int, path: str) -> None:
        """Ask, and write down what comes until the stream ends or patience does."""
        self._seen, self._content = seen, None
        self._ended.clear()
        self._begun_s = time.monotonic()
        headers = [
            *((":method", "GET"), (":scheme", "https"), (":authority", f"{HOST}:{port}"), (":path", path)),
            *(("user-agent", "flushcheck-lab"), ("accept", "*/*"), ("accept-encoding", seen.ask.encodings)),
        ]
        number = self._quic.get_next_available_stream_id()
        self.http.send_headers(
            number, [(key.encode(), value.encode()) for key, value in headers], end_stream=True
        )
        self.transmit()
        try:
            await asyncio.wait_for(self._ended.wait(), PATIENCE_S)
        except TimeoutError:
            seen.ended = "patience"
        seen.ended_s = time.monotonic() - self._begun_s
        seen.settings = self.http.received_settings or {}

    def quic_event_received(self, event: QuicEvent) -> None:
        """What aioquic calls for each event of the connection."""
        if isinstance(event, ConnectionTerminated | StreamReset):
            self._end("cut", f"{type(event).__name__} {event.error_code}")
        for part in self.http.handle_event(event):
            self._see(part)

    def _see(self, event: H3Event) -> None:
        seen = self._seen
        if seen is None or not isinstance(event, HeadersReceived | DataReceived):
            return
        at_s = time.monotonic() - self._begun_s
        if isinstance(event, HeadersReceived):
            fields = [(key.decode(), value.decode("latin-1")) for key, value in event.headers]
            if self._content is None and dict(fields).get(":status"):
                seen.status, seen.version, seen.framing = int(dict(fields)[":status"]), "3", "frames"
                seen.headers = [(key, value) for key, value in fields if not key.startswith(":")]
                seen.headers_s = at_s
                self._content = Content(seen)
        elif self._content is not None:
            self._content.feed(event.data, at_s)
        if event.stream_ended:
            self._end("end of stream", "")

    def _end(self, how: str, problem: str) -> None:
        if self._seen is not None and not self._ended.is_set():
            self._seen.ended, self._seen.problem = how, problem
        self._ended.set()


def look_h3(port: int, asks: Iterable[Ask]) -> list[Seen]:
    """Make all requests at once but WebSockets, each over a connection of its own."""
    wanted = [ask for ask in asks if ask.route != "ws"]
    return at_once(wanted, lambda ask: asyncio.run(_look(port, ask)))


async def _look(port: int, ask: Ask) -> Seen:
    seen = Seen(ask)
    # Windows so large that this end never holds the far one back.
    settings = QuicConfiguration(
        is_client=True,
        alpn_protocols=H3_ALPN,
        server_name=HOST,
        max_data=16_000_000,
        max_stream_data=16_000_000,
    )
    settings.load_verify_locations(cafile=str(authority().ca))
    try:
        async with asyncio.timeout(PATIENCE_S + CONNECT_WITHIN_S):
            async with connect("127.0.0.1", port, configuration=settings, create_protocol=_Client) as client:
                assert isinstance(client, _Client)
                if ask.route != "polling":
                    await client.get(seen, port, ask.path)
                else:
                    seen = await _poll(client, port, ask)
    except (OSError, TimeoutError) as error:
        seen.problem = f"{type(error).__name__}: {error}"[:120]
        seen.ended = "cut"
    seen.alpn = "h3"
    return seen


async def _poll(client: _Client, port: int, ask: Ask) -> Seen:
    loop = asyncio.get_running_loop()

    def fetch(path: str, answer: Seen) -> None:
        asyncio.run_coroutine_threadsafe(client.get(answer, port, path), loop).result()

    return await asyncio.to_thread(poll, ask, fetch)
