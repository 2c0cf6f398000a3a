"""What a page has drawn, and what the service logged about its streams."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from playwright.sync_api import Locator

from tests.live import servers

Line = tuple[float, float]  # where a piece's line starts above, and where it ends below
_LINE = re.compile(r"M([\d.]+) [\d.]+L([\d.]+) [\d.]+")


def lines(container: Locator) -> list[Line]:
    """The lines of the timelines inside, of all three kinds, from left to right."""
    paths = [
        container.locator(f"path.{kind}").get_attribute("d") or "" for kind in ("prompt", "slow", "kept")
    ]
    return sorted((float(a), float(b)) for path in paths for a, b in _LINE.findall(path))


def leaning(drawn: list[Line]) -> float:
    """The share of lines that lean by more than a tenth of the width: a busy machine tips a few, a hold nearly all."""
    return sum(1 for above, below in drawn if below - above > 100) / len(drawn)


def ended(service: servers.Service, transport: str, *, after: int, within_s: float = 5.0) -> dict[str, Any]:
    """The access log's line on a stream of this transport that ended; waits for it.

    Args:
        service: the origin.
        transport: of the stream.
        after: length of the log before; earlier lines are about other streams.
        within_s: how long to wait.
    """
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        for line in service.output()[after:].splitlines():
            if line.startswith("{") and line.endswith("}"):
                entry: dict[str, Any] = json.loads(line)
                if entry["transport"] == transport and entry["pieces"] and entry["method"] == "GET":
                    return entry
        time.sleep(servers.ASK_AGAIN_S)
    raise AssertionError(f"no {transport} stream ended within {within_s} s")
