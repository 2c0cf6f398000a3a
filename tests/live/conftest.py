"""Fixtures for tests on real servers, and what to show when one of them fails.

    def test_a_thing(origin, nginx):
        front = nginx(site(f"proxy_pass {origin.url};"))

Servers that a fixture started are ended with the test, or with the session for `origin`; a test that wants to see one
end uses the context managers of tests.live.servers.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live import servers

HERE = Path(__file__).parent
BEGAN_S = pytest.StashKey[float]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in this folder as live; skip it where no real server can be had, but never in CI."""
    reason = None if os.environ.get("CI") else servers.why_not_live()
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.live)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


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
