"""Every number a visitor or an operator may choose, with its bounds: the one place to look.

`Limits` is what the operator sets (from the environment, once, at start); `params` bounds what a
visitor asks for by it. Nothing else in flushcheck reads the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from flushcheck.core.model import UsageError

PREFIX = "FLUSHCHECK_"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the service allows. Each field is set by `FLUSHCHECK_<FIELD IN CAPITALS>`."""

    max_count: int = 100_000  # Pieces in one stream
    max_interval_s: float = 300.0  # between two Pieces: the longest silence that --idle can try
    max_duration_s: float = 600.0  # of one stream, as planned
    max_size_bytes: int = 65_536  # of one Piece
    max_stream_bytes: int = 64 * 1024 * 1024  # of one stream, as planned
    max_pad_bytes: int = 65_536  # of prelude
    max_say_bytes: int = 2_000  # of a text given in the request
    max_streams: int = 900  # open at once in one process; gunicorn's worker_connections is 1000
    max_message_bytes: int = 4_096  # of one WebSocket message from the client
    max_judge_bytes: int = 4 * 1024 * 1024  # of a body to /diagnostics/judge
    max_check_bytes: int = 128 * 1024  # of a configuration file to /check; Debian's php.ini has 72 KB
    max_self_probes: int = 2  # runs of /diagnostics in one process at once
    heartbeat_s: float = 15.0  # of silence, then an SSE comment
    retry_s: float = 2.0  # that an EventSource waits before it connects again
    text_file: str = ""  # path of a text to serve as text=file
    public_url: str = ""  # where visitors reach this service, for its own outside probes
    loopback_url: str = ""  # where it reaches itself, if not at the port it listens on

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Limits:
        """Read the settings; what is not set keeps its default.

        Raises:
            UsageError: a value is not a number, or not above 0, or a URL is not http(s).
        """
        chosen: dict[str, int | float | str] = {}
        for field in fields(cls):
            name = PREFIX + field.name.upper()
            if name in environ:
                chosen[field.name] = _parse(name, environ[name], field.default)
        return cls(**chosen)  # type: ignore[arg-type]  # checked field by field above


def _parse(name: str, raw: str, default: object) -> int | float | str:
    if isinstance(default, str):
        if name.endswith("_URL") and not raw.startswith(("http://", "https://")):
            raise UsageError(f"{name}={raw}: expected an address, for example https://example.org")
        return raw
    kind: type[int] | type[float] = int if isinstance(default, int) else float
    try:
        number = kind(raw)
    except ValueError:
        number = kind(0)
    if not 0 < number < float("inf"):
        raise UsageError(f"{name}={raw}: expected a number above 0, for example {name}={default}")
    return number
