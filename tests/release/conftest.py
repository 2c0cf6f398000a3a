"""The service that the built packages are tried on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live import servers


@pytest.fixture(scope="session")
def origin() -> Iterator[servers.Service]:
    """The service as it ships, one for the whole session: tests must not change it."""
    with servers.start_origin() as service:
        yield service
