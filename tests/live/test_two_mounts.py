"""Two mounts of one origin on real servers: the app's own layers are told from what stands in front of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from flushcheck import diagnose
from flushcheck.model import FaultPlace, Report, Transport
from tests.live.origin_apps import TOKEN
from tests.live.servers.process import connects, free_port, running, wait_until

pytestmark = pytest.mark.live

GUNICORN = (
    sys.executable,
    "-m",
    "gunicorn",
    "--preload",
    "-k",
    "gthread",
    "--threads",
    "12",
    "-b",
    "127.0.0.1:{port}",
)
UVICORN = (sys.executable, "-m", "uvicorn", "--factory", "--log-level", "warning", "--port", "{port}")
APPS = "tests.live.origin_apps:"
LAYERS = FaultPlace.APP

ROWS = [
    # name         arguments                               culprits                    place                 layer
    ("flask",      (*GUNICORN, f"{APPS}flask_mounts()"),   ["flask-compress"],         LAYERS,               "Compress Flask-Compress/"),
    ("django",     (*GUNICORN, f"{APPS}django_mounts()"),  ["django-gzip-middleware"], LAYERS,               "GZipMiddleware Django/"),
    ("joined",     (*UVICORN, f"{APPS}fastapi_mounts"),    ["app-layer"],              LAYERS,               "join_body"),
    ("starlette",  (*UVICORN, f"{APPS}starlette_mounts"),  [],                         FaultPlace.NOWHERE,   "GZipMiddleware starlette/"),
]  # fmt: skip


@pytest.fixture(scope="module")
def reports() -> Iterator[dict[str, Report]]:
    """All apps side by side: nearly all of the time they wait."""
    with ExitStack() as stack, ThreadPoolExecutor(len(ROWS)) as pool:
        services = {}
        for name, argv, *_ in ROWS:
            port = free_port()
            filled = [word.format(port=port) for word in argv]
            cwd = Path(__file__).parents[2]
            services[name] = stack.enter_context(running(f"mounts-{name}", port, filled, cwd=cwd))
        for service in services.values():
            wait_until(service, lambda service=service: connects(service.port), "listen")  # type: ignore[misc]
        found = pool.map(lambda row: _diagnosed(services[row[0]].url), ROWS)
        yield dict(zip((row[0] for row in ROWS), found, strict=True))


def _diagnosed(url: str) -> Report:
    only = [Transport.CHUNKED, Transport.EVENTS]
    return diagnose(f"{url}/flushcheck?k={TOKEN}", outer=f"{url}/outer", only=only, quick=True)


@pytest.mark.parametrize(
    ("name", "culprits", "place", "layer"),
    [(row[0], *row[2:]) for row in ROWS],
    ids=[row[0] for row in ROWS],
)
def test_the_apps_own_layers_are_told_from_the_path(reports, name, culprits, place, layer):
    report = reports[name]
    assert [culprit.id for culprit in report.culprits] == culprits, report.headline
    assert report.fault_location is not None
    assert report.fault_location.place is place, report.fault_location.summary
    assert any(layer.lower() in named.lower() for named in report.fault_location.layers), (
        report.fault_location.layers
    )
