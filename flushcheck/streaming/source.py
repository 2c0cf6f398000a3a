"""What text a stream sends, and when.

A Source computes any piece from its number alone, without the pieces before it. So a resumed stream, a poll
that another worker receives, and a second replica all send the same, and nothing is stored.
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
# Close to the tokens of language models: a leading space, then up to 4 letters.
_TOKEN = re.compile(rf"\s?[{_SPACELESS}]|\s?[^\s{_SPACELESS}]{{1,4}}|\s")

# What extends the character before it, besides marks: the joiner, emoji skin tones, tags of regional flags.
_JOINER = "\u200d"
_EXTENDERS = frozenset(map(chr, (0x200D, *range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080))))
_REGIONAL_INDICATORS = "".join(map(chr, range(0x1F1E6, 0x1F200)))


@lru_cache(maxsize=64)
def split(text: str, unit: Unit) -> tuple[str, ...]:
    """Cut a text into the texts of pieces. Joined again they are the text, to the last character.

    No cut goes through a character as a reader sees it: a letter with its marks, an emoji with its variation
    selector or skin tone, emoji joined by U+200D, a flag. These are the rules GB9, GB9a and GB11 to GB13 of
    UAX 29, without its table of pictographs: U+200D joins any two characters but spaces. Hangul is only cut
    right if it is composed (NFC).
    """
    parts = list(text) if unit is Unit.CHAR else (_WORD if unit is Unit.WORD else _TOKEN).findall(text)
    pieces: list[str] = []
    for part in parts:
        if pieces and _continues(part[0], pieces[-1]):
            pieces[-1] += part
        else:
            pieces.append(part)
    return tuple(pieces)


def _continues(char: str, before: str) -> bool:
    """Whether `char` belongs to the last character of `before`."""
    if before.endswith(_JOINER):
        return not char.isspace()
    if char < "\u0300":  # the first mark: ASCII and Latin-1 text is decided here
        return False
    if unicodedata.category(char).startswith("M") or char in _EXTENDERS:
        return True
    # Two regional indicators make a flag; a third starts the next one.
    indicators = len(before) - len(before.rstrip(_REGIONAL_INDICATORS))
    return char in _REGIONAL_INDICATORS and indicators % 2 == 1


@dataclass(frozen=True, slots=True)
class Source:
    """The pieces `start` to `count - 1` of a repeated text, each with its time."""

    units: tuple[str, ...]
    count: int
    start: int
    interval_s: float
    jitter_s: float
    size_bytes: int
    spread_bytes: int = 0

    def piece(self, seq: int) -> Piece:
        """The piece with this number. Its time counts from the (re)start of the stream."""
        return Piece(seq, self.at_s(seq), self.text(seq))

    def text(self, seq: int) -> str:
        """The text of that piece."""
        text = self.units[seq % len(self.units)]
        return self._fill(text, seq) if self.size_bytes else text

    def at_s(self, seq: int) -> float:
        """When that piece is due, in seconds since the (re)start of the stream."""
        at_s = (seq - self.start) * self.interval_s
        return at_s + self._late_s(seq) - self._late_s(self.start) if self.jitter_s else at_s

    def pieces(self) -> Iterator[Piece]:
        """All pieces from `start` on, by ascending `at_s`."""
        return map(self.piece, range(self.start, self.count))

    def _late_s(self, seq: int) -> float:
        # Drawn from the number alone: any worker that resumes the stream computes the same schedule.
        return random.Random(seq).random() * self.jitter_s

    def _fill(self, text: str, seq: int) -> str:
        """Bring the text to its size with words of the same text, without cutting a character.

        Size and words are drawn from the number. A text that repeats itself compresses to almost nothing,
        which would hide how much of it a buffer holds. With pieces of one size, the groups of a timer would
        look like those of a buffer.
        """
        draw = random.Random(seq)
        target = self.size_bytes + round(self.spread_bytes * (draw.random() - 0.5))
        while (size := len(text.encode())) < target:
            # Many words at a time: one at a time, 64 KiB took 9 ms, during which no other stream moved.
            text += "".join(draw.choices(self.units, k=1 + (target - size) // TYPICAL_PIECE_BYTES))
        cut = text.encode()[:target].decode(errors="ignore")
        return cut + "." * (target - len(cut.encode()))


def source(params: Params, *, own_text: str, limits: Limits) -> Source:
    """The Source for these parameters.

    Args:
        params: as parsed; a count of 0 means the text once.
        own_text: the text of FLUSHCHECK_TEXT_FILE; "" if that is not set.
        limits: the limits in force: the text of that file may be longer than a stream may last.

    Raises:
        UsageError: `text=file` without a text file, `start` behind the end, or more bytes than one stream
            may have.
    """
    text = params.message or own_text if params.text == "file" or params.message else SHIPPED[params.text]
    if not text:
        raise UsageError(
            "text=file: the service has no FLUSHCHECK_TEXT_FILE; expected en or zh, for example text=en"
        )
    units = split(text, params.unit)
    count = params.count or _once(len(units), params, limits)
    _check_size(params, text, len(units), limits)
    if params.start >= count:
        raise UsageError(f"start={params.start}: expected 0 to {count - 1}, for example start={count // 2}")
    return Source(
        units, count, params.start, params.interval_s, params.jitter_s, params.size_bytes, params.spread_bytes
    )


def _check_size(params: Params, text: str, pieces: int, limits: Limits) -> None:
    """Refuse a text whose repetitions are too large for one stream.

    `params.check` cannot do this: it sees the parameters, not the text.

    Raises:
        UsageError: the stream would have more bytes than allowed.
    """
    text_bytes = len(text.encode())
    if not params.size_bytes and params.count * text_bytes > limits.max_stream_bytes * pieces:
        maximum = max(1, limits.max_stream_bytes * pieces // text_bytes)
        raise UsageError(
            f"count={params.count} of this text makes {params.count * text_bytes // pieces} bytes: "
            f"expected at most {limits.max_stream_bytes}, for example count={maximum}"
        )


def _once(pieces: int, params: Params, limits: Limits) -> int:
    """The number of pieces in the text once, within the limits of one stream."""
    maximum = limits.max_count
    if params.interval_s:
        maximum = min(maximum, int(limits.max_duration_s / params.interval_s))
    if params.size_bytes:
        maximum = min(maximum, limits.max_stream_bytes // params.size_bytes)
    return max(1, min(pieces, maximum))


def resumed(whole: Source, last_seq: int) -> Source | None:
    """The same Source after the last piece that the client has; None if nothing is left."""
    if last_seq + 1 >= whole.count:
        return None
    return replace(whole, start=max(0, last_seq + 1))
