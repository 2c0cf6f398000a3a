"""Saved runs: what stands around a Run in JSON, and how an older one is read.

`SCHEMA` goes up when a field of a Run changes its name or meaning. A run of every schema so far is read;
one that gives no schema is taken for a current one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flushcheck.model.codec import from_json, to_json
from flushcheck.model.errors import UsageError
from flushcheck.model.observation import Run

SCHEMA = 3

# Older schemas had other names for the same values. Schema 1 is that of flushcheck 0.1, and its names stand
# anywhere in an observation ...
_RENAMED_SINCE_1 = {"marks": "pieces", "origin": "request_at_app", "asked_s": "requested_s"}
# ... those of schema 2 are members of one, and only a stream of the user's own app has them.
_RENAMED_SINCE_2 = {
    "format": "framing",
    "wire_format": "format",
    "wire_end": "format_end",
    "framed": "delimited",
}


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
    if not isinstance(data, Mapping):
        return from_json(Run, data, where)
    schema = data.get("schema", SCHEMA)
    if schema not in (1, 2, SCHEMA):
        raise UsageError(f"schema={str(schema)[:20]}: expected 1 to {SCHEMA}, as `--save` writes it")
    if schema == 1:
        data = _with(data, _from_schema_1)
    if schema != SCHEMA:
        data = _with(data, lambda observation: _renamed(observation, _RENAMED_SINCE_2))
    return from_json(Run, data, where)


def _with(run: Mapping[Any, Any], read: Callable[[object], object]) -> Mapping[Any, Any]:
    """The same run, each of its observations read so."""
    observations = run.get("observations")
    if not isinstance(observations, list):
        return run
    return {**run, "observations": [read(observation) for observation in observations]}


def _from_schema_1(data: object) -> object:
    """The same observation with the names of schema 2. Looks no deeper than those names stand."""
    if not isinstance(data, Mapping):
        return data
    changed = dict(data)
    if isinstance(data.get("arrivals"), list):
        changed["arrivals"] = [_renamed(arrival, _RENAMED_SINCE_1) for arrival in data["arrivals"]]
    if "end" in data:
        changed["end"] = _renamed(data["end"], _RENAMED_SINCE_1)
    return _renamed(changed, _RENAMED_SINCE_1)


def _renamed(data: object, names: Mapping[str, str]) -> object:
    if not isinstance(data, Mapping):
        return data
    return {names.get(key, key): value for key, value in data.items()}
