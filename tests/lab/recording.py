"""A run of a case as the pure tests keep it: tests/recordings, and tests/recordings/quick.

What `from_json` fills in by itself is left out, and numbers have a tenth of a millisecond.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, Field, fields, is_dataclass, replace

from flushcheck.model import Run
from flushcheck.model.codec import to_json
from flushcheck.model.run_schema import SCHEMA
from tests.lab.case import Case
from tests.live import servers

RECORDINGS = servers.ROOT / "tests" / "recordings"

# Two rounds of short streams take 1.6 s; one at full length takes 2 s more.
MAX_QUICK_S = 2.4


def save(case: Case, run: Run, *, quick: bool = False) -> None:
    """Keep a run for the pure tests. The address is always the same, so that a new recording differs in what it saw.

    A quick run is kept where its short streams were enough, and the full length of none of them was needed; not where
    what they show differs from run to run.
    """
    folder = RECORDINGS / "quick" if quick else RECORDINGS
    folder.mkdir(exist_ok=True)
    path = folder / f"{case.name.replace('/', '-')}.json"
    varies = case.options.keys() & {"flows", "later"}
    if quick and (varies or not run.short_s or run.took_s > MAX_QUICK_S):
        path.unlink(missing_ok=True)
        return
    always = replace(
        run, target="http://127.0.0.1:8080", outer="http://127.0.0.1:8080/outer" if run.outer else ""
    )
    path.write_text(json.dumps(slim_run(always), separators=(",", ":")) + "\n")


def slim_run(run: Run) -> dict[str, object]:
    """As `run_schema.run_to_json`, slim."""
    slimmed = slim(run)
    assert isinstance(slimmed, dict)
    return {"schema": SCHEMA, **slimmed}


def slim(value: object) -> object:
    """As `codec.to_json`, without what `from_json` fills in by itself, and to a tenth of a millisecond."""
    if is_dataclass(value) and not isinstance(value, type):
        said = ((one, getattr(value, one.name)) for one in fields(value))
        return {one.name: slim(item) for one, item in said if item != _default(one)}
    if isinstance(value, tuple):
        return [slim(item) for item in value]
    return round(value, 4) if isinstance(value, float) else to_json(value)


def _default(field: Field[object]) -> object:
    return field.default_factory() if field.default_factory is not MISSING else field.default
