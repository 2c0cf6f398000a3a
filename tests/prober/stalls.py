"""The machine's own stalls, where they are not what is tested."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flushcheck.prober.stall_monitor import StallMonitor


@pytest.fixture(scope="module")
def undisturbed() -> Iterator[None]:
    """Let the prober note no stall of this machine, which it would allow for in its verdict.

    For peers whose scripts fix what comes together, however busy the machine is: then the verdict is known.
    """
    patch = pytest.MonkeyPatch()
    patch.setattr(StallMonitor, "max_stall_s", lambda *_: 0.0)
    yield
    patch.undo()
