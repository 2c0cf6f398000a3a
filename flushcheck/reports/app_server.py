"""What the doctor says: for a terminal, as one line of a log, as JSON."""

from __future__ import annotations

from typing import Any

from flushcheck.configs.findings import Level
from flushcheck.diagnosis.app_server import Checkup
from flushcheck.model.codec import to_json
from flushcheck.reports.text_writer import TextWriter

_HUES = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "dim"}


def checkup_text(checkup: Checkup, *, width: int, color: bool) -> str:
    """The whole, for a person; ends in a newline."""
    page = TextWriter(width, color)
    page.text(checkup.name, bold=True)
    page.text(f"  streams    {_streams(checkup)}", hang=13)
    page.text(f"  websocket  {'yes' if checkup.websocket else 'no'}", hang=13)
    page.text(f"  that means {checkup.meaning}", hang=13)
    for remark in checkup.remarks:
        page.gap()
        label = f"  {remark.level:<8}"
        page.text(f"{label} {remark.sentence}", hang=11, style=_HUES[remark.level], style_to=len(label))
        if remark.fix:
            page.line(f"           fix: {remark.fix}", "green")  # never wrapped: it is there to be copied
    return page.done()


def checkup_line(checkup: Checkup) -> str:
    """The same as one line for a log, without its end."""
    said = [f"runs under {checkup.name}: {_streams(checkup)}"]
    said += [
        f"{remark.level}: {remark.sentence}" for remark in checkup.remarks if remark.level is not Level.NOTE
    ]
    return "; ".join(said)


def checkup_document(checkup: Checkup) -> dict[str, Any]:
    """The same as JSON: the fields of a Checkup, and `streams`."""
    return {**to_json(checkup), "streams": checkup.streams}


def _streams(checkup: Checkup) -> str:
    if not checkup.streams_per_process:
        return "as many at once as the web server has processes"
    each = f"{checkup.streams_per_process} at once in each process"
    if checkup.processes:
        return (
            f"{checkup.streams} at once" if checkup.processes == 1 else f"{checkup.streams} at once, {each}"
        )
    return each
