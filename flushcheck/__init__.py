"""Does a stream flow along this path, who holds it, and which line frees it?

    from flushcheck import diagnose

    report = diagnose("https://example.org")
    print(report.verdict, report.headline)
    for found in report.culprits:
        print(found.culprit.id, found.culprit.fixes[0].change)

The address is the root of a flushcheck service that runs where the app runs. A run can be kept and
judged again, with the same result and without network: `judge(run)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Report, Run, Transport, UsageError

if TYPE_CHECKING:
    from flushcheck.prober import Progress

__version__: str  # looked up when it is asked for: see __getattr__

__all__ = ["Report", "Run", "Transport", "UsageError", "__version__", "diagnose", "judge"]


def diagnose(
    url: str,
    *,
    only: Iterable[Transport | str] = tuple(Transport),
    quick: bool = False,
    timeout_s: float = 30.0,
    on_progress: Callable[[Progress], None] | None = None,
    direct: str = "",
    idle_s: float | Iterable[float] = (),
) -> Report:
    """Look at the path to a flushcheck service, and say how each Transport flows on it.

    Takes about 2 seconds if `quick` on a path that flows, 4 otherwise, and never longer than
    `timeout_s` (and a moment for closing).

    Args:
        url: the root of the service, `http://` or `https://`; a path below the host is kept.
        only: the Transports to look at, for example `["chunked", "events"]`.
        quick: leave out what only confirms a clean path.
        timeout_s: for everything together; what is not done by then counts as seen until then.
        on_progress: called in this thread when a stage begins and when a Probe is done.
        direct: the app's own port, looked at beside: `Report.located` then says whether the fault is in
            the app or on the path.
        idle_s: silences to try, in seconds, for example `[5, 30, 65]`: searches for time-outs, which takes
            as long as the longest of them and does not count towards `timeout_s`.

    Returns: the Report. Nothing that the far side does is an exception: see `Report.verdict`.

    Raises:
        UsageError: `url`, `direct`, `only`, `timeout_s` or `idle_s` cannot be.
    """
    from flushcheck.prober import gather

    run = gather(
        url,
        only=only,
        quick=quick,
        timeout_s=timeout_s,
        on_progress=on_progress,
        direct=direct,
        idle_s=idle_s,
    )
    return judge(run)


def __getattr__(name: str) -> str:
    # The service imports this package too; it should not pay for a prober that it may never need.
    if name == "__version__":
        from flushcheck.prober.tool import VERSION

        return VERSION
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
