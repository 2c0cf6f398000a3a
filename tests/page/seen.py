"""What a page shows, read out of it: the picture's lines, and what the service wrote about its streams."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from playwright.sync_api import Locator

from tests.live import servers

Line = tuple[float, float]  # where a piece's line starts above, and where it ends below
_LINE = re.compile(r"M([\d.]+) [\d.]+L([\d.]+) [\d.]+")


def lines(picture: Locator) -> list[Line]:
    """The lines of a picture, of all three kinds, from left to right."""
    paths = [picture.locator(f"path.{kind}").get_attribute("d") or "" for kind in ("prompt", "slow", "kept")]
    return sorted((float(a), float(b)) for path in paths for a, b in _LINE.findall(path))


def leaning(found: list[Line]) -> float:
    """The share of lines that lean by more than a tenth of the picture: a busy machine tips a few, a hold nearly all."""
    return sum(1 for above, below in found if below - above > 100) / len(found)


def ended(service: servers.Service, transport: str, *, after: int, within_s: float = 5.0) -> dict[str, Any]:
    """The access log's line on a stream of this transport that ended; waits for it.

    Args:
        service: the origin.
        transport: of the stream.
        after: length of the log before; what stands earlier is another's.
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
