"""The measured cases: made by the laboratory (`python -m tests.lab.measured`), read when first asked for."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from flushcheck.model.codec import from_json
from flushcheck.reports.measured_cases import MeasuredTable


@cache
def table() -> MeasuredTable:
    """The measured cases, in the order of the table."""
    data = files("flushcheck.service").joinpath("measured.json").read_text(encoding="utf-8")
    return from_json(MeasuredTable, json.loads(data))


@cache
def measured_culprits() -> frozenset[str]:
    """The ids of the culprits that a case names."""
    return frozenset(name for case in table().cases for name in case.culprits)
