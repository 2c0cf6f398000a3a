"""A FrameSchedule behind a pretended hold: what goes out, and when. See `streaming.pretend`.

Such a stream always takes the plain path, on every app server: it is there to be looked at, and the engine
stays as it is for all others.
"""

from __future__ import annotations

import math

from flushcheck.service.serving.frame_schedule import FrameSchedule, StreamProgress
from flushcheck.streaming.pretend import Pretend, hold


class PretendedSchedule:
    """One stream's bytes, each when the hold lets go of it. See `frame_schedule.Frames`."""

    def __init__(self, frames: FrameSchedule, pretend: Pretend) -> None:
        """Begin with the first `next_frame`.

        Args:
            frames: what the app sends, and when. Nothing was taken of it.
            pretend: by which rule it is held.
        """
        self._frames = frames
        self._hold = hold(pretend)
        self._cut_after_s = pretend.cut_s or math.inf
        self._cut_s = math.nan  # the moment; not a number until the stream has begun
        self.progress: StreamProgress = frames.progress
        self.next_due_s = 0.0
        self.finished = False
        self.is_cut = False

    def next_frame(self, now_s: float) -> bytes:
        """What the hold lets go of now; b"" for nothing. At most one frame is taken each time."""
        if math.isnan(self._cut_s):
            self._cut_s = now_s + self._cut_after_s
        if now_s >= self._cut_s:
            self.finished = self.is_cut = True
            return b""
        data = self._hold.release(now_s) + self._hold.take(self._frames.next_frame(now_s), now_s)
        if self._frames.finished:
            self.finished = True
            data += self._hold.finish()
        self.next_due_s = min(self._frames.next_due_s, self._hold.due_s, self._cut_s)
        return data

    def abort(self) -> bytes:
        """Finish before the end; all that is held."""
        self.finished = True
        return self._hold.take(self._frames.abort(), math.inf) + self._hold.finish()
