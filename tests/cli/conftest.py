"""Fixtures for tests of the command line."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.prober.stalls import undisturbed  # noqa: F401  # a fixture


@pytest.fixture
def default_sigint() -> Iterator[None]:
    """Child processes react to SIGINT, also where the parent ignores it (nohup, some CI systems).

    An ignored signal stays ignored in a child, a handled one is reset to its default.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module", autouse=True)
def _undisturbed(undisturbed: None) -> None:  # noqa: F811  # pytest's way to ask for it
    """The peers of these tests are scripted: what a verdict allows a busy machine is tested elsewhere."""
