"""The Report as a ticket for whoever runs the servers: a host, a CDN, another team.

A person who cannot change the line can only ask for it. So the ticket says what was measured, which line
is asked for and what it costs, and how the other side sees for itself that it worked; where the cause is
not certain it asks the question instead of claiming the answer. Below it, for the asker alone, stands what
can be used until then: only what was seen to work on this very path.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from flushcheck.culprits.evidence import LABELS
from flushcheck.measurement.plan import ROUTES
from flushcheck.model import Confidence, CulpritReport, Fix, Flow, Report, Transport, TransportReport, Verdict
from flushcheck.reports.text_writer import Page

# Mail programs wrap at about this; a wider terminal changes nothing about them.
WIDTH = 76

# How `Fix.where` begins when the change is the asker's own to make.
OWN_HANDS = ("the app", "the page", "the script", "gunicorn")

# No anti-buffering header, as a plain app has it: the service's streams send them unless told not to.
PLAIN_QUERY = "xab=0&cache=0&nosniff=0"

_WRONG = {
    Verdict.HELD: "On the way through your servers they are kept together and reach the reader late.",
    Verdict.BROKEN: "On the way through your servers they break, or do not get through at all.",
}


def ticket(report: Report) -> str:
    """The ticket as plain text, ending in a newline; says so where there is nothing to ask for."""
    page = Page(WIDTH, color=False)
    if report.verdict is Verdict.FLOWING:
        page.text(f"No ticket is needed: {report.target} is {report.headline}.")
        return page.done()
    if report.verdict is Verdict.UNKNOWN:
        page.text(f"No ticket can be written about {report.target}: {report.headline}.")
        return page.done()
    theirs = [culprit_report for culprit_report in report.culprits if _asked(culprit_report.culprit.fixes)]
    if report.culprits and not theirs:
        page.text(f"No ticket is needed: what is found at {report.target} is in your own hands.")
    else:
        _letter(page, report, theirs)
    _until_then(page, report)
    return page.done()


def _letter(page: Page, report: Report, culprit_reports: Sequence[CulpritReport]) -> None:
    page.line(f"Subject: streamed responses are {report.verdict}: {report.target}")
    page.gap()
    page.text("Hello,")
    page.gap()
    page.text(
        f"my app sends some of its responses piece by piece. {_WRONG[report.verdict]} This was measured, "
        f"with the moment at which each piece was sent and the moment at which it came"
        f"{f', by {report.tool}' if report.tool else ''}:"
    )
    page.gap()
    for verdict in report.transports:
        page.text(f"- {verdict.transport}: {verdict.flow}; {verdict.summary}", hang=2)
    page.gap()
    if culprit_reports:
        _causes(page, culprit_reports)
        _changes(page, culprit_reports)
    else:
        _question(page)
    _proof(page, report)
    page.text("Thank you.")


def _causes(page: Page, culprit_reports: Sequence[CulpritReport]) -> None:
    page.text("What the evidence speaks for:")
    told: set[str] = set()
    for number, culprit_report in enumerate(culprit_reports, 1):
        page.gap()
        page.text(f"{number}. {culprit_report.culprit.title} ({culprit_report.confidence})", hang=3)
        sentences = [fact.sentence for fact in culprit_report.evidence]
        for sentence in sentences:
            if sentence not in told:
                page.text(f"   - {sentence}", hang=5)
        if told.issuperset(sentences):
            page.text("   - the same evidence as above", hang=5)
        told.update(sentences)
    page.gap()
    for group in _alike(culprit_reports):
        numbers = " and ".join(str(culprit_reports.index(one) + 1) for one in group)
        page.text(f"From outside {numbers} look alike: please look which of them it is.")
        page.gap()


def _alike(culprit_reports: Sequence[CulpritReport]) -> list[list[CulpritReport]]:
    """Accusations of the same Transports of which none is certain: one of each group will be true."""
    groups: dict[tuple[Transport, ...], list[CulpritReport]] = {}
    for culprit_report in culprit_reports:
        if culprit_report.confidence is not Confidence.CERTAIN:
            groups.setdefault(culprit_report.transports, []).append(culprit_report)
    return [group for group in groups.values() if len(group) > 1]


def _changes(page: Page, culprit_reports: Sequence[CulpritReport]) -> None:
    page.text("What I ask you to change, for the address above:")
    for number, culprit_report in enumerate(culprit_reports, 1):
        sure = culprit_report.confidence is Confidence.CERTAIN
        which = f"against {number}, " if sure else f"if it is {number}, "
        for fix in _asked(culprit_report.culprit.fixes):
            page.gap()
            page.text(f"- {which}in {fix.where}:", hang=2)
            for line in fix.change.splitlines():
                page.line(f"      {line}")  # never wrapped: it is there to be copied
            page.text(f"  What it costs: {fix.caution}", hang=2)
            which = "or, "
    page.gap()


def _question(page: Page) -> None:
    page.text(
        "What keeps them cannot be told from outside. Which proxies, caches, gateways and filters stand "
        "between my app and the reader for this address? Please switch off response buffering and "
        "compression in them for it, or tell me how I can."
    )
    page.gap()


def _proof(page: Page, report: Report) -> None:
    """How the other side sees it with what it has: curl for what HTTP carries."""
    bad = [verdict.transport for verdict in report.transports if not flows(verdict)]
    streamed = [one for one in bad if one in (Transport.CHUNKED, Transport.EVENTS)]
    if streamed:
        address = f"{report.target}{ROUTES[streamed[0]]}?{PLAIN_QUERY}"
        page.text(
            "How to see it, and that it is mended: this prints word by word when all is well, and in lumps "
            "or all at the end as long as it is not."
        )
        page.gap()
        page.line(f"    curl -N --compressed {shlex.quote(address)}")
    else:
        page.text("How to see it, and that it is mended:")
        page.gap()
        page.line(f"    flushcheck diagnose {shlex.quote(report.target)} --only {','.join(bad)}")
    page.gap()


def _until_then(page: Page, report: Report) -> None:
    page.gap()
    page.line("---- not part of the ticket: what to use until then ----")
    page.gap()
    good = [verdict.transport for verdict in report.transports if flows(verdict)]
    if good:
        verb = "flow" if len(good) > 1 else "flows"
        page.text(f"- {', '.join(good)} {verb} on this path, as measured", hang=2)
    for verdict in report.transports:
        if not flows(verdict) and verdict.freed_by:
            hints = " or ".join(LABELS[variant] for variant in verdict.freed_by)
            page.text(f"- {verdict.transport} was seen to flow here with {hints}", hang=2)
    freed = any(verdict.freed_by for verdict in report.transports)
    for fix in _own(report.culprits, measured=freed):
        page.text(f"- in your own hands: {fix.where}", hang=2)
        for line in fix.change.splitlines():
            page.line(f"      {line}")
    if not good and not freed:
        page.text("- nothing that was tried flows on this path", hang=2)


def flows(verdict: TransportReport) -> bool:
    """Whether a Transport can be used as it is, whatever the size of its pieces."""
    lasts = verdict.idle is None or not verdict.idle.cuts
    return verdict.flow is Flow.FLOWING and verdict.held_at is None and lasts


def _asked(fixes: Iterable[Fix]) -> list[Fix]:
    """The changes that only whoever runs the servers can make."""
    return [fix for fix in fixes if not fix.where.startswith(OWN_HANDS)]


def _own(culprit_reports: Iterable[CulpritReport], *, measured: bool) -> list[Fix]:
    """The changes that the asker can make.

    Args:
        accusations: whose fixes.
        measured: response headers were tried on this path, and those that work are told already.
    """
    own = (
        fix
        for culprit_report in culprit_reports
        if culprit_report.confidence is not Confidence.POSSIBLE
        for fix in culprit_report.culprit.fixes
        if fix.where.startswith(OWN_HANDS)
    )
    return list(
        dict.fromkeys(fix for fix in own if not (measured and "on each streamed response" in fix.where))
    )
