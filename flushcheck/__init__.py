"""Does a streamed response reach the reader piece by piece? If not: the culprit, and the line that fixes it.

    from flushcheck import diagnose

    report = diagnose("https://example.org")
    print(report.verdict, report.headline)
    for culprit in report.culprits:
        print(culprit.id, culprit.title, culprit.fixes[0].change)

The URL is the root of a flushcheck service that runs where the app runs. `judge(run)` repeats the analysis
of a saved run, without network and with the same result. Errors are a `FlushcheckError`; the caller's own
mistakes are a `UsageError`.

Start reading with `model`, the shared values; then follow one run: `prober` makes it, `diagnosis` turns it
into a Report, `reports` renders that. `service` and `cli` are the two programs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from flushcheck.model import Report, Run, Transport, UsageError
from flushcheck.model.errors import FlushcheckError

if TYPE_CHECKING:
    from flushcheck.diagnosis.inference import judge
    from flushcheck.prober import ConnectionOptions, RunProgress

__version__: str  # see __getattr__

__all__ = [
    "ConnectionOptions",
    "FlushcheckError",
    "Report",
    "Run",
    "Transport",
    "UsageError",
    "__version__",
    "diagnose",
    "judge",
]

# Imported on first use: every import of a module of flushcheck imports this package first.
_LAZY = {
    "ConnectionOptions": ("flushcheck.prober", "ConnectionOptions"),
    "judge": ("flushcheck.diagnosis.inference", "judge"),
    "__version__": ("flushcheck.version", "VERSION"),
}


def diagnose(
    url: str,
    *,
    only: Iterable[Transport | str] = tuple(Transport),
    quick: bool = False,
    timeout_s: float = 30.0,
    on_progress: Callable[[RunProgress], None] | None = None,
    direct: str = "",
    at: Iterable[tuple[str, str]] = (),
    outer: str = "",
    idle_s: float | Iterable[float] = (),
    options: ConnectionOptions | None = None,
) -> Report:
    """Test the path to a flushcheck service; return how each transport flows on it, and why.

    Takes about 3 seconds on a path that flows and 4 on one that does not, 1 and 2 if `quick`, and never
    longer than `timeout_s` (plus a moment for closing connections).

    Args:
        url: the root of the service, `http://` or `https://`; a path below the host is kept.
        only: the transports to test, for example `["chunked", "events"]`.
        quick: a first verdict, from short streams as far as they are plain, and without the probes that only
            confirm a clean path.
        timeout_s: limit for the whole run; an unfinished probe counts with what it has seen by then.
        on_progress: called in this thread when a stage starts and when a probe is done.
        direct: the URL of the app's own port, tested for comparison: `Report.fault_location` then tells
            whether the fault is in the app or on the path.
        at: names and URLs of the same app behind one hop more each, from the app outwards, for example
            `[("app", "http://10.0.0.7:8000"), ("ingress", "http://10.0.0.5")]`: `Report.rungs` then has how
            each stream arrived at each of them.
        outer: the URL of a second mount of the same origin, outside of all layers of the app, where `url` is
            inside of them: `Report.fault_location` then tells whether the fault is in those layers.
        idle_s: silences to try, in seconds, for example `[5, 30, 65]`: searches for idle timeouts. Takes as
            long as the longest silence, which does not count towards `timeout_s`.
        options: how to get to the service: headers, a login, certificates, a proxy. None: the defaults.

    Returns: the Report. A failure of the other side is never an exception: see `Report.verdict`.

    Raises:
        UsageError: `url`, `direct`, `at`, `outer`, `only`, `timeout_s` or `idle_s` is wrong, or a file of
            `options`.
    """
    from flushcheck.diagnosis.inference import judge
    from flushcheck.prober import ConnectionOptions, gather

    run = gather(
        url,
        only=only,
        quick=quick,
        timeout_s=timeout_s,
        on_progress=on_progress,
        direct=direct,
        at=at,
        outer=outer,
        idle_s=idle_s,
        options=options or ConnectionOptions(),
    )
    return judge(run)


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _LAZY[name]
    return getattr(import_module(module), attribute)
