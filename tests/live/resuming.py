"""Clients that go on where they were: many at once, by raw HTTP, each with the protocol's own way to resume.

    tales = tales_of(200)
    run(read_all(port, tales, count=40))

A Tale says what one client got. Pieces are those of the delta framing; an end is proper when the stream's own protocol
says that this connection is over: the last chunk, or a close frame.
"""

from __future__ import annotations

import asyncio
import os
import re
import struct
from base64 import b64encode
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flushcheck.model import EndRecord, Piece, Transport
from flushcheck.streaming.transports import decoder, polling

Result = TypeVar("Result")

# A client that was refused, or cut, asks again after so long.
AGAIN_S = 0.1
# Far more than any of the tests needs; a client that is never served is a failure, not a hang.
MAX_TRIES = 300
SILENCE_S = 20.0


@dataclass(slots=True)
class Tale:
    """What one client got, over all its connections."""

    transport: Transport
    seqs: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    end: EndRecord | None = None
    streams: int = 0  # connections on which at least a Piece came
    cut: int = 0  # of them, those that ended without their protocol's word
    closes: list[int] = field(default_factory=list)  # codes of close frames
    retries_ms: list[int] = field(
        default_factory=list
    )  # the reconnection time that event streams announced, per connection
    refused: list[int] = field(default_factory=list)  # statuses that were no stream


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run it to its end, in a thread of its own: in this one another library's loop may be running."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def tales_of(clients: int) -> list[Tale]:
    """A Tale for each of this many clients: one in twenty polls, the others stream."""
    streamed = [transport for transport in Transport if transport is not Transport.POLLING]
    return [Tale(Transport.POLLING if index % 20 == 0 else streamed[index % 3]) for index in range(clients)]


async def read_all(port: int, tales: list[Tale], *, count: int, interval_s: float = 0.1) -> None:
    """Let each client read a stream of this many Pieces to its end."""
    await asyncio.gather(*(read_whole(port, tale, count=count, interval_s=interval_s) for tale in tales))


async def read_whole(port: int, tale: Tale, *, count: int, interval_s: float) -> None:
    """Read one stream to its end, however many connections that takes."""
    transport = tale.transport
    query = f"count={count}&interval={interval_s}&format=delta&end=done"
    read = {Transport.POLLING: poll, Transport.WEBSOCKET: converse}.get(transport, stream)
    for _ in range(MAX_TRIES):
        with suppress(OSError, asyncio.IncompleteReadError):
            await asyncio.wait_for(read(port, tale, query), SILENCE_S + count * interval_s)
        # A client with all Pieces need not reconnect for the end record.
        if tale.end or len(tale.seqs) >= count:
            return
        await asyncio.sleep(interval_s if transport is Transport.POLLING else AGAIN_S)


def _took(tale: Tale, records: list[Piece | EndRecord]) -> None:
    for record in records:
        if isinstance(record, EndRecord):
            tale.end = record
        else:
            tale.seqs.append(record.seq)
            tale.texts.append(record.text)


async def poll(port: int, tale: Tale, query: str) -> None:
    """One poll: the next Piece, or the end."""
    path = f"/stream/polling?{query.partition('&format')[0]}&cnt={len(tale.seqs)}"
    async for status, _, reader in _asked(port, path):
        body = await reader.read()
        if status not in (200, 400):
            tale.refused.append(status)
            return
        _took(tale, [polling.read_body(body)])


async def stream(port: int, tale: Tale, query: str) -> None:
    headers = []
    if tale.transport is Transport.EVENTS and tale.seqs:
        headers = [f"Last-Event-ID: {tale.seqs[-1]}"]
    elif tale.seqs:
        query += f"&start={len(tale.seqs)}"
    async for status, _, reader in _asked(port, f"/stream/{tale.transport}?{query}", *headers):
        if status != 200:
            tale.refused.append(status)
            return
        records, began = decoder(tale.transport), len(tale.seqs)
        proper = False
        try:
            async for chunk in _chunks(reader):
                proper = chunk == b""
                tale.retries_ms += map(int, re.findall(rb"(?m)^retry: (\d+)$", chunk))
                _took(tale, records.feed(chunk))
        finally:
            tale.streams += len(tale.seqs) > began
            tale.cut += not proper


async def converse(port: int, tale: Tale, query: str) -> None:
    headers = [
        *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
        f"Sec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}",
    ]
    path = f"/stream/ws?{query}&start={len(tale.seqs)}"
    async for status, writer, reader in _asked(port, path, *headers):
        if status != 101:
            tale.refused.append(status)
            return
        began, proper = len(tale.seqs), False
        try:
            async for opcode, payload in _frames(reader):
                if opcode == 8:
                    proper = True
                    tale.closes.append(struct.unpack("!H", payload[:2])[0])
                    writer.write(b"\x88\x82\0\0\0\0" + payload[:2])
                    await writer.drain()
                    return
                _took(tale, decoder(tale.transport).feed(payload))
        finally:
            tale.streams += len(tale.seqs) > began
            tale.cut += not proper


async def _asked(
    port: int, path: str, *headers: str
) -> AsyncIterator[tuple[int, asyncio.StreamWriter, asyncio.StreamReader]]:
    """Ask, and give status and body once; then close the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        closing = () if any(one.startswith("Connection:") for one in headers) else ("Connection: close",)
        lines = [f"GET {path} HTTP/1.1", "Host: test", *closing, *headers, "", ""]
        writer.write("\r\n".join(lines).encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SILENCE_S)
        yield int(head.split()[1]), writer, reader
    finally:
        writer.close()


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Each chunk of a body, b"" for the last one. RFC 9112, section 7.1."""
    while True:
        size = int(await asyncio.wait_for(reader.readuntil(b"\r\n"), SILENCE_S), 16)
        chunk = (await reader.readexactly(size + 2))[:-2]
        yield chunk
        if not size:
            return


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[tuple[int, bytes]]:
    """Opcode and payload of each frame of the server. RFC 6455, section 5.2."""
    while True:
        opcode, size = await asyncio.wait_for(reader.readexactly(2), SILENCE_S)
        if size >= 126:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8))
        yield opcode & 15, await reader.readexactly(size)
