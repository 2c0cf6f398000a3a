"""One run of `flushcheck exporter`, in a process of its own.

Its task is one line on standard input, its result goes to standard output. The pipe stays open: where the
exporter closes it or ends, this process ends too.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

from flushcheck.cli.exporter_targets import entry_of
from flushcheck.cli.several import parsed_options, report_on
from flushcheck.exporter.runs import family_document
from flushcheck.files.targets import TargetEntry
from flushcheck.model import UsageError
from flushcheck.reports.prometheus import families
from flushcheck.reports.results import Result


def main() -> None:
    """Read the task, measure, write the result."""
    pipe = os.dup(0)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123  # the task is read once
        os.dup2(nothing.fileno(), 0)
    given = json.loads(_line(pipe))
    threading.Thread(target=_end_with, args=(pipe,), name="pipe", daemon=True).start()
    result = measured(entry_of(json.dumps(given["task"])), given["timeout_s"])
    sys.stdout.write(json.dumps(result))
    sys.stdout.flush()


def measured(entry: TargetEntry, timeout_s: float) -> dict[str, Any]:
    """The result of one target.

    Args:
        entry: the target.
        timeout_s: the most that a run may take; its own options may allow less.
    """
    try:
        own = parsed_options(entry)
        own.url, own.observer, own.on_request = entry.url, "", None
        own.timeout = min(own.timeout, timeout_s)
        result = Result(entry.name, report_on(entry, own), entry.expected, entry.allowed)
    except UsageError:
        # It was checked when the file was read: a file that it names has changed. The error may show secrets.
        return {"failed": "its options cannot be used"}
    return {
        "summary": summary(result),
        "is_as_expected": result.exit_code == 0,
        "families": [family_document(family) for family in families([result])],
    }


def summary(result: Result) -> str:
    """The result in a few words, none of them from the far side."""
    culprits = [culprit.id for culprit in result.report.culprits]
    found = f"{result.report.verdict} ({', '.join(culprits)})" if culprits else str(result.report.verdict)
    if result.exit_code == 0:
        return f"{found}, as expected" if result.report.verdict != "flowing" else found
    return f"{found}, expected {result.expected}" if result.expected else found


def _line(pipe: int) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        more = os.read(pipe, 65_536)
        if not more:
            sys.exit(1)
        data += more
    return data


def _end_with(pipe: int) -> None:
    while os.read(pipe, 4096):
        pass
    os._exit(1)
