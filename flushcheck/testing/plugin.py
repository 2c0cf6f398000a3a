"""The plugin for pytest, found by its entry point: the fixture `assert_streams`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from flushcheck.testing.order import StreamOrder


@pytest.fixture(name="assert_streams", scope="session")
def assert_streams_fixture() -> Callable[..., StreamOrder]:
    """`flushcheck.testing.assert_streams`: fail where a layer of the app makes pieces wait."""
    # Not before a test asks for it: pytest loads plugins at each start.
    from flushcheck.testing import assert_streams

    return assert_streams
