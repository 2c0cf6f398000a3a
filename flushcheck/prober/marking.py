"""What ties a run to the access logs of its path: a marker in each request, and when and where it was made.

The marker is a header of its own, and the beginning of the nonce that each probe has in its query anyway: the
addresses are as long and as different as without it. A request of the user's own keeps its address. Caches do
not choose by X-Request-ID, and a caller's own header of that name takes its place.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from secrets import token_hex

from flushcheck.model import Run
from flushcheck.prober.target import MARKER_HEADER, ConnectionOptions

MARKER_BYTES = 4
NONCE_BYTES = 8


def marked(options: ConnectionOptions) -> ConnectionOptions:
    """The options of one run, with a fresh marker unless they have one."""
    return options if options.marker else replace(options, marker=token_hex(MARKER_BYTES))


def nonce(options: ConnectionOptions) -> str:
    """What makes a request an address of its own; begins with the marker."""
    return options.marker + token_hex(NONCE_BYTES - len(options.marker) // 2)


@dataclass(frozen=True, slots=True)
class Beginning:
    """The moment in which a run began."""

    at: str  # UTC
    moment: float  # on time.monotonic()

    def complete(self, run: Run, options: ConnectionOptions, observer: str = "") -> Run:
        """The run with its time, its observer and its marker."""
        names = (*(name for name, _ in options.headers), *options.removed_headers)
        is_replaced = MARKER_HEADER.lower() in map(str.lower, names)
        return replace(
            run,
            began_at=self.at,
            took_s=round(time.monotonic() - self.moment, 3),
            observer=observer,
            marker="" if is_replaced else options.marker,
        )


def begin() -> Beginning:
    """Now."""
    return Beginning(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), time.monotonic())
