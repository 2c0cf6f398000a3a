"""Fixtures for tests on real servers, and what to show when one of them fails.

    def test_a_thing(origin, nginx):
        front = nginx(site(f"proxy_pass {origin.url};"))

Servers that a fixture started are ended with the test, or with the session for `origin`; a test that wants to see one
end uses the context managers of tests.live.servers.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live import servers
from tests.live.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  # hooks

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in this folder as live; skip it where no real server can be had, but never in CI."""
    reason = None if os.environ.get("CI") else servers.why_not_live()
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.live)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def origin() -> Iterator[servers.Service]:
    """The service as it ships, one for the whole session: tests must not change it."""
    with servers.start_origin() as service:
        yield service


@pytest.fixture
def nginx() -> Iterator[Callable[..., servers.Nginx]]:
    """Start nginx: `nginx(site, upstreams={8000: origin.port})`, as often as wanted."""
    with ExitStack() as stack:
        yield lambda *args, **kwargs: stack.enter_context(servers.start_nginx(*args, **kwargs))


@pytest.fixture(scope="session")
def fastcgi() -> Iterator[servers.Service]:
    """The same app on a FastCGI server, one for the whole session."""
    with servers.start_fastcgi() as service:
        yield service
