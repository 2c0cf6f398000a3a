"""The Report as a ticket for the operator of the servers: a hosting provider, a CDN, another team.

A person who cannot change the configuration can only ask for the change. So the ticket says what was
measured, which line to change and what that costs, and how the operator can verify the result; where the
cause is not certain, it asks a question and claims nothing. Below it, for the sender alone, stands what works
until then: only what was measured to work on this path. `Fix.by` decides to which half a fix belongs.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from flushcheck.culprits.evidence import LABELS
from flushcheck.measurement.plan import ROUTES, STREAMED
from flushcheck.model import (
    Client,
    Confidence,
    CulpritReport,
    Fix,
    Flow,
    Owner,
    Report,
    Transport,
    TransportReport,
    Verdict,
)
from flushcheck.model.wording import any_of
from flushcheck.reports import clients
from flushcheck.reports.fixes import joining, remarks_here
from flushcheck.reports.provenance import in_logs, measured
from flushcheck.reports.text_writer import TextWriter

# Mail programs wrap at about this; a wider terminal changes nothing about them.
WIDTH = 76

# Fixes that the sender of the ticket can apply.
SENDER = frozenset({Owner.APP, Owner.CLIENT})

# Without anti-buffering headers, as a plain app responds: the service's streams have them by default.
PLAIN_QUERY = "xab=0&cache=0&nosniff=0"

# How much the command asks for: the interval is the service's default.
PIECES = 50
INTERVAL_S = 0.1
MIN_TOLD_S = 1.0  # a shorter wait needs no warning

_WRONG = {
    Verdict.HELD: "On the way through your servers the pieces are held back and reach the reader late.",
    Verdict.BROKEN: "On the way through your servers these responses break, or do not get through at all.",
}


def ticket(report: Report) -> str:
    """The ticket as plain text, ending in a newline; says so where there is nothing to ask for."""
    page = TextWriter(WIDTH, color=False)
    if report.verdict is Verdict.FLOWING:
        page.text(f"No ticket is needed: {report.target} is {report.headline}.")
        return page.done()
    if report.verdict is Verdict.UNKNOWN:
        page.text(f"No ticket can be written about {report.target}: {report.headline}.")
        return page.done()
    theirs = [culprit_report for culprit_report in report.culprits if _operator_fixes(culprit_report.fixes)]
    if report.culprits and not theirs:
        page.text(f"No ticket is needed: you can fix what was found at {report.target} yourself.")
    else:
        _letter(page, report, theirs)
    _until_then(page, report)
    return page.done()


def _letter(page: TextWriter, report: Report, culprit_reports: Sequence[CulpritReport]) -> None:
    page.line(f"Subject: streamed responses are {report.verdict}: {report.target}")
    page.gap()
    page.text("Hello,")
    page.gap()
    page.text(
        f"my app sends some of its responses piece by piece. {_WRONG[report.verdict]} This was measured"
        f"{f' by {report.tool}' if report.tool else ''}, {_measured(report)}:"
    )
    page.gap()
    for verdict in report.transports:
        page.text(f"- {verdict.transport}: {verdict.flow}; {verdict.summary}", hang=2)
        for client in clients.others(verdict):
            who = clients.NAMES[client.client]
            page.text(f"- {verdict.transport}, {who}: {client.flow}; {client.summary}", hang=2)
    if sentence := measured(report):
        page.gap()
        page.text(f"Measured {sentence}.")
    if sentence := in_logs(report):
        page.text(f"In your access logs, each of these requests has {sentence}.")
    page.gap()
    if culprit_reports:
        _causes(page, culprit_reports)
        _changes(page, culprit_reports)
        _bundles(page, report)
    else:
        _question(page)
    _proof(page, report)
    page.text("Thank you.")


def _measured(report: Report) -> str:
    if report.stream:
        return "from the times at which data arrived, with the same request made in several ways"
    return "from the time at which each piece was sent and the time at which it arrived"


def _causes(page: TextWriter, culprit_reports: Sequence[CulpritReport]) -> None:
    page.text("Causes that the evidence points to:")
    written: set[str] = set()
    for number, culprit_report in enumerate(culprit_reports, 1):
        page.gap()
        page.text(f"{number}. {culprit_report.culprit.title} ({culprit_report.confidence})", hang=3)
        sentences = [fact.sentence for fact in culprit_report.evidence]
        for sentence in sentences:
            if sentence not in written:
                page.text(f"   - {sentence}", hang=5)
        if written.issuperset(sentences):
            page.text("   - the same evidence as above", hang=5)
        written.update(sentences)
    page.gap()
    for group in _alike(culprit_reports):
        numbers = " and ".join(str(culprit_reports.index(member) + 1) for member in group)
        page.text(f"From outside, {numbers} look the same: please check which of them it is.")
        page.gap()


def _alike(culprit_reports: Sequence[CulpritReport]) -> list[list[CulpritReport]]:
    """Culprits of the same Transports without certainty: one culprit of each group is the cause."""
    groups: dict[tuple[Transport, ...], list[CulpritReport]] = {}
    for culprit_report in culprit_reports:
        if culprit_report.confidence is not Confidence.CERTAIN:
            groups.setdefault(culprit_report.transports, []).append(culprit_report)
    return [group for group in groups.values() if len(group) > 1]


def _changes(page: TextWriter, culprit_reports: Sequence[CulpritReport]) -> None:
    page.text("Changes that I ask you to make, for the address above:")
    for number, culprit_report in enumerate(culprit_reports, 1):
        sure = culprit_report.confidence is Confidence.CERTAIN
        which = f"against {number}, " if sure else f"if it is {number}, "
        for offered in culprit_report.offered:
            fix = offered.fix
            if fix.by in SENDER:
                continue
            page.gap()
            page.text(f"- {which}in {fix.where}:", hang=2)
            _change(page, fix.change)
            for label, text in remarks_here(offered):
                page.text(f"  {label}: {text}", hang=2)
            which = "or, "
    page.gap()


def _bundles(page: TextWriter, report: Report) -> None:
    """The changes of several causes in one server, as one text."""
    for bundle in joining(report.bundles):
        page.text(f"All of these together, to paste: {bundle.where}", hang=2)
        page.gap()
        _change(page, bundle.change)
        page.gap()


def _change(page: TextWriter, change: str) -> None:
    for line in change.splitlines():
        page.line(f"      {line}")  # never wrapped: it is there to be copied


def _question(page: TextWriter) -> None:
    page.text(
        "The cause cannot be measured from outside. Which proxies, caches, gateways and filters are "
        "between my app and the reader for this address? Please switch off response buffering and "
        "compression in them for it, or tell me how I can."
    )
    page.gap()


def _proof(page: TextWriter, report: Report) -> None:
    """How the operator reproduces it with common tools: curl for what HTTP carries."""
    bad = [verdict.transport for verdict in report.transports if not flows(verdict)]
    streamed = [transport for transport in bad if transport in STREAMED]
    if streamed:
        address, token = _reproduced(report, streamed[0])
        # curl speaks HTTP/2 where it can: what only HTTP/1.1 clients meet has to be asked for.
        protocol = " --http1.1" if _only_over_http1(report) else ""
        lasts_s = _lasts_s(report)
        lasting = f" It takes about {lasts_s:.0f} s; a stream held to its end prints nothing until then."
        page.text(
            "To reproduce, and to verify the fix: this command prints word by word when the stream flows, "
            f"and in blocks or all at the end when it is held.{lasting if lasts_s >= MIN_TOLD_S else ''}"
        )
        page.gap()
        page.line(f"    curl -N{protocol} --compressed{token}{_method(report)} {shlex.quote(address)}")
        if token:
            page.gap()
            page.text("TOKEN stands at the head of the origin, the file or part of my app at this address.")
    else:
        page.text("To reproduce, and to verify the fix:")
        page.gap()
        page.line(f"    flushcheck diagnose {shlex.quote(report.target)} --only {','.join(bad)}")
    page.gap()


def _reproduced(report: Report, transport: Transport) -> tuple[str, str]:
    """The address of such a stream, and curl's option for an origin's token; "" where there is none."""
    if report.stream:
        return report.target, ""
    if report.is_origin:
        mark = "&" if "?" in report.target else "?"
        return f"{report.target}{mark}fc={transport}", " -H 'X-Flushcheck-Token: TOKEN'"
    return f"{report.target}{ROUTES[transport]}?count={PIECES}&{PLAIN_QUERY}", ""


def _lasts_s(report: Report) -> float:
    """How long the command runs, for the operator not to give up before its end; 0: not known."""
    if report.stream:
        return report.stream.ended_s
    return 0.0 if report.is_origin else PIECES * INTERVAL_S


def _method(report: Report) -> str:
    """How curl makes the same request, where it is no GET: the body stays with the sender of the ticket."""
    method = report.stream.method if report.stream else ""
    return f" -X {shlex.quote(method)} -d @body" if method not in ("", "GET") else ""


def _only_over_http1(report: Report) -> bool:
    """Whether every Transport flows for the first Client, and not for one that speaks HTTP/1.1."""
    return all(transport.flow is Flow.FLOWING for transport in report.transports) and any(
        client.client is Client.HTTP1 and client.flow is not Flow.FLOWING
        for transport in report.transports
        for client in transport.clients
    )


def _until_then(page: TextWriter, report: Report) -> None:
    page.gap()
    page.line("---- not part of the ticket: what to use until then ----")
    page.gap()
    good = [verdict.transport for verdict in report.transports if flows(verdict)]
    if good:
        verb = "flow" if len(good) > 1 else "flows"
        page.text(f"- {', '.join(good)} {verb} on this path, as measured", hang=2)
    for verdict in report.transports:
        if not flows(verdict) and verdict.freed_by:
            labels = any_of([LABELS[variant] for variant in verdict.freed_by])
            page.text(f"- {verdict.transport}: tested here, it flows with {labels}", hang=2)
    freed = any(verdict.freed_by for verdict in report.transports)
    for fix in _sender_fixes(report.culprits, headers_tested=freed):
        page.text(f"- you can change this yourself: {fix.where}", hang=2)
        _change(page, fix.change)
    if not good and not freed:
        page.text("- no transport that was tried flows on this path", hang=2)


def flows(verdict: TransportReport) -> bool:
    """Whether a Transport can be used as it is, by every client, whatever the size of its pieces."""
    lasts = verdict.idle is None or not verdict.idle.cuts
    for_all = all(client.flow is Flow.FLOWING for client in verdict.clients)
    return verdict.flow is Flow.FLOWING and verdict.held_at is None and for_all and lasts


def _operator_fixes(fixes: Iterable[Fix]) -> list[Fix]:
    """The changes that only the operator of the servers or of the network can make."""
    return [fix for fix in fixes if fix.by not in SENDER]


def _sender_fixes(culprit_reports: Iterable[CulpritReport], *, headers_tested: bool) -> list[Fix]:
    """The changes that the sender of the ticket can make.

    Args:
        culprit_reports: whose fixes.
        headers_tested: response headers were tried on this path, and those that work are listed already.
    """
    own = (
        fix
        for culprit_report in culprit_reports
        if culprit_report.confidence is not Confidence.POSSIBLE
        for fix in culprit_report.fixes
        if fix.by in SENDER
    )
    return list(dict.fromkeys(fix for fix in own if not (headers_tested and fix.response_header)))
