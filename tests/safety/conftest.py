"""Fixtures: the service on real gunicorn, with small limits, which the tests can reach."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live import servers

# A stream lasts at most half a second.
SHORT = {
    "FLUSHCHECK_MAX_DURATION_S": "0.5",
    "FLUSHCHECK_MAX_INTERVAL_S": "0.3",
    "FLUSHCHECK_MAX_STREAM_BYTES": "200000",
    "FLUSHCHECK_BODY_TIMEOUT_S": "1",
}


@pytest.fixture(scope="module")
def brief() -> Iterator[servers.Service]:
    """One worker whose streams are short. gunicorn waits a second for headers."""
    with servers.start_origin(env=SHORT, args=["--keep-alive", "1"]) as service:
        yield service
