"""The table of what real servers do to streams: as text, JSON, Markdown, and pages of the service.

The rows are the laboratory's, and each cell is a measurement; an empty one was not measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby
from textwrap import wrap
from typing import Any

from flushcheck.model.codec import to_json
from flushcheck.reports.measured_cases import MeasuredCase, MeasuredStreams, MeasuredTable
from flushcheck.reports.page import catalogue_page
from flushcheck.reports.text_writer import TextWriter

SCHEMA = 2  # as that of a Report

TRANSPORTS = ("polling", "chunked", "events", "websocket")
FREES = "line that frees it"
LEAD = (
    "Each row is a configuration of the laboratory, run with the real program in the named version, and "
    "measured by an observer that shares no code with flushcheck. A cell says what becomes of the "
    "transport's text on its way to the client; an empty cell was not measured."
)
AGAIN = (
    "`make lab CASE=nginx/bare` measures the case of that name again. The service shows the same table "
    "with a filter at `/culprits/measured`."
)
MARKDOWN_WIDTH = 120
MAX_QUERY = 200  # characters


def matching(table: MeasuredTable, query: str) -> tuple[MeasuredCase, ...]:
    """The cases in which each word of the query occurs, in any of what the table shows of them."""
    words = query.lower().split()
    searched = ((case, _searched(case)) for case in table.cases)
    return tuple(case for case, text in searched if all(word in text for word in words))


def _searched(case: MeasuredCase) -> str:
    cells = [cell for row in case.streams for cell in (row.protocol, *_cells(row))]
    fixes = [fix.change for fix in case.fixes]
    parts = (case.program, case.version, case.name, case.summary, case.behind, *case.culprits, *cells, *fixes)
    return "\n".join(parts).lower()


def document(cases: Iterable[MeasuredCase]) -> dict[str, Any]:
    """The cases as plain dicts, lists and strings, each with the command that repeats it."""
    return {"schema": SCHEMA, "cases": [{**to_json(case), "command": case.command} for case in cases]}


def text(cases: Iterable[MeasuredCase], *, width: int, color: bool) -> str:
    """The cases one below the other; ends in a newline.

    Args:
        cases: those to show.
        width: columns of the terminal.
        color: whether to use ANSI colours.
    """
    page = TextWriter(width, color)
    shown = tuple(cases)
    if not shown:
        page.text("no measured case has all of these words")
    for number, case in enumerate(shown):
        if number:
            page.gap()
        page.line(_title(case), "bold")
        page.text(f"  {case.summary}", hang=2)
        for row in case.streams:
            cells = [f"{name} {cell}" for name, cell in zip(TRANSPORTS, _cells(row), strict=True) if cell]
            page.text(f"  {row.protocol}: {', '.join(cells)}", hang=4)
        for fix in case.fixes:
            page.text(f"  {fix.culprit}, {fix.where}:", hang=4)
            for line in fix.change.splitlines():
                page.line(f"      {line}", "green")
    return page.done()


def markdown(table: MeasuredTable) -> str:
    """The page of docs/: one table for each version of a program."""
    parts = ["# What servers do to a stream", "", *wrap(f"{LEAD} {AGAIN}", MARKDOWN_WIDTH), ""]
    for (program, version), group in groupby(table.cases, key=lambda case: (case.program, case.version)):
        name = f"{program} {version}"
        heads = [name, "case", "client", *TRANSPORTS, FREES]
        parts += [f"## {name}", "", f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
        parts += [line for case in group for line in _markdown_rows(case)]
        parts.append("")
    return "\n".join(parts)


def _markdown_rows(case: MeasuredCase) -> Iterable[str]:
    changes = [f"`{line}`" for fix in case.fixes for line in fix.change.splitlines() if line.strip()]
    for number, row in enumerate(case.streams):
        first = number == 0
        cells = [
            case.summary if first else "",
            f"`{case.name}`" if first else "",
            row.protocol,
            *_cells(row),
            "<br>".join(changes) if first else "",
        ]
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def table_html(shown: Sequence[MeasuredCase], query: str, *, count: int, root: str) -> str:
    """The page with the cases that fit a query.

    Args:
        shown: the cases.
        query: words that each of them has; "" for all cases.
        count: of all cases.
        root: what leads from this page's address to the service's root, for example "../".
    """
    heads = "".join(f"<th scope=col>{name}</th>" for name in ("case", "client", *TRANSPORTS, FREES))
    rows = "".join(_html_rows(case, f"{root}culprits/measured/") for case in shown)
    body = (
        f"<h1>What servers do to a stream</h1><p>{_text(LEAD)}</p>"
        '<form role="search"><label>Program, version, symptom or culprit '
        f'<input name="q" type="search" maxlength="{MAX_QUERY}" value="{_text(query)}"></label> '
        "<button>Filter</button></form>"
        f'<p role="status">{len(shown)} of {count} configurations'
        f"{f' have “{_text(query)}”' if query else ''}</p>"
        f'<div class="wide" tabindex="0" role="region" aria-label="Measured cases">'
        f'<table class="measured"><thead><tr>{heads}</tr></thead>{rows}</table></div>'
    )
    return catalogue_page("measured", body, root)


def case_html(case: MeasuredCase, *, root: str) -> str:
    """One case as a page: its streams, the line that frees them, its configuration; `root` as above."""
    heads = "".join(f"<th scope=col>{name}</th>" for name in ("client", *TRANSPORTS))
    rows = "".join(f"<tr>{_html_cells(row)}</tr>" for row in case.streams)
    parts = [
        f"<p class=soft>measured case</p><h1>{_text(_title(case))}</h1><p>{_text(case.summary)}</p>",
        f"<p>Behind it: <code>{_text(case.behind)}</code></p>",
        '<div class="wide" tabindex="0" role="region" aria-label="Streams"><table class="measured">',
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>",
    ]
    if case.culprits:
        links = (
            f'<a href="{root}culprits/{_text(culprit)}"><code>{_text(culprit)}</code></a>'
            for culprit in case.culprits
        )
        parts += ["<h2>Culprit</h2><p>", ", ".join(links), "</p>"]
    if case.fixes:
        cards = (
            f"<section class=card><h3>{_text(fix.where)}</h3>"
            f"<pre tabindex=0>{_text(fix.change)}</pre></section>"
            for fix in case.fixes
        )
        parts += ["<h2>The line that frees it</h2><div class=cards>", *cards, "</div>"]
    if case.configuration:
        parts.append(f"<h2>Its configuration</h2><pre tabindex=0>{_text(case.configuration)}</pre>")
    parts.append(f"<h2>Measure it again</h2><p>In a checkout:</p><pre>{_text(case.command)}</pre>")
    return catalogue_page(_title(case), "".join(parts), root)


def _html_rows(case: MeasuredCase, base: str) -> str:
    span = f'rowspan="{len(case.streams)}"'
    link = (
        f'<th scope=rowgroup {span}><a href="{base}{_text(case.name)}">{_text(_title(case))}</a><br>'
        f"<span class=soft>{_text(case.summary)}</span></th>"
    )
    lines = "<br>".join(
        f"<code>{_text(line)}</code>" for fix in case.fixes for line in fix.change.splitlines()
    )
    frees = f"<td {span}>{lines}</td>"
    rows = (
        f"<tr>{'' if number else link}{_html_cells(row)}{'' if number else frees}</tr>"
        for number, row in enumerate(case.streams)
    )
    return f"<tbody>{''.join(rows)}</tbody>"


def _html_cells(row: MeasuredStreams) -> str:
    cells = "".join(f"<td>{_text(cell)}</td>" for cell in _cells(row))
    return f"<th scope=row>{_text(row.protocol)}</th>{cells}"


def _cells(row: MeasuredStreams) -> tuple[str, ...]:
    """In the order of TRANSPORTS."""
    return (row.polling, row.chunked, row.events, row.websocket)


def _title(case: MeasuredCase) -> str:
    return f"{case.program} {case.version}: {case.name.partition('/')[2]}"


def _text(text: str) -> str:
    return escape(text, quote=True)
