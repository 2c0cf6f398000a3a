"""A plugin of pytest for mutmut: runs the quickest tests first, because the first that fails settles a mutant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

# Written by mutmut into its copy of the checkout, where the tests run, when it learns which tests reach a function.
STATS = Path("mutmut-stats.json")

_seconds: dict[str, float] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by what each test took when mutmut measured it; keep the order before that."""
    if not _seconds and STATS.exists():
        _seconds.update(json.loads(STATS.read_text())["duration_by_test"])
    items.sort(key=lambda item: _seconds.get(item.nodeid, 0.0))
