"""Saved runs: what stands around a Run in JSON, and how an older one is read.

`SCHEMA` goes up when a field of a Run changes its name or meaning. A run of every schema so far is read;
one that gives no schema is taken for a current one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flushcheck.model.codec import from_json, to_json
from flushcheck.model.errors import UsageError
from flushcheck.model.observation import Run

SCHEMA = 2

# Schema 1 (flushcheck 0.1) had other names for the same values, wherever they stand.
_RENAMED_SINCE_1 = {"marks": "pieces", "origin": "request_at_app", "asked_s": "requested_s"}


def run_to_json(run: Run) -> dict[str, Any]:
    """The Run with its schema, as plain dicts, lists, strings and numbers."""
    return {"schema": SCHEMA, **to_json(run)}


def run_from_json(data: object, where: str = "") -> Run:
    """Read a Run of any schema back.

    Args:
        data: what `json.loads` gave.
        where: how an error calls it, for example "run".

    Raises:
        UsageError: it is no Run, or of a schema that this version does not know.
    """
    schema = data.get("schema", SCHEMA) if isinstance(data, Mapping) else SCHEMA
    if schema == 1 and isinstance(data, Mapping):
        return from_json(Run, _from_schema_1(data), where)
    if schema != SCHEMA:
        raise UsageError(f"schema={str(schema)[:20]}: expected 1 or {SCHEMA}, as `--save` writes it")
    return from_json(Run, data, where)


def _from_schema_1(run: Mapping[Any, Any]) -> dict[Any, Any]:
    """The same run with today's names. Looks no deeper than those names stand."""
    observations = run.get("observations")
    if not isinstance(observations, list):
        return dict(run)
    return {**run, "observations": [_renamed(_observation(item)) for item in observations]}


def _observation(data: object) -> object:
    if not isinstance(data, Mapping):
        return data
    changed = dict(data)
    if isinstance(data.get("arrivals"), list):
        changed["arrivals"] = [_renamed(arrival) for arrival in data["arrivals"]]
    if "end" in data:
        changed["end"] = _renamed(data["end"])
    return changed


def _renamed(data: object) -> object:
    if not isinstance(data, Mapping):
        return data
    return {_RENAMED_SINCE_1.get(key, key): value for key, value in data.items()}
