"""Durations as Go writes them: "1m30s", "500ms"; for Traefik a bare number is seconds."""

from __future__ import annotations

import re

_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float | None:
    """The duration in seconds; None if it cannot be read. A negative one is below zero."""
    bare = text.strip()
    sign = -1.0 if bare.startswith("-") else 1.0
    bare = bare.lstrip("+-")
    if re.fullmatch(r"\d{1,9}", bare):
        return sign * float(bare)
    parts = list(_PART.finditer(bare[:60]))
    if not parts or "".join(part[0] for part in parts) != bare:
        return None
    return sign * sum(float(part[1]) * _UNITS[part[2]] for part in parts)
