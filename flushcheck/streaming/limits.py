"""The settings of the service, with their bounds.

The operator sets `Limits` by environment variables, read once at start; `params` bounds each request by it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields

from flushcheck.model import UsageError
from flushcheck.model.settings import UnknownSetting

PREFIX = "FLUSHCHECK_"
MAX_SUFFIX = 80  # characters of an unknown variable, without the prefix, in a warning
SWITCH = ("on", "off")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the service. The variable of a field is `FLUSHCHECK_` and its name in capitals."""

    max_count: int = 100_000  # pieces in one stream
    max_interval_s: float = 300.0  # between two pieces; also the longest silence that --idle can try
    max_duration_s: float = 600.0  # planned duration of one stream
    max_size_bytes: int = 65_536  # of one piece
    max_stream_bytes: int = 64 * 1024 * 1024  # planned size of one stream
    max_pad_bytes: int = 65_536  # of padding before the first piece
    max_say_bytes: int = 2_000  # of a text in the request (`say`)
    max_streams: int = 900  # concurrent streams per process; deploy/gunicorn.conf.py allows as many
    max_streams_per_client: int = 0  # per client address; 0: a third of max_streams, on the loopback all
    max_message_bytes: int = 4_096  # of one WebSocket message from the client
    max_judge_bytes: int = 1024 * 1024  # of a body sent to /diagnostics/judge, plan or report
    max_check_bytes: int = 128 * 1024  # of a file sent to /check; Debian's php.ini has 72 KB
    max_self_probes: int = 2  # concurrent runs of /diagnostics in one process
    body_timeout_s: float = 20.0  # time limit for receiving a request body
    stall_s: float = 30.0  # drop a client whose socket accepts no data for this long
    engine: str = "on"  # whether one loop writes all streams of a gevent process; off: each paces itself
    heartbeat_s: float = 15.0  # send an SSE comment after this much silence
    retry_s: float = 2.0  # the delay before an EventSource reconnects
    text_file: str = ""  # path of a UTF-8 text to serve as text=file
    public_url: str = ""  # URL at which visitors reach this service, also for its own probes from outside
    loopback_url: str = ""  # URL at which the service reaches itself, if not at its own port
    trusted_proxies: int = 0  # number of proxies that add to X-Forwarded-For; 0: ignore that header
    trusted_hosts: str = ""  # allowed host names in Host, separated by commas; empty: any
    websocket_origins: str = ""  # other origins that may open a WebSocket, separated by commas; *: all
    metrics_token: str = ""  # bearer token for /metrics; empty: only clients of the private network
    metrics_folder: str = ""  # where worker processes share counters; deploy/gunicorn.conf.py creates one

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Limits:
        """Read the settings; a variable that is not set keeps the default.

        Raises:
            UsageError: a value is not a number, is out of bounds, is not an http(s) URL, or
                is neither on nor off.
        """
        chosen: dict[str, int | float | str] = {}
        for field in fields(cls):
            name = PREFIX + field.name.upper()
            if environ.get(name):  # compose files and control panels write "" for "not set"
                chosen[field.name] = _parse(name, environ[name], field.default)
        return cls(**chosen)  # type: ignore[arg-type]  # checked field by field above


def _parse(name: str, raw: str, default: object) -> int | float | str:
    if isinstance(default, str):
        if name.endswith("_URL") and not raw.startswith(("http://", "https://")):
            raise UsageError(
                f"{name}={raw[:80]}: expected an http:// or https:// URL, for example {name}=https://example.org"
            )
        if default in SWITCH and raw not in SWITCH:
            raise UsageError(f"{name}={raw[:40]}: expected on or off, for example {name}=off")
        return raw
    kind: type[int] | type[float] = int if isinstance(default, int) else float
    try:
        number = kind(raw)
    except ValueError:
        number = kind(-1)
    # 0 is only allowed where it is the default and has its own meaning.
    if not (0 < number < float("inf") or number == default):
        bound = "0 or more" if default == 0 else "above 0"
        raise UsageError(f"{name}={raw[:40]}: expected a number {bound}, for example {name}={default or 1}")
    return number


def unknown_settings(environ: Mapping[str, str]) -> tuple[UnknownSetting, ...]:
    """The FLUSHCHECK_* variables that are not settings, sorted by name, each with a similar setting.

    They are no error: Kubernetes sets variables with the names of all services in every container.
    """
    known = [field.name.upper() for field in fields(Limits)]
    suffixes = [name.removeprefix(PREFIX)[:MAX_SUFFIX] for name in sorted(environ) if name.startswith(PREFIX)]
    unknown = [suffix for suffix in suffixes if suffix not in known]
    return tuple(UnknownSetting(PREFIX + suffix, _similar(suffix, known)) for suffix in unknown)


def _similar(suffix: str, known: list[str]) -> str:
    """The setting with the most similar name; "" if none is similar."""
    matches = difflib.get_close_matches(suffix, known, n=1)
    return PREFIX + matches[0] if matches else ""
