"""A TCP relay that behaves like a bad link or a meddling box, and knows nothing of HTTP.

    relay.py --listen 8080 --to 8000 --latency 0.2

Bytes keep their order in every mode. What is done to them is done on the way to the client only, except latency,
which a link has both ways.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import time
from contextlib import suppress
from dataclasses import dataclass, replace

READ_BYTES = 65536

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Link:
    """How the link behaves; 0 switches a thing off."""

    latency_s: float = 0.0  # each way, for every byte
    jitter_s: float = 0.0  # on top, drawn anew for each read
    rate_bytes: int = 0  # per second and connection
    hold_bytes: int = 0  # pass on only when this many bytes are there, or the origin has closed
    tick_s: float = 0.0  # pass on only at whole multiples of this since the connection began
    hold_all: bool = False  # pass on nothing before the origin has closed or fallen silent
    silence_s: float = 0.5  # how long the origin is silent before what is held goes out all the same
    idle_s: float = 0.0  # cut a connection that has been silent this long
    total_s: float = 0.0  # cut a connection this old
    seed: int = 1


class Way:
    """One direction of one connection: takes bytes, and gives them on as the link has it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link) -> None:
        self._reader = reader
        self._writer = writer
        self._link = link
        self._queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self._begun_s = time.monotonic()
        self._free_s = 0.0  # when the link has sent what it was given
        self.last_s = self._begun_s  # when bytes came

    async def run(self) -> None:
        """Until the sender has closed."""
        taking = asyncio.create_task(self._take())
        try:
            await self._give()
        finally:
            taking.cancel()

    async def _take(self) -> None:
        draw = random.Random(self._link.seed)
        due_s, data = 0.0, b"begin"
        while data:
            data = b""
            with suppress(ConnectionError):
                data = await self._reader.read(READ_BYTES)
            self.last_s = time.monotonic()
            wait_s = self._link.latency_s + draw.random() * self._link.jitter_s
            due_s = max(due_s, self.last_s + wait_s)
            await self._queue.put((due_s, data))

    async def _give(self) -> None:
        held, last = b"", False
        holds = bool(self._link.hold_bytes or self._link.hold_all)
        while not last:
            try:
                wait_s = self._link.silence_s if held and holds else None
                due_s, data = await asyncio.wait_for(self._queue.get(), wait_s)
            except TimeoutError:
                self._writer.write(held)
                held = b""
                continue
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            last = not data
            if self._link.tick_s and not last:
                more, last = await self._until_tick()
                data += more
            if holds:
                held += data
                data, held = self._let_go(held, last=last)
            with suppress(ConnectionError):
                await self._send(data)
        with suppress(OSError, RuntimeError):
            self._writer.write_eof()

    def _let_go(self, held: bytes, *, last: bool) -> tuple[bytes, bytes]:
        """What goes out now, and what stays."""
        if last:
            return held, b""
        whole = len(held) // self._link.hold_bytes * self._link.hold_bytes if self._link.hold_bytes else 0
        return held[:whole], held[whole:]

    async def _until_tick(self) -> tuple[bytes, bool]:
        """Wait for the next tick; what came meanwhile, and whether that was the end."""
        age_s = time.monotonic() - self._begun_s
        await asyncio.sleep(self._link.tick_s - age_s % self._link.tick_s)
        parts, last = [], False
        while not self._queue.empty():
            _, data = self._queue.get_nowait()
            parts.append(data)
            last = last or not data
        return b"".join(parts), last

    async def _send(self, data: bytes) -> None:
        if not self._link.rate_bytes:
            self._writer.write(data)
            await self._writer.drain()
            return
        # In slices, so that a large piece trickles instead of coming late as a whole.
        slice_bytes = max(1, self._link.rate_bytes // 50)
        for at in range(0, len(data), slice_bytes):
            part = data[at : at + slice_bytes]
            self._free_s = max(self._free_s, time.monotonic()) + len(part) / self._link.rate_bytes
            await asyncio.sleep(max(0.0, self._free_s - time.monotonic()))
            self._writer.write(part)
            await self._writer.drain()


async def _client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: int, link: Link) -> None:
    """Carry one connection, until the server has closed it or the link cuts it."""
    begun_s = time.monotonic()
    try:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to)
    except OSError:
        writer.close()
        return
    # What is done to bytes is done on the way to the client; latency is both ways'.
    to_server = asyncio.create_task(Way(reader, far_writer, Link(latency_s=link.latency_s)).run())
    # Each connection has a weather of its own, and the same in every run.
    way = Way(far_reader, writer, replace(link, seed=next(_numbers)))
    to_client = asyncio.create_task(way.run())
    try:
        while not to_client.done():
            ends_s = [time.monotonic() + 1.0]
            ends_s += [begun_s + link.total_s] if link.total_s else []
            ends_s += [way.last_s + link.idle_s] if link.idle_s else []
            left_s = min(ends_s) - time.monotonic()
            if left_s <= 0:
                break
            await asyncio.wait([to_client], timeout=left_s)
    finally:
        for task in (to_server, to_client):
            task.cancel()
        for end in (far_writer, writer):
            end.close()


async def _serve(listen: int, to: int, link: Link) -> None:
    server = await asyncio.start_server(
        lambda reader, writer: _client(reader, writer, to, link), "127.0.0.1", listen
    )
    async with server:
        await server.serve_forever()


def main() -> None:
    """Relay as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--to", type=int, required=True)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--jitter", type=float, default=0.0)
    parser.add_argument("--rate", type=int, default=0)
    parser.add_argument("--hold-bytes", type=int, default=0)
    parser.add_argument("--hold-all", action="store_true")
    parser.add_argument("--silence", type=float, default=0.5)
    parser.add_argument("--tick", type=float, default=0.0)
    parser.add_argument("--idle", type=float, default=0.0)
    parser.add_argument("--total", type=float, default=0.0)
    asked = parser.parse_args()
    link = Link(
        latency_s=asked.latency,
        jitter_s=asked.jitter,
        rate_bytes=asked.rate,
        hold_bytes=asked.hold_bytes,
        tick_s=asked.tick,
        hold_all=asked.hold_all,
        silence_s=asked.silence,
        idle_s=asked.idle,
        total_s=asked.total,
    )
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(asked.listen, asked.to, link))


if __name__ == "__main__":
    main()
