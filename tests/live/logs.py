"""What the servers wrote, shown under a test that failed: a folder's conftest imports these two hooks."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.live import servers

BEGAN_S = pytest.StashKey[float]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember when a test began, to know which servers it had."""
    item.stash[BEGAN_S] = time.monotonic()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[pytest.TestReport]:
    """Add the logs of the servers a failed test had to its report."""
    report: pytest.TestReport = yield  # type: ignore[misc, assignment]
    if report.failed:
        for service in servers.seen_since(item.stash.get(BEGAN_S, 0.0)):
            report.sections.append((f"{service.name} on {service.url}", service.tail()))
    return report  # type: ignore[return-value]
