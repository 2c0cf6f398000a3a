"""Fixtures for tests that start the files of deploy/, and what to show when one of them fails."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.programs import WHERE
from tests.live import servers

HERE = Path(__file__).parent
BEGAN_S = pytest.StashKey[float]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember when a test began, to know which servers it had."""
    item.stash[BEGAN_S] = time.monotonic()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[pytest.TestReport]:
    """Add the logs of the servers a failed test had to its report."""
    report: pytest.TestReport = yield  # type: ignore[misc, assignment]
    if report.failed and HERE in item.path.parents:
        for service in servers.seen_since(item.stash.get(BEGAN_S, 0.0)):
            report.sections.append((f"{service.name} on {service.url}", service.tail()))
    return report  # type: ignore[return-value]


@pytest.fixture(scope="session")
def origin() -> Iterator[servers.Service]:
    """The service as it ships, one for the whole session: tests must not change it."""
    with servers.start_origin() as service:
        yield service


def need(*commands: str) -> None:
    """Skip the test where a command is not installed, but never in CI."""
    missing = [name for name in commands if shutil.which(name, path=WHERE) is None]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"not installed: {', '.join(missing)} (on Debian and Ubuntu `make test` installs them)")
    assert not missing
