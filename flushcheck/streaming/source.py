"""Source and Stream: what text to send, and when.

A Source answers for any sequence number by itself, without having sent the ones before. That is why
a resumed stream, a poll answered by another worker, and a second replica all say the same, and
nothing has to be stored.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from flushcheck.model import Piece, Unit, UsageError
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.params import TYPICAL_PIECE_BYTES, Params
from flushcheck.streaming.texts import CHINESE, ENGLISH

SHIPPED: Mapping[str, str] = {"en": ENGLISH, "zh": CHINESE}

# Scripts written without spaces: Chinese and Japanese (CJK radicals to ideographs, kana, full width).
_SPACELESS = "\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef"
_CLOSING = (
    "\uff0c\u3002\uff1a\uff1b\u3001\uff01\uff1f"  # comma, full stop, colon, semicolon, list comma, ! and ?
)
_WORD = re.compile(
    rf"\s*(?:[{_SPACELESS}]{{1,2}}[{_CLOSING}]*|[^\s{_SPACELESS}]+)(?:\s+\Z)?|\s+",
)
# About what the tokenisers of language models make of prose: a leading space, then up to 4 letters.
_TOKEN = re.compile(rf"\s?[{_SPACELESS}]|\s?[^\s{_SPACELESS}]{{1,4}}|\s")
_JOINERS = ("\u200d", "\ufe0e", "\ufe0f")


@lru_cache(maxsize=64)
def split(text: str, unit: Unit) -> tuple[str, ...]:
    """Cut a text into Pieces' texts. Joined again they are the text, to the last character.

    A character with its combining marks, its variation selector or its joined emoji stays whole.
    """
    if unit is Unit.WORD:
        return tuple(_WORD.findall(text))
    clusters = _clusters(text)
    if unit is Unit.CHAR:
        return tuple(clusters)
    pieces = _TOKEN.findall(text)
    # A mark torn off by the token's length goes back to its character.
    whole: list[str] = []
    for piece in pieces:
        if whole and _continues(piece[0], whole[-1]):
            whole[-1] += piece
        else:
            whole.append(piece)
    return tuple(whole)


def _clusters(text: str) -> list[str]:
    clusters: list[str] = []
    for char in text:
        if clusters and _continues(char, clusters[-1]):
            clusters[-1] += char
        else:
            clusters.append(char)
    return clusters


def _continues(char: str, before: str) -> bool:
    return bool(unicodedata.combining(char)) or char in _JOINERS or before.endswith("\u200d")


@dataclass(frozen=True, slots=True)
class Source:
    """What text to send and when: Pieces `start` to `count - 1` of a text that repeats."""

    units: tuple[str, ...]
    count: int
    start: int
    interval_s: float
    jitter_s: float
    size_bytes: int
    spread_bytes: int = 0

    def piece(self, seq: int) -> Piece:
        """The Piece with this number. Its time counts from the moment the stream (re)starts."""
        return Piece(seq, self.at_s(seq), self.text(seq))

    def text(self, seq: int) -> str:
        """What that Piece says."""
        text = self.units[seq % len(self.units)]
        return self._fill(text, seq) if self.size_bytes else text

    def at_s(self, seq: int) -> float:
        """When it is due, in seconds since the moment the stream (re)starts."""
        at_s = (seq - self.start) * self.interval_s
        return at_s + self._late_s(seq) - self._late_s(self.start) if self.jitter_s else at_s

    def pieces(self) -> Iterator[Piece]:
        """All Pieces from the resume point on, by ascending `at_s`."""
        return map(self.piece, range(self.start, self.count))

    def _late_s(self, seq: int) -> float:
        # Drawn from the number alone: any worker that resumes the stream finds the same schedule.
        return random.Random(seq).random() * self.jitter_s

    def _fill(self, text: str, seq: int) -> str:
        """Bring the text to its size, with words of the same text, never inside one character.

        Size and words are drawn from the number. A text that only repeats itself would vanish in a
        compressor, and hide from the reader how much of it a buffer really holds; Pieces of one size
        would make a timer's groups look like a buffer's.
        """
        draw = random.Random(seq)
        wanted = self.size_bytes + round(self.spread_bytes * (draw.random() - 0.5))
        while (size := len(text.encode())) < wanted:
            # Many words at a time: one by one, 64 KiB took 9 ms, in which no other stream could move.
            text += "".join(draw.choices(self.units, k=1 + (wanted - size) // TYPICAL_PIECE_BYTES))
        cut = text.encode()[:wanted].decode(errors="ignore")
        return cut + "." * (wanted - len(cut.encode()))


def source(params: Params, *, own_text: str, limits: Limits) -> Source:
    """The Source that the parameters ask for.

    Args:
        params: as parsed; a count of 0 means the text once.
        own_text: the text given at start, "" if none was.
        limits: the bounds in force: a text given at start may be longer than a stream may last.

    Raises:
        UsageError: `text=file` without such a text, a resume point behind the end, or more bytes than
            one stream may have.
    """
    text = params.message or own_text if params.text == "file" or params.message else SHIPPED[params.text]
    if not text:
        raise UsageError("text=file: no file was given at start; expected en or zh, for example text=en")
    units = split(text, params.unit)
    count = params.count or _once(len(units), params, limits)
    _check_size(params, text, len(units), limits)
    if params.start >= count:
        raise UsageError(f"start={params.start}: expected 0 to {count - 1}, for example start={count // 2}")
    return Source(
        units, count, params.start, params.interval_s, params.jitter_s, params.size_bytes, params.spread_bytes
    )


def _check_size(params: Params, text: str, pieces: int, limits: Limits) -> None:
    """Refuse a text whose own Pieces are so long that its repetitions are too much.

    `params.check` cannot know: it sees the parameters, not the text.

    Raises:
        UsageError: there would be more bytes than one stream may have.
    """
    whole = len(text.encode())
    if not params.size_bytes and params.count * whole > limits.max_stream_bytes * pieces:
        most = max(1, limits.max_stream_bytes * pieces // whole)
        raise UsageError(
            f"count={params.count} of this text makes {params.count * whole // pieces} bytes: "
            f"expected at most {limits.max_stream_bytes}, for example count={most}"
        )


def _once(pieces: int, params: Params, limits: Limits) -> int:
    """How many Pieces "the text once" makes, within what one stream may be."""
    most = limits.max_count
    if params.interval_s:
        most = min(most, int(limits.max_duration_s / params.interval_s))
    if params.size_bytes:
        most = min(most, limits.max_stream_bytes // params.size_bytes)
    return max(1, min(pieces, most))


def resumed(wanted: Source, last_seq: int) -> Source | None:
    """The same Source from behind the Piece that the client had last; None if nothing is left."""
    if last_seq + 1 >= wanted.count:
        return None
    return replace(wanted, start=max(0, last_seq + 1))
