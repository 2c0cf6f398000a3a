"""A Culprit explained: for a terminal, as JSON, and as a page of the service.

Everything said is the catalogue's. Nothing here comes from a far side, and it is escaped all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from flushcheck.culprits.catalogue import Entry
from flushcheck.model import Fix
from flushcheck.model.codec import to_json
from flushcheck.reports.text_writer import Page

SCHEMA = 2  # of `explanation_document` and `catalogue_document`, counted as that of a Report is

FILES_TELL = "A server's configuration shows it as well: flushcheck check FILE."
NO_FILE_TELLS = "No server's configuration shows it: flushcheck diagnose URL has to look."


def explanation_text(entry: Entry, *, width: int, color: bool) -> str:
    """What it is, how it shows, how it is told, what frees, at what price; ends in a newline.

    Args:
        entry: whom to explain.
        width: columns of the terminal.
        color: whether to use ANSI colours.
    """
    culprit = entry.culprit
    page = Page(width, color)
    page.line(culprit.id, "yellow", "bold")
    page.text(culprit.title)
    for heading, paragraphs in _said(entry):
        page.gap()
        page.line(heading, "bold")
        for paragraph in paragraphs:
            page.text(f"  {paragraph}", hang=2)
    page.gap()
    page.line("what frees it" if len(culprit.fixes) < 2 else "what frees it, each by itself", "bold")
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


def catalogue_text(entries: Sequence[Entry], *, width: int, color: bool) -> str:
    """All Culprits with their titles; ends in a newline."""
    page = Page(width, color)
    # Side by side where there is room for the titles; one under the other where there is not.
    column = max(len(entry.culprit.id) for entry in entries) + 2
    beside = page.width - column >= 40
    for entry in entries:
        culprit = entry.culprit
        if beside:
            label = f"{culprit.id:<{column}}"
            page.text(label + culprit.title, hang=column, hue="yellow", hue_to=column)
        else:
            page.line(culprit.id, "yellow")
            page.text(f"  {culprit.title}", hang=2)
    page.gap()
    page.text("flushcheck explain ID says how each shows, what frees it, and at what price")
    return page.done()


def explanation_document(entry: Entry) -> dict[str, Any]:
    """One Culprit as plain dicts, lists and strings, ready for `json.dumps`."""
    culprit = entry.culprit
    return {
        "schema": SCHEMA,
        "id": culprit.id,
        "title": culprit.title,
        "why": culprit.why,
        "symptoms": culprit.symptoms,
        "told_live": entry.told_live,
        "in_files": entry.in_files,
        "fixes": [to_json(fix) for fix in culprit.fixes],
        "references": list(culprit.references),
    }


def catalogue_document(entries: Iterable[Entry]) -> dict[str, Any]:
    """All Culprits, each with its title."""
    listed = [{"id": entry.culprit.id, "title": entry.culprit.title} for entry in entries]
    return {"schema": SCHEMA, "culprits": listed}


def explanation_html(entry: Entry, *, root: str) -> str:
    """One Culprit as a page.

    Args:
        entry: whom to explain.
        root: what leads from this page's address to the service's root, for example "../".
    """
    culprit = entry.culprit
    said = "".join(
        f"<h2>{_text(heading.capitalize())}</h2>{''.join(f'<p>{_text(one)}</p>' for one in paragraphs)}"
        for heading, paragraphs in _said(entry)
    )
    fixes = "".join(
        f"<section class=card><h3>{_text(fix.where)}</h3><pre>{_text(fix.change)}</pre>"
        f"<p class=soft>Price: {_text(fix.caution)}</p></section>"
        for fix in culprit.fixes
    )
    links = "".join(f"<li>{_link(one)}</li>" for one in culprit.references)
    references = f"<h2>References</h2><ul>{links}</ul>" if links else ""
    body = (
        f"<p class=soft>culprit <code>{_text(culprit.id)}</code></p><h1>{_text(culprit.title)}</h1>{said}"
        f"<h2>What frees it</h2><div class=cards>{fixes}</div>{references}"
    )
    return _html(culprit.id, body, root)


def catalogue_html(entries: Iterable[Entry], *, root: str) -> str:
    """All Culprits as a page; `root` as above."""
    rows = "".join(
        f'<li><a href="{root}culprits/{_text(culprit.id)}"><code>{_text(culprit.id)}</code></a><br>'
        f"{_text(culprit.title)}</li>"
        for culprit in (entry.culprit for entry in entries)
    )
    lead = "Everything that is known to hold, block or cut a stream, how it shows, and what frees it."
    return _html("culprits", f"<h1>The culprits</h1><p>{lead}</p><ul>{rows}</ul>", root)


def _said(entry: Entry) -> list[tuple[str, tuple[str, ...]]]:
    """The paragraphs that text and page share: heading, and what stands below it."""
    culprit = entry.culprit
    told = tuple(filter(None, (entry.told_live, FILES_TELL if entry.in_files else NO_FILE_TELLS)))
    return [
        ("what it is", (culprit.why,)),
        ("how it shows", (culprit.symptoms,)),
        ("how flushcheck tells", told),
    ]


def _fix(page: Page, fix: Fix) -> None:
    page.text(f"  {fix.where}", hang=2)
    for line in fix.change.splitlines():
        page.line(f"      {line}", "green")  # never wrapped: it is there to be copied
    page.text(f"    price: {fix.caution}", hang=4)


def _html(title: str, body: str, root: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{_text(title)}: flushcheck</title>"
        f'<link rel="icon" href="{root}page/icon.svg" type="image/svg+xml">'
        f'<link rel="stylesheet" href="{root}page/style.css"></head><body>'
        f'<header class="top"><a class="brand" href="{root or "./"}">'
        f'<img src="{root}page/icon.svg" alt="" width="28" height="28"> flushcheck</a>'
        f'<nav aria-label="Page"><a href="{root}culprits">All culprits</a></nav></header>'
        f"<main>{body}</main></body></html>\n"
    )


def _link(address: str) -> str:
    if not address.startswith(("https://", "http://")):
        return _text(address)
    return f'<a rel="noreferrer" href="{_text(address)}">{_text(address)}</a>'


def _text(text: str) -> str:
    return escape(text, quote=True)
