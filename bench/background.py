"""Streams in the background of something else: `python -m bench.background PORT COUNT`, until it is ended."""

from __future__ import annotations

import os
import sys
import time

from bench.client import Crowd, path


def main(port: int, count: int) -> None:
    """Read this many streams until the parent process ends."""
    crowd, parent = Crowd(port), os.getppid()
    crowd.ramp(path("chunked", count=5000, interval_s=0.1), count, 4 * count / 500)
    while os.getppid() == parent:
        crowd.read_until(time.monotonic() + 1.0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
