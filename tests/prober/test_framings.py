"""Pieces are seen on time in every framing and every encoding, under gevent too."""

import gzip
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import brotli
import pytest
import zstandard

from flushcheck.measurement.timing import measure
from flushcheck.model import Arrival, Flow, Observation, Outcome, Probe, Transport
from flushcheck.prober import observe
from tests.prober.peers import (
    CHUNKED,
    OK,
    PATIENCE_S,
    Client,
    Script,
    end,
    piece,
    scripted_server,
)

ROOT = Path(__file__).resolve().parents[2]

STREAM = Probe(Transport.CHUNKED)
COUNT, INTERVAL_S = 8, 0.05


class Deflate:
    """zlib's three formats, flushed after each write."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.compressobj(wbits=wbits)

    def __call__(self, data: bytes) -> bytes:
        return self._inner.compress(data) + self._inner.flush(zlib.Z_SYNC_FLUSH)


def flushing_brotli() -> Callable[[bytes], bytes]:
    inner = brotli.Compressor()
    return lambda data: bytes(inner.process(data) + inner.flush())


def flushing_zstd() -> Callable[[bytes], bytes]:
    inner = zstandard.ZstdCompressor().compressobj()
    return lambda data: inner.compress(data) + inner.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


def both() -> Callable[[bytes], bytes]:
    first, second = Deflate(31), flushing_brotli()
    return lambda data: second(first(data))


MEMBERS = "gzip, a member each"
ENCODINGS: dict[str, Callable[[], Callable[[bytes], bytes]]] = {
    "identity": lambda: lambda data: data,
    "gzip": lambda: Deflate(31),
    "deflate": lambda: Deflate(15),
    "deflate, bare": lambda: Deflate(-15),
    MEMBERS: lambda: gzip.compress,
    "br": flushing_brotli,
    "zstd": flushing_zstd,
    "gzip and br": both,
}
HEADER = {"deflate, bare": "deflate", MEMBERS: "gzip", "gzip and br": "gzip, br"}
FRAMINGS = ("chunked", "length", "close")


def paced(framing: str, encoding: str, sent_s: list[float]) -> Script:
    """A stream on time, each piece when the one before has been read.

    Args:
        framing: how the body ends.
        encoding: how it is compressed.
        sent_s: gets the moment at which each piece was really sent, from the first one.
    """
    # The length must be known before: so the texts are, and the offsets are those planned.
    encode = ENCODINGS[encoding]()
    parts = [encode(piece(seq, seq * INTERVAL_S)) for seq in range(COUNT)]
    parts[-1] += encode(end(COUNT))
    size = sum(map(len, parts))
    extra = {"chunked": "Transfer-Encoding: chunked", "length": f"Content-Length: {size}", "close": "X: y"}

    def script(client: Client) -> None:
        head = f"Content-Encoding: {HEADER.get(encoding, encoding)}\r\n{extra[framing]}\r\n\r\n"
        client.send(OK + head.encode())
        for seq, at_s in client.paced(COUNT, INTERVAL_S):
            sent_s.append(at_s)
            (client.chunk if framing == "chunked" else client.send)(parts[seq])
        if framing == "chunked":
            client.chunk(b"")

    return script


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_gzip_member_for_each_piece_ends_with_the_first_one_as_in_browsers(framing):
    with scripted_server(paced(framing, MEMBERS, [])) as url:
        observation = observe(STREAM, url, timeout_s=PATIENCE_S)
    assert (observation.outcome, len(observation.pieces)) == (Outcome.CUT, 1)
    assert observation.unread_bytes > 0


def sent_so(observation: Observation, sent_s: list[float]) -> Observation:
    """The same with the moments at which a busy machine really sent the pieces."""

    def real(arrival: Arrival) -> Arrival:
        return replace(
            arrival, pieces=tuple(replace(piece, sent_s=sent_s[piece.seq]) for piece in arrival.pieces)
        )

    return replace(observation, arrivals=tuple(map(real, observation.arrivals)))


@pytest.mark.parametrize("framing", FRAMINGS)
def test_pieces_are_seen_on_time_in_every_encoding(framing):
    def observe_encoding(encoding: str) -> Observation:
        sent_s: list[float] = []
        with scripted_server(paced(framing, encoding, sent_s)) as url:
            return sent_so(observe(STREAM, url, timeout_s=PATIENCE_S), sent_s)

    whole = [name for name in ENCODINGS if name != MEMBERS]
    with ThreadPoolExecutor(len(whole)) as pool:
        seen = dict(zip(whole, pool.map(observe_encoding, whole), strict=True))
    assert {
        name: (observation.outcome, observation.detail) for name, observation in seen.items()
    } == dict.fromkeys(whole, (Outcome.COMPLETE, ""))
    assert {name: measure(observation).flow for name, observation in seen.items()} == dict.fromkeys(
        whole, Flow.FLOWING
    )
    text_bytes = sum(len(piece(seq, seq * INTERVAL_S)) for seq in range(COUNT)) + len(end(COUNT))
    for observation in seen.values():
        assert [len(arrival.pieces) for arrival in observation.arrivals if arrival.pieces] == [1] * COUNT
        assert sum(arrival.text_bytes for arrival in observation.arrivals) == text_bytes


def test_a_burst_is_one_arrival_and_the_moment_is_that_of_its_read():
    def script(client: Client) -> None:
        client.send(CHUNKED)
        client.wait_until_read()
        burst = b"".join(b"%x\r\n%b\r\n" % (len(line), line) for line in map(piece, range(20)))
        client.send(burst)
        client.wait_until_read()
        time.sleep(0.2)
        client.chunk(end(20))
        client.chunk(b"")

    with scripted_server(script) as url:
        seen = observe(STREAM, url, timeout_s=PATIENCE_S)
    assert seen.outcome is Outcome.COMPLETE
    assert [len(arrival.pieces) for arrival in seen.arrivals if arrival.pieces] == [20]
    assert seen.arrivals[-1].at_s - seen.arrivals[0].at_s >= 0.04


GEVENT = """
from gevent import monkey
monkey.patch_all()
import sys
from flushcheck.model import Probe, Transport
from flushcheck.prober import observe_all
seen = observe_all([Probe(Transport.CHUNKED, run=run) for run in range(4)], sys.argv[1], timeout_s=40)
print([item.outcome.value for item in seen], sum(len(item.pieces) for item in seen))
"""


def test_it_works_under_gevent_as_the_service_runs_it():
    with scripted_server(paced("chunked", "gzip", [])) as url:
        command = [sys.executable, "-c", GEVENT, url]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.stdout == f"{['complete'] * 4} {4 * COUNT}\n"
