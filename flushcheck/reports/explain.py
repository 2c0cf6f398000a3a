"""A culprit explained: for a terminal, and as JSON. Its page is in `culprit_pages`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flushcheck.model import Culprit, Fix, Source, Status
from flushcheck.model.codec import to_json
from flushcheck.model.versions import shown
from flushcheck.model.wording import all_of, any_of
from flushcheck.reports.fixes import fix_document, remarks
from flushcheck.reports.symptoms import symptom_sentence
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
    page.text(f"status: {status_sentence(culprit)}", style="dim")
    for heading, paragraphs in sections(culprit):
        page.gap()
        page.line(heading, "bold")
        for paragraph in paragraphs:
            page.text(f"  {paragraph}", hang=2)
    page.gap()
    page.line(fixes_heading(culprit), "bold")
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
    column = max((len(culprit.id) for culprit in listed), default=0) + 2
    beside = page.width - column >= 40
    for culprit in listed:
        if beside:
            label = f"{culprit.id:<{column}}"
            page.text(label + culprit.title, hang=column, style="yellow", style_to=column)
        else:
            page.line(culprit.id, "yellow")
            page.text(f"  {culprit.title}", hang=2)
    if not listed:
        page.text("no culprit fits this selection")
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
        "shows": [to_json(symptom) for symptom in culprit.shows],
        "status": culprit.status.value,
        "measured_on": list(culprit.measured_on),
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


def sections(culprit: Culprit) -> list[tuple[str, Sequence[str]]]:
    """What text and page share: heading, and the paragraphs below it."""
    found: list[tuple[str, Sequence[str]]] = [
        ("what it is", (culprit.why,)),
        ("how it shows", (culprit.symptoms, *_arrivals(culprit))),
        ("how flushcheck detects it", (culprit.detection, *_ways(culprit))),
    ]
    if culprit.versions:
        changes = [f"{change.sentence()}. Source: {change.source}." for change in culprit.versions]
        found.append(("what its versions do", changes))
    return found


def status_sentence(culprit: Culprit) -> str:
    """Where the knowledge is from: "measured here on nginx 1.22.1", or the page of documentation."""
    match culprit.status:
        case Status.MEASURED:
            return f"measured here on {all_of(culprit.measured_on)}"
        case Status.GENERIC:
            return "names no program: it describes what a run shows"
        case Status.DOCUMENTED:
            source = f": {culprit.references[0]}" if culprit.references else ""
            return f"from documentation{source}"


def _arrivals(culprit: Culprit) -> Sequence[str]:
    """How the stream arrives, as data says it."""
    ways = any_of([symptom_sentence(symptom) for symptom in culprit.shows])
    return (f"The stream arrives: {ways}.",) if ways else ()


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


def fixes_heading(culprit: Culprit) -> str:
    """The heading above the fixes, by their number."""
    return ONE_FIX if len(culprit.fixes) == 1 else FIXES


def _fix(page: TextWriter, fix: Fix) -> None:
    page.text(f"  {fix.where}", hang=2)
    for line in fix.change.splitlines():
        page.line(f"      {line}", "green")  # never wrapped: it is there to be copied
    for label, text in remarks(fix):
        page.text(f"    {label}: {text}", hang=4)
