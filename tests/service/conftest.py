"""Fixtures: the app by itself, and the app on real gunicorn and gevent.

def test_a_thing(client): ...          # Flask's test client: headers, status, parameters
def test_on_the_wire(origin): ...      # one server for all of tests/service: bytes, time, disconnects
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from flushcheck.service.application import create_app
from flushcheck.streaming.limits import Limits
from tests.live import servers
from tests.live.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  # hooks
from tests.service.wire import OriginServer


@pytest.fixture
def app() -> Flask:
    """The app as it ships."""
    return create_app(Limits())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client without a server: it returns a response when it is complete."""
    return app.test_client()


# Bytes, moments and closes are the same whether the engine writes or each stream paces itself.
BOTH_WAYS = ("test_wire", "test_websocket", "test_pretend")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run these files with FLUSHCHECK_ENGINE=on and off."""
    if "server" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in BOTH_WAYS:
        metafunc.parametrize("server", ["on", "off"], ids=["engine", "plain"], indirect=True, scope="session")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[servers.Service]:
    """Real gunicorn with the shipped configuration and small limits, which the tests can reach."""
    settings = {
        "FLUSHCHECK_MAX_STREAMS": "20",
        "FLUSHCHECK_HEARTBEAT_S": "0.2",
        "FLUSHCHECK_ENGINE": getattr(request, "param", "on"),
    }
    with servers.start_origin(env=settings) as service:
        yield service


@pytest.fixture
def origin(server: servers.Service) -> OriginServer:
    """The server, with its access log from now on."""
    return OriginServer(server)
