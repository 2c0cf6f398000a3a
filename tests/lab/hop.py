"""An HTTP hop of the lab's own, for the ways of holding that no program in Debian has by itself.

    hop.py --listen 8080 --to 8000 --hold 30000

It stands for the proxies, gateways and appliances that no catalogue lists: it takes a response apart into what the app
wrote and gives it on by one rule. WebSocket passes untouched unless told otherwise. Every request is a connection of its
own, towards the app and towards the client.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

READ_BYTES = 65536
HOP_BY_HOP = {b"connection", b"keep-alive", b"proxy-connection", b"upgrade", b"transfer-encoding", b"te"}


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done to a response; 0 or False switches a thing off."""

    store: bool = False  # all of it first, then with a Content-Length
    collect: bool = False  # all of it first, then chunked
    hold_bytes: int = 0  # pass on only whole blocks of this size
    tick_s: float = 0.0  # pass on only when this long has passed since the last time
    first_bytes: int = 0  # nothing until this many bytes have come, then everything
    one_late: bool = False  # each write waits for the next one
    late_s: float = 0.0  # nothing for so long, then everything at its pace
    rate_bytes: int = 0  # a second
    gzip: str = ""  # "held": without a flush; "flushed"
    cut_s: float = 0.0  # end the response after so long, as if it were complete
    head_first: bool = True  # the header goes out before the body is held
    no_websocket: bool = False
    no_hint: bool = False  # takes X-Accel-Buffering out and obeys it not
    http10: bool = False  # asks the app over HTTP/1.0
    names: tuple[str, ...] = ()  # headers added to the response


class Hop:
    """One rule, many connections."""

    def __init__(self, to: int, rule: Rule) -> None:
        self._to = to
        self._rule = rule

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request."""
        far_writer: asyncio.StreamWriter | None = None
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
            upgrade = b"\r\nupgrade: websocket" in head.lower() and not self._rule.no_websocket
            far_writer.write(head if upgrade else self._request(head))
            await far_writer.drain()
            if upgrade:
                await self._tunnel(reader, writer, far_reader, far_writer)
            else:
                gone = asyncio.create_task(reader.read(1))
                answer = asyncio.create_task(self._answer(head, far_reader, writer))
                await asyncio.wait({gone, answer}, return_when=asyncio.FIRST_COMPLETED)
                for task in (gone, answer):
                    if not task.done():
                        task.cancel()
                await asyncio.gather(gone, answer, return_exceptions=True)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            for end in (far_writer, writer):
                if end is not None:
                    end.close()

    def _request(self, head: bytes) -> bytes:
        first, *lines = head[:-4].split(b"\r\n")
        if self._rule.http10:
            first = first.replace(b"HTTP/1.1", b"HTTP/1.0")
        kept = [line for line in lines if line.split(b":")[0].lower() not in HOP_BY_HOP]
        return b"\r\n".join([first, *kept, b"Connection: close", b"", b""])

    async def _tunnel(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
    ) -> None:
        async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(READ_BYTES):
                sink.write(data)
                await sink.drain()

        both = {asyncio.create_task(copy(reader, far_writer)), asyncio.create_task(copy(far_reader, writer))}
        _, rest = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()

    async def _answer(
        self, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        rule = self._rule
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head[:-4].split(b"\r\n")
        chunked = b"transfer-encoding: chunked" in head.lower()
        stream = b"/stream/" in request.split(b"\r\n")[0] and b"/stream/polling" not in request
        drop = HOP_BY_HOP | {b"content-length"} | ({b"x-accel-buffering"} if rule.no_hint else set())
        lines = [line for line in lines if line.split(b":")[0].lower() not in drop]
        lines += [name.encode() for name in rule.names]
        writes = _chunks(reader) if chunked else _until_close(reader)
        if not stream:
            body = b"".join([part async for part in writes])
            lines += [b"Content-Length: %d" % len(body), b"Connection: close"]
            writer.write(b"\r\n".join([first, *lines, b"", b""]) + body)
            await writer.drain()
            return
        offers = b"gzip" in next(
            (line for line in request.lower().split(b"\r\n") if line.startswith(b"accept-enc")), b""
        )
        if rule.gzip and offers:
            lines.append(b"Content-Encoding: gzip")
            writes = _packed(writes, flush=rule.gzip == "flushed")
        if rule.store:
            body = b"".join([part async for part in writes])
            lines += [b"Content-Length: %d" % len(body), b"Connection: close"]
            writer.write(b"\r\n".join([first.replace(b"HTTP/1.0", b"HTTP/1.1"), *lines, b"", b""]) + body)
            await writer.drain()
            return
        lines += [b"Transfer-Encoding: chunked", b"Connection: close"]
        opening = b"\r\n".join([first.replace(b"HTTP/1.0", b"HTTP/1.1"), *lines, b"", b""])
        if rule.head_first:
            writer.write(opening)
            opening = b""
        async for part in self._ruled(writes):
            if part:
                writer.write(opening + b"%x\r\n%s\r\n" % (len(part), part))
                opening = b""
                await writer.drain()
        writer.write(opening + b"0\r\n\r\n")
        await writer.drain()

    async def _ruled(self, writes: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """What the rule makes of the app's writes."""
        rule = self._rule
        begun_s = time.monotonic()
        if rule.late_s:
            queue = _queued(writes)
            await asyncio.sleep(rule.late_s)
            writes = queue
        if rule.tick_s:
            writes = _ticked(writes, rule.tick_s)
        held, passed, free_s = b"", 0, 0.0
        async for part in writes:
            if rule.cut_s and time.monotonic() - begun_s > rule.cut_s:
                return
            held += part
            if rule.collect:
                continue
            if rule.hold_bytes:
                whole = len(held) // rule.hold_bytes * rule.hold_bytes
                yield held[:whole]
                held = held[whole:]
                continue
            if rule.first_bytes and passed + len(held) < rule.first_bytes:
                continue
            if rule.one_late:
                yield held[: -len(part)]
                held = part
                continue
            if rule.rate_bytes:
                slice_bytes = max(1, rule.rate_bytes // 50)
                for at in range(0, len(held), slice_bytes):
                    some = held[at : at + slice_bytes]
                    free_s = max(free_s, time.monotonic()) + len(some) / rule.rate_bytes
                    await asyncio.sleep(max(0.0, free_s - time.monotonic()))
                    yield some
                held = b""
                continue
            passed += len(held)
            yield held
            held = b""
        if held:
            yield held


async def _until_close(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while data := await reader.read(READ_BYTES):
        yield data


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readline()).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readline()


async def _packed(writes: AsyncIterator[bytes], *, flush: bool) -> AsyncIterator[bytes]:
    pack = zlib.compressobj(6, zlib.DEFLATED, 31)
    async for part in writes:
        packed = pack.compress(part) + (pack.flush(zlib.Z_SYNC_FLUSH) if flush else b"")
        if packed:
            yield packed
    yield pack.flush()


async def _queued(writes: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same writes, read ahead from now on."""
    queue: asyncio.Queue[bytes] = asyncio.Queue()

    async def fill() -> None:
        async for part in writes:
            await queue.put(part)
        await queue.put(b"")

    filling = asyncio.create_task(fill())
    try:
        while part := await queue.get():
            yield part
    finally:
        filling.cancel()


async def _ticked(writes: AsyncIterator[bytes], tick_s: float) -> AsyncIterator[bytes]:
    """All that came since the last tick, at each tick."""
    held: list[bytes] = []
    ended = asyncio.Event()

    async def fill() -> None:
        async for part in writes:
            held.append(part)  # noqa: PERF401  # it is read meanwhile
        ended.set()

    filling = asyncio.create_task(fill())
    try:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), tick_s)
            part = b"".join(held)
            held.clear()
            yield part
    finally:
        filling.cancel()


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--to", type=int, required=True)
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--collect", action="store_true")
    parser.add_argument("--hold", type=int, default=0)
    parser.add_argument("--tick", type=float, default=0.0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--one-late", action="store_true")
    parser.add_argument("--late", type=float, default=0.0)
    parser.add_argument("--rate", type=int, default=0)
    parser.add_argument("--gzip", choices=("held", "flushed"), default="")
    parser.add_argument("--cut", type=float, default=0.0)
    parser.add_argument("--hold-head", action="store_true")
    parser.add_argument("--no-websocket", action="store_true")
    parser.add_argument("--no-hint", action="store_true")
    parser.add_argument("--http10", action="store_true")
    parser.add_argument("--name", action="append", default=[])
    asked = parser.parse_args()
    rule = Rule(
        store=asked.store,
        collect=asked.collect,
        hold_bytes=asked.hold,
        tick_s=asked.tick,
        first_bytes=asked.first,
        one_late=asked.one_late,
        late_s=asked.late,
        rate_bytes=asked.rate,
        gzip=asked.gzip,
        cut_s=asked.cut,
        head_first=not asked.hold_head,
        no_websocket=asked.no_websocket,
        no_hint=asked.no_hint,
        http10=asked.http10,
        names=tuple(asked.name),
    )

    async def serve() -> None:
        server = await asyncio.start_server(Hop(asked.to, rule).client, "127.0.0.1", asked.listen)
        async with server:
            await server.serve_forever()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())


if __name__ == "__main__":
    main()
