"""Where one record of a stream ends and the next begins: bytes in, Frames out. Nothing here knows what they
mean.

`frame.py` has the values, `sniff.py` finds the framing by the first bytes, and each framing has one parser.
A parser is fed bytes cut anywhere, gives a frame out with the byte that completes it, and keeps at most
`MAX_PENDING_BYTES` of an incomplete one. What the frames mean is in `watching.formats`.
"""

from __future__ import annotations

from flushcheck.watching.framing.aws_events import AwsFrames
from flushcheck.watching.framing.event_frames import EventFrames
from flushcheck.watching.framing.frame import FrameParser, Framing
from flushcheck.watching.framing.json_array import ArrayFrames
from flushcheck.watching.framing.json_lines import LineFrames
from flushcheck.watching.framing.json_sequence import SequenceFrames
from flushcheck.watching.framing.multipart import PartFrames
from flushcheck.watching.framing.plain import PlainFrames

_PARSERS: dict[Framing, type[FrameParser]] = {
    Framing.EVENTS: EventFrames,
    Framing.LINES: LineFrames,
    Framing.VALUES: LineFrames,
    Framing.SEQUENCE: SequenceFrames,
    Framing.ARRAY: ArrayFrames,
    Framing.PARTS: PartFrames,
    Framing.AWS: AwsFrames,
    Framing.PLAIN: PlainFrames,
}


def frame_parser(framing: Framing) -> FrameParser:
    """Return a new parser of this framing."""
    return _PARSERS[framing]()
