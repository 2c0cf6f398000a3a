"""The output of the one-line curl command, as Observations: the other end of `reports.oneliner`.

The body is a series of reads. Each begins with a line of its own, `@<seconds> <bytes>`, with the moment it
returned, and then has exactly that many bytes, as `curl -i` wrote them: status line, header, blank line,
content. Several responses follow one another; their order tells the Probe of each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flushcheck.model import (
    Arrival,
    EndRecord,
    Observation,
    Outcome,
    Piece,
    Probe,
    ReceivedPiece,
    Run,
    UsageError,
)
from flushcheck.streaming.transports import Malformed, decoder

_STAMP = re.compile(rb"\n?@([0-9]{1,6}\.[0-9]{1,6}) ([0-9]{1,7})\n")
_STATUS = re.compile(rb"HTTP/([0-9](?:\.[0-9])?) ([0-9]{3})[^\r\n]*\r?\n")
_BLANK = re.compile(rb"\r?\n\r?\n")

EXAMPLE = '"@0.0123 17" on a line of its own, then 17 bytes as curl -i wrote them'


@dataclass(frozen=True, slots=True)
class Read:
    """One read of the shell: when it returned, and its bytes."""

    at_s: float
    data: bytes


def read(body: bytes, *, probes: Sequence[Probe], target: str) -> Run:
    """Turn the series of reads into a Run.

    Args:
        body: as described above.
        probes: what was requested, in order.
        target: the address that was tested.

    Raises:
        UsageError: the body is no such series, or has more responses than there are Probes.
    """
    responses = list(_responses(_reads(body)))
    if not responses:
        raise UsageError(f"the body has no HTTP response: expected {EXAMPLE}")
    if len(responses) > len(probes):
        raise UsageError(f"the body has {len(responses)} responses: expected at most {len(probes)}")
    begun_s, observations = 0.0, []
    for probe, response in zip(probes, responses, strict=False):
        observations.append(_observe(probe, response, begun_s))
        begun_s = response[-1].at_s  # curl requests the next one when it has the last byte
    return Run(target, tuple(observations), tool="curl")


def _reads(body: bytes) -> list[Read]:
    reads: list[Read] = []
    at = 0
    while at < len(body):
        stamp = _STAMP.match(body, at)
        if stamp is None:
            # The shell may end the series with a newline of its own.
            if not body[at:].strip():
                break
            raise UsageError(f"byte {at} of the body is {body[at : at + 20]!r}: expected {EXAMPLE}")
        size = int(stamp[2])
        data = body[stamp.end() : stamp.end() + size]
        if len(data) < size:
            raise UsageError(f"the body ends {size - len(data)} bytes early: expected {EXAMPLE}")
        reads.append(Read(float(stamp[1]), data))
        at = stamp.end() + size
    return reads


def _responses(reads: Iterable[Read]) -> Iterable[list[Read]]:
    """The reads of one response after the other; a read that has the end of one and the next is cut there."""
    response: list[Read] = []
    for part in reads:
        starts = [found.start() for found in _STATUS.finditer(part.data)]
        for start, stop in zip([0, *starts], [*starts, len(part.data)], strict=True):
            if start in starts and response:
                yield response
                response = []
            if start < stop:
                response.append(Read(part.at_s, part.data[start:stop]))
    if response:
        yield response


def _observe(probe: Probe, response: list[Read], begun_s: float) -> Observation:
    whole = b"".join(part.data for part in response)
    status = _STATUS.match(whole)
    blank = _BLANK.search(whole)
    if status is None or blank is None:
        shown = whole[:80].decode(errors="replace")
        return Observation(probe, Outcome.REFUSED, detail=f"no HTTP header arrived: {shown!r}")
    headers = tuple(
        (name.strip().lower(), value.strip())
        for name, colon, value in (
            line.partition(":") for line in whole[status.end() : blank.start()].decode("latin-1").splitlines()
        )
        if colon
    )
    ended_s = response[-1].at_s - begun_s
    arrivals: list[Arrival] = []
    end: EndRecord | None = None
    records = decoder(probe.transport)
    headers_s, skip = 0.0, blank.end()
    detail = ""
    for part in response:
        at_s = max(0.0, part.at_s - begun_s)
        content = part.data[skip:]
        skip = max(0, skip - len(part.data))
        if not content:
            headers_s = at_s
            continue
        headers_s = headers_s or at_s
        try:
            found = records.feed(content)
        except Malformed as error:
            detail = str(error)
            break
        end = next((record for record in found if isinstance(record, EndRecord)), end)
        pieces = tuple(
            ReceivedPiece(piece.seq, piece.at_s, len(piece.text.encode()))
            for piece in found
            if isinstance(piece, Piece)
        )
        arrivals.append(Arrival(at_s, len(content), len(content), pieces))
    received = sum(len(arrival.pieces) for arrival in arrivals)
    return Observation(
        probe,
        _outcome(detail, end, received),
        detail=detail or ("" if end else "the response ended before the stream did"),
        status=int(status[2]),
        http_version=status[1].decode(),
        headers=headers,
        headers_s=headers_s,
        ended_s=ended_s,
        arrivals=tuple(arrivals),
        end=end,
        request_at_app=end.request_at_app if end else None,
    )


def _outcome(detail: str, end: EndRecord | None, received: int) -> Outcome:
    if detail:
        return Outcome.REFUSED
    return Outcome.COMPLETE if end is not None and end.count == received else Outcome.CUT
