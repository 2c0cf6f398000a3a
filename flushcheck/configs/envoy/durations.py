"""Durations of Envoy: "15s", "0.5s", or an entry with seconds and nanos; Istio's are Go's: "1m30s"."""

from __future__ import annotations

import re

from flushcheck.configs.tree import Directive
from flushcheck.configs.yaml_nodes import child, scalar

_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)")
_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(entry: Directive | None) -> float | None:
    """The duration of an entry in seconds; None if there is none that can be read."""
    if entry is None:
        return None
    if entry.block is not None:
        text = scalar(child(entry, "seconds"))
        return float(text) if re.fullmatch(r"\d{1,9}", text) else None
    text = scalar(entry).strip()[:60]
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        return None
    return sum(float(part[1]) * _UNITS[part[2]] for part in parts)
