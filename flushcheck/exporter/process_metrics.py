"""What the exporter's own process uses, with the names that Prometheus' client libraries give it.

Memory and descriptors come from Linux' /proc; elsewhere they are left out.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from flushcheck.reports.prometheus import Family
from flushcheck.version import VERSION

STARTED_AT_S = time.time()


def process_families() -> Iterable[Family]:
    """The families."""
    yield _family(
        "flushcheck_build_info",
        "1, with the version of flushcheck and of Python",
        1.0,
        version=VERSION,
        python=platform.python_version(),
    )
    used = os.times()
    yield _family(
        "process_cpu_seconds_total",
        "processor time of the exporter, without its runs",
        used.user + used.system,
        kind="counter",
    )
    yield _family(
        "flushcheck_exporter_runs_cpu_seconds_total",
        "processor time of all runs that have ended",
        used.children_user + used.children_system,
        kind="counter",
    )
    yield _family(
        "process_start_time_seconds", "when the exporter started, in seconds since 1970", STARTED_AT_S
    )
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        yield _family(
            "process_resident_memory_bytes", "resident memory", float(pages * os.sysconf("SC_PAGE_SIZE"))
        )
    with suppress(OSError):
        yield _family(
            "process_open_fds",
            "open file descriptors",
            float(sum(1 for _ in Path("/proc/self/fd").iterdir())),
        )


def _family(name: str, text: str, value: float, *, kind: str = "gauge", **labels: str) -> Family:
    return Family(name, text, ((tuple(labels.items()), value),), kind)
