"""A culprit explained: for a terminal, as JSON, and as a page of the service.

All text is the catalogue's. None of it comes from the far side, and it is escaped all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from flushcheck.model import Culprit, Fix, Source
from flushcheck.model.versions import shown
from flushcheck.reports.fixes import fix_document, remarks
from flushcheck.reports.text_writer import TextWriter

SCHEMA = 2  # of `explanation_document` and `catalogue_document`, counted as that of a Report is

IN_FILES = "A server's configuration shows it too: flushcheck check FILE."
NOT_IN_FILES = "No server's configuration shows it: run flushcheck diagnose URL."
AT_A_TAP = "A test of the app names the layer: flushcheck.testing.assert_streams."

ONE_FIX = "how to fix it"
FIXES = "how to fix it (each fix works alone)"


def explanation_text(culprit: Culprit, *, width: int, color: bool) -> str:
    """What it is, how it shows, how it is detected, how to fix it and at what cost; ends in a newline.

    Args:
        culprit: the one to explain.
        width: columns of the terminal.
        color: whether to use ANSI colours.
    """
    page = TextWriter(width, color)
    page.line(culprit.id, "yellow", "bold")
    page.text(culprit.title)
    for heading, paragraphs in _sections(culprit):
        page.gap()
        page.line(heading, "bold")
        for paragraph in paragraphs:
            page.text(f"  {paragraph}", hang=2)
    page.gap()
    page.line(_fixes_heading(culprit), "bold")
    for number, fix in enumerate(culprit.fixes):
        if number:
            page.gap()
        _fix(page, fix)
    if culprit.references:
        page.gap()
        page.line("references", "bold")
        for reference in culprit.references:
            page.line(f"  {reference}", "dim")  # never wrapped: it is there to be opened
    return page.done()


def catalogue_text(culprits: Iterable[Culprit], *, width: int, color: bool) -> str:
    """All culprits with their titles; ends in a newline."""
    page = TextWriter(width, color)
    listed = tuple(culprits)
    # Side by side where there is room for the titles; one under the other where there is not.
    column = max(len(culprit.id) for culprit in listed) + 2
    beside = page.width - column >= 40
    for culprit in listed:
        if beside:
            label = f"{culprit.id:<{column}}"
            page.text(label + culprit.title, hang=column, style="yellow", style_to=column)
        else:
            page.line(culprit.id, "yellow")
            page.text(f"  {culprit.title}", hang=2)
    page.gap()
    page.text(
        "flushcheck explain ID explains one: how to recognise it, how to fix it, and what the fix costs"
    )
    return page.done()


def explanation_document(culprit: Culprit) -> dict[str, Any]:
    """One culprit as plain dicts, lists and strings, ready for `json.dumps`."""
    return {
        "schema": SCHEMA,
        "id": culprit.id,
        "title": culprit.title,
        "why": culprit.why,
        "symptoms": culprit.symptoms,
        "detection": culprit.detection,
        "shown_by": sorted(culprit.shown_by),
        "looks_like": list(culprit.looks_like),
        "versions": [
            {
                "program": change.program,
                "since": shown(change.since),
                "before": change.before,
                "after": change.after,
                "source": change.source,
            }
            for change in culprit.versions
        ],
        "fixes": [fix_document(fix) for fix in culprit.fixes],
        "references": list(culprit.references),
    }


def catalogue_document(culprits: Iterable[Culprit]) -> dict[str, Any]:
    """All culprits, each with its title."""
    listed = [{"id": culprit.id, "title": culprit.title} for culprit in culprits]
    return {"schema": SCHEMA, "culprits": listed}


def explanation_html(culprit: Culprit, *, root: str) -> str:
    """One culprit as a page.

    Args:
        culprit: the one to explain.
        root: what leads from this page's address to the service's root, for example "../".
    """
    sections = "".join(
        f"<h2>{_text(heading.capitalize())}</h2>"
        f"{''.join(f'<p>{_text(paragraph)}</p>' for paragraph in paragraphs)}"
        for heading, paragraphs in _sections(culprit)
    )
    fixes = "".join(_fix_html(fix) for fix in culprit.fixes)
    links = "".join(f"<li>{_link(reference)}</li>" for reference in culprit.references)
    references = f"<h2>References</h2><ul>{links}</ul>" if links else ""
    body = (
        f"<p class=soft>culprit <code>{_text(culprit.id)}</code></p><h1>{_text(culprit.title)}</h1>{sections}"
        f"<h2>{_text(_fixes_heading(culprit).capitalize())}</h2><div class=cards>{fixes}</div>{references}"
    )
    return page_html(culprit.id, body, root)


def catalogue_html(culprits: Iterable[Culprit], *, root: str) -> str:
    """All culprits as a page; `root` as above."""
    rows = "".join(
        f'<li><a href="{root}culprits/{_text(culprit.id)}"><code>{_text(culprit.id)}</code></a><br>'
        f"{_text(culprit.title)}</li>"
        for culprit in culprits
    )
    lead = "All known causes that hold, block or cut a stream: how to recognise each, and how to fix it."
    return page_html("culprits", f"<h1>The culprits</h1><p>{lead}</p><ul>{rows}</ul>", root)


def _sections(culprit: Culprit) -> list[tuple[str, Sequence[str]]]:
    """What text and page share: heading, and the paragraphs below it."""
    sections: list[tuple[str, Sequence[str]]] = [
        ("what it is", (culprit.why,)),
        ("how it shows", (culprit.symptoms,)),
        ("how flushcheck detects it", (culprit.detection, *_ways(culprit))),
    ]
    if culprit.versions:
        changes = [f"{change.sentence()}. Source: {change.source}." for change in culprit.versions]
        sections.append(("what its versions do", changes))
    return sections


def _ways(culprit: Culprit) -> Sequence[str]:
    """How to look for it, by where it can be seen."""
    ways = []
    if Source.FILE in culprit.shown_by:
        ways.append(IN_FILES)
    elif Source.PATH in culprit.shown_by:
        ways.append(NOT_IN_FILES)
    if Source.TAP in culprit.shown_by:
        ways.append(AT_A_TAP)
    return ways


def _fixes_heading(culprit: Culprit) -> str:
    return ONE_FIX if len(culprit.fixes) == 1 else FIXES


def _fix(page: TextWriter, fix: Fix) -> None:
    page.text(f"  {fix.where}", hang=2)
    for line in fix.change.splitlines():
        page.line(f"      {line}", "green")  # never wrapped: it is there to be copied
    for label, text in remarks(fix):
        page.text(f"    {label}: {text}", hang=4)


def _fix_html(fix: Fix) -> str:
    below = "".join(f"<p class=soft>{label.capitalize()}: {_text(text)}</p>" for label, text in remarks(fix))
    return f"<section class=card><h3>{_text(fix.where)}</h3><pre>{_text(fix.change)}</pre>{below}</section>"


def page_html(title: str, body: str, root: str) -> str:
    """A page of the catalogue around its body; `root` as above."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{_text(title)}: flushcheck</title>"
        f'<link rel="icon" href="{root}page/icon.svg" type="image/svg+xml">'
        f'<link rel="stylesheet" href="{root}page/style.css"></head><body>'
        f'<header class="top"><a class="brand" href="{root or "./"}">'
        f'<img src="{root}page/icon.svg" alt="" width="28" height="28"> flushcheck</a>'
        f'<nav aria-label="Page"><a href="{root}culprits">All culprits</a> '
        f'<a href="{root}culprits/measured">Measured servers</a></nav></header>'
        f"<main>{body}</main></body></html>\n"
    )


def _link(address: str) -> str:
    if not address.startswith(("https://", "http://")):
        return _text(address)
    return f'<a rel="noreferrer" href="{_text(address)}">{_text(address)}</a>'


def _text(text: str) -> str:
    return escape(text, quote=True)
