"""Every number a visitor or an operator may choose, with its bounds: the one place to look.

`Limits` is what the operator sets (from the environment, once, at start); `params` bounds what a
visitor asks for by it. Nothing else in flushcheck reads the environment.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields

from flushcheck.model import UsageError

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
    max_streams: int = 900  # open at once in one process; deploy/gunicorn.conf.py makes room for as many
    max_streams_per_client: int = 0  # of them for one address; 0: a third, on the loopback any number
    max_message_bytes: int = 4_096  # of one WebSocket message from the client
    max_judge_bytes: int = 1024 * 1024  # of a body to /diagnostics/judge
    max_check_bytes: int = 128 * 1024  # of a configuration file to /check; Debian's php.ini has 72 KB
    max_self_probes: int = 2  # runs of /diagnostics in one process at once
    body_timeout_s: float = 20.0  # that a request's body may take to come
    stall_s: float = 30.0  # that a reader may take nothing, then it is dropped
    heartbeat_s: float = 15.0  # of silence, then an SSE comment
    retry_s: float = 2.0  # that an EventSource waits before it connects again
    text_file: str = ""  # path of a text to serve as text=file
    public_url: str = ""  # where visitors reach this service, for its own outside probes
    loopback_url: str = ""  # where it reaches itself, if not at the port it listens on
    trusted_proxies: int = 0  # in front, each adding to X-Forwarded-For; while 0 that header is not believed
    trusted_hosts: str = ""  # names that the Host header may have, with commas; while empty any
    websocket_origins: str = ""  # pages that may open a WebSocket besides this site's, with commas; * for all
    metrics_token: str = ""  # the bearer token that /metrics wants; while empty only this network is answered
    metrics_folder: str = ""  # where worker processes share their counts; deploy/gunicorn.conf.py makes one

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Limits:
        """Read the settings; what is not set keeps its default.

        Raises:
            UsageError: a value is not a number, or below what makes sense, or a URL is not http(s).
        """
        chosen: dict[str, int | float | str] = {}
        for field in fields(cls):
            name = PREFIX + field.name.upper()
            if environ.get(name):  # empty is how compose files and panels write "not set"
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
        number = kind(-1)
    # Where 0 is the default, it has a meaning of its own.
    if not (0 < number < float("inf") or number == default):
        least = "0 or more" if default == 0 else "above 0"
        raise UsageError(f"{name}={raw[:40]}: expected a number {least}, for example {name}={default or 1}")
    return number


def unknown_settings(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What to say of variables that look like settings and are none: a misspelt bound would bound nothing.

    Told, not refused: Kubernetes gives every container variables with the name of each service beside it.
    """
    known = [field.name.upper() for field in fields(Limits)]
    told = []
    for name in sorted(environ):
        rest = name.removeprefix(PREFIX)[:80]
        if name.startswith(PREFIX) and rest not in known:
            near = difflib.get_close_matches(rest, known, n=1)
            hint = f": did you mean {PREFIX}{near[0]}?" if near else ""
            told.append(f"{PREFIX}{rest} is no setting of flushcheck{hint}")
    return tuple(told)
