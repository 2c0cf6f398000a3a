"""The plugin for pytest, found by its entry point: a fixture for each assertion of `flushcheck.testing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from flushcheck.model import Report
    from flushcheck.testing.order import StreamOrder


@pytest.fixture(name="assert_streams", scope="session")
def assert_streams_fixture() -> Callable[..., StreamOrder]:
    """`flushcheck.testing.assert_streams`: fail where a layer of the app makes pieces wait."""
    # Not before a test asks for it: pytest loads plugins at each start.
    from flushcheck.testing import assert_streams

    return assert_streams


@pytest.fixture(name="assert_served_streams", scope="session")
def assert_served_streams_fixture() -> Callable[..., Report]:
    """`flushcheck.testing.assert_served_streams`: the same on a real server, over the loopback."""
    from flushcheck.testing import assert_served_streams

    return assert_served_streams


@pytest.fixture(name="assert_url_streams", scope="session")
def assert_url_streams_fixture() -> Callable[..., Report]:
    """`flushcheck.testing.assert_url_streams`: the same of a server that runs, with all that is in front."""
    from flushcheck.testing import assert_url_streams

    return assert_url_streams
