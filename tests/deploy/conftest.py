"""Fixtures for tests that start the files of deploy/, and what to show when one of them fails."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.lab.setting import WHERE
from tests.live import servers
from tests.live.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  # hooks


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
