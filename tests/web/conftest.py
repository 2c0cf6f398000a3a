"""Fixtures: the app by itself, and the app on real gunicorn and gevent.

def test_a_thing(client): ...          # Flask's test client: headers, status, parameters
def test_on_the_wire(origin): ...      # one server for all of tests/web: bytes, time, who hangs up
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from flushcheck.core.limits import Limits
from flushcheck.web import create_app
from tests.live import servers
from tests.web.wire import Origin


@pytest.fixture
def app() -> Flask:
    """The app as it ships."""
    return create_app(Limits())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client without a server: it takes the whole response before it says anything."""
    return app.test_client()


@pytest.fixture(scope="session")
def server() -> Iterator[servers.Service]:
    """Real gunicorn with the shipped configuration and small limits, so that they can be met."""
    settings = {"FLUSHCHECK_MAX_STREAMS": "20", "FLUSHCHECK_HEARTBEAT_S": "0.2"}
    with servers.start_origin(env=settings) as service:
        yield service


@pytest.fixture
def origin(server: servers.Service) -> Origin:
    """The server, with its access log from here on."""
    return Origin(server)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[pytest.TestReport]:
    """Show what the servers wrote when a test that had one failed."""
    report: pytest.TestReport = yield  # type: ignore[misc, assignment]
    if report.failed and item.path.parent.name == "web":
        for service in servers.seen_since(time.monotonic()):
            report.sections.append((f"{service.name} on {service.url}", service.tail(15)))
    return report  # type: ignore[return-value]
