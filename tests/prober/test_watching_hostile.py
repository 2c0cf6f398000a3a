"""Watching peers that send without end, or little that becomes much: a clear outcome, in time and bounded memory.

What else a peer may do over HTTP/1.1 is in test_watching.py; HTTP/2 has the same client as a diagnosis, so a few of the rows
of test_http2_hostile.py show that it serves a watched stream too.
"""

from __future__ import annotations

import gzip
import time
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from flushcheck.model import Observation, Outcome
from flushcheck.prober.watch_request import watch_request
from flushcheck.prober.watching import watch
from tests.prober import test_http2_hostile
from tests.prober.http2_peers import DATA, END_HEADERS, HEADERS, frame
from tests.prober.peers import CHUNKED, Client, scripted_server

pytestmark = pytest.mark.usefixtures("trusted", "patient")

TIMEOUT_S = 3.0
MAX_TOOK_S = 12.0
MAX_MEMORY = 64 * 1024 * 1024
SPACES = bytes(40_000_000)
TEN_GB = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 10000000000\r\n\r\n"


def once(encoding: str, body: bytes) -> Callable[[Client], None]:
    """Send one chunk with this encoding."""

    def script(client: Client) -> None:
        client.send(CHUNKED.replace(b"Transfer", f"Content-Encoding: {encoding}\r\nTransfer".encode()))
        client.chunk(body)
        client.send(b"0\r\n\r\n")

    return script


def ten_gigabytes(client: Client) -> None:
    client.send(TEN_GB)
    while True:
        client.send(b"data: x\n\n" + b": " + b" " * 60_000 + b"\n\n")


def one_event_without_end(client: Client) -> None:
    client.send(CHUNKED.replace(b"text/plain", b"text/event-stream"))
    while True:
        client.chunk(b"data: " + b"x" * 60_000 + b"\n")


PEERS = [
    # name,                    script,                                                         outcome,         words
    ("a gzip bomb",            once("gzip", gzip.compress(SPACES, 1)),                         Outcome.CUT,     "8 MiB of text"),
    ("a deflate bomb",         once("deflate", zlib.compress(SPACES, 1)),                      Outcome.CUT,     "8 MiB of text"),
    ("a br bomb",              once("br", brotli.compress(SPACES, quality=1)),                 Outcome.CUT,     "8 MiB of text"),
    ("a zstd bomb",            once("zstd", zstandard.compress(SPACES)),                       Outcome.CUT,     "8 MiB of text"),
    ("a bomb inside a bomb",   once("gzip, gzip", gzip.compress(gzip.compress(SPACES, 1), 1)), Outcome.CUT,     "8 MiB of text"),
    ("a body of 10 GB",        ten_gigabytes,                                                  Outcome.STOPPED, "8 MiB"),
    ("one event without end",  one_event_without_end,                                          Outcome.STOPPED, "8 MiB"),
]  # fmt: skip


def follow(url: str) -> tuple[Observation, float, int]:
    """Watch once; return the Observation, the seconds that it took, and the memory at its peak."""
    tracemalloc.start()
    began = time.monotonic()
    try:
        (seen,) = watch(watch_request(url), timeout_s=TIMEOUT_S).observations
        return seen, time.monotonic() - began, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def check(seen: Observation, took_s: float, memory_bytes: int, outcome: Outcome, words: str) -> None:
    # A busy machine may reach the end of the time before the limit of bytes.
    in_time = seen.outcome is Outcome.STOPPED and "did not end within" in seen.detail
    assert in_time or (seen.outcome, words in seen.detail) == (outcome, True), seen.detail
    assert seen.detail.isprintable()
    assert took_s < MAX_TOOK_S
    assert memory_bytes < MAX_MEMORY


@pytest.mark.parametrize(("name", "script", "outcome", "words"), PEERS, ids=[row[0] for row in PEERS])
def test_much_is_stopped_at_a_limit(name, script, outcome, words):
    with scripted_server(script) as url:
        check(*follow(url), outcome, words)


OVER_HTTP2 = ("a PING flood", "large CONTINUATION", "an HPACK bomb", "interim responses", "silence")
ROWS = [row for row in test_http2_hostile.ROWS if row[0] in OVER_HTTP2]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_watched_stream_over_http_2_is_as_bounded(row, speaks_http2):
    with scripted_server(speaks_http2(row[1]), read_first=False) as url:
        seen, took_s, memory_bytes = follow(url.replace("http:", "https:"))
    # A busy machine may reach the end of the time before the limit of frames.
    assert seen.outcome in (row[2], Outcome.STOPPED, Outcome.TIMEOUT), seen.detail
    assert seen.detail
    assert seen.detail.isprintable()
    assert took_s < MAX_TOOK_S
    assert memory_bytes < MAX_MEMORY


def test_a_bomb_over_http_2_is_stopped_at_the_limit(speaks_http2):
    bomb = gzip.compress(SPACES, 1)
    encoded = b"\x88\x0f\x0b\x04gzip"  # HPACK: ":status: 200", "content-encoding: gzip"
    parts = [bomb[at : at + 16_000] for at in range(0, min(len(bomb), 60_000), 16_000)]
    script = test_http2_hostile.instead(
        frame(HEADERS, END_HEADERS, 1, encoded), *(frame(DATA, 0, 1, part) for part in parts)
    )
    with scripted_server(speaks_http2(script), read_first=False) as url:
        check(*follow(url.replace("http:", "https:")), Outcome.CUT, "8 MiB of text")
