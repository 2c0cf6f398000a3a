"""The Report for a person at a terminal: what is wrong first, then why, then the line that fixes it.

Text that came from the far side is escaped by `TextWriter`: a header must not move the cursor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flushcheck.culprits.evidence import LABELS
from flushcheck.model import (
    Bundle,
    Client,
    ClientReport,
    Confidence,
    CulpritReport,
    FaultLocation,
    Flow,
    Hop,
    OfferedFix,
    Report,
    RungStream,
    Transport,
    TransportReport,
    Variant,
    Verdict,
)
from flushcheck.model.wording import all_of, any_of
from flushcheck.reports import clients
from flushcheck.reports.fixes import joining, remarks_here
from flushcheck.reports.provenance import in_logs, measured
from flushcheck.reports.text_writer import TextWriter

_HEALTH_COLOR = {
    Verdict.FLOWING: "green",
    Verdict.HELD: "red",
    Verdict.BROKEN: "red",
    Verdict.UNKNOWN: "yellow",
}
_CONFIDENCE = {
    Confidence.CERTAIN: "certain",
    Confidence.LIKELY: "likely",
    Confidence.POSSIBLE: "possible",
}
_PICTURE_WIDTH = 50  # cells of a time line
MAX_LABEL = 16  # characters of the name of an address
ALL = "all"  # in place of a Transport


def terminal(report: Report, *, width: int, color: bool) -> str:
    """The Report as lines of text, ending in a newline.

    Args:
        width: columns of the terminal.
        color: whether to use ANSI colours.
    """
    page = TextWriter(width, color)
    page.line(f"{report.verdict.upper()}  {report.target}", _HEALTH_COLOR[report.verdict], "bold")
    page.text(report.headline)
    if as_clients := clients.asked_as(report):
        page.text(as_clients)
    page.gap()
    if _fail_alike(report.transports):
        _flow(page, ALL, report.transports[0], good=False)
    else:
        for transport_report in report.transports:
            _transport(page, transport_report, ladder=_ladder_of(report, transport_report.transport))
    if report.stream and report.stream.records:
        page.text(f"     {report.stream.format}, {report.stream.summary}", hang=5)
        for sentence in report.stream.token_sentences:
            page.text(f"     {sentence}", hang=5)
    _located(page, report.fault_location)
    for culprit_report in report.culprits:
        page.gap()
        _culprit_report(page, culprit_report, clients.clients_of(report))
    _bundles(page, report.bundles)
    _freed_by(page, report)
    _hops(page, report.hops)
    if report.clean:
        page.gap()
        page.text("tried, and found clean:")
    for sentence in report.clean:
        page.text(f"- {sentence}", hang=2)
    if report.notes:
        page.gap()
        for note in report.notes:
            page.text(f"note: {note}", hang=6)
    _provenance(page, report)
    return page.done()


def _provenance(page: TextWriter, report: Report) -> None:
    if sentence := measured(report):
        page.gap()
        page.text(f"measured: {sentence}", hang=2)
    if sentence := in_logs(report):
        page.text(f"in access logs: {sentence}", hang=2)


def _fail_alike(transport_reports: Sequence[TransportReport]) -> bool:
    """Whether no Transport arrived, for one reason: a site that refuses the connection refuses every one."""
    reasons = {(report.flow, report.summary) for report in transport_reports}
    reasons |= {(client.flow, client.summary) for report in transport_reports for client in report.clients}
    return len(transport_reports) > 1 and len(reasons) == 1 and transport_reports[0].flow is Flow.FAILED


def _transport(page: TextWriter, report: TransportReport, *, ladder: Sequence[NamedStream]) -> None:
    cut = report.idle is not None and report.idle.cuts
    good = report.flow is Flow.FLOWING and not cut
    _flow(page, report.transport, report, good=good, pictured=not ladder)
    for client in clients.others(report):
        _flow(page, "", client, good=client.flow is Flow.FLOWING, who=f"{clients.NAMES[client.client]}: ")
    _ladder(page, ladder, () if good else report.sent_s)


NamedStream = tuple[str, RungStream]  # with the name of its address


def _ladder_of(report: Report, transport: Transport) -> list[NamedStream]:
    """One stream at several addresses. What flows at all of them is drawn of the user's own stream only."""
    streams = [
        (rung.name, stream)
        for rung in report.rungs
        for stream in rung.streams
        if stream.transport is transport
    ]
    shows = report.stream is not None or any(
        stream.first or stream.flow is not Flow.FLOWING for _, stream in streams
    )
    return streams if shows else []


def _ladder(page: TextWriter, ladder: Sequence[NamedStream], sent_s: Sequence[float]) -> None:
    """The same stream at several addresses: one time line each, the app's own first."""
    received_s = [at_s for _, stream in ladder for at_s in stream.received_s]
    whole_s = max((*received_s, *sent_s), default=0.0)
    label = min(MAX_LABEL, max((len(name) for name, _ in ladder), default=0))
    label = max(len("received"), label)
    cells = min(_PICTURE_WIDTH, page.width - 27 - label)
    if ladder and len(sent_s) > 1:
        page.line(f"       {'sent':<{label}} {time_line(sent_s, whole_s, cells)}", "dim")
    for name, stream in ladder:
        line = time_line(stream.received_s, whole_s, cells)
        where = "  <- first" if stream.first else ""
        page.line(
            f"       {name[:label]:<{label}} {line} {stream.flow}{where}", "red" if stream.first else "dim"
        )


def _flow(
    page: TextWriter,
    name: str,
    report: TransportReport | ClientReport,
    *,
    good: bool,
    who: str = "",
    pictured: bool = True,
) -> None:
    """How the stream arrived, in one line; and the picture of it if it did not flow."""
    mark, style = ("ok", "green") if good else ("!!", "red")
    label = f"  {mark} {name:<10} {report.flow:<10}"
    page.text(f"{label} {who}{report.summary}", hang=len(label) + 1, style=style, style_to=len(label))
    if not pictured:
        return
    if report.flow is not Flow.FLOWING and len(report.sent_s) > 1:
        cells = min(_PICTURE_WIDTH, page.width - 20)
        sent, received = picture(report.sent_s, report.received_s, cells)
        page.line(f"       sent     {sent}".rstrip(), "dim")
        page.line(f"       received {received}".rstrip(), "dim")
    elif len(report.received_s) > 1 and not report.sent_s:
        cells = min(_PICTURE_WIDTH, page.width - 20)
        received = time_line(report.received_s, max(report.received_s), cells)
        page.line(f"       received {received}", "dim")


def picture(sent_s: Sequence[float], received_s: Sequence[float], cells: int) -> tuple[str, str]:
    """Two time lines: when Pieces were sent, and when they arrived.

    A cell shows how many fell into it: `.` none, `|` one, 2 to 9, `#` more.
    """
    whole_s = max(*sent_s, *received_s)
    return time_line(sent_s, whole_s, cells), time_line(received_s, whole_s, cells)


def time_line(moments_s: Iterable[float], whole_s: float, cells: int) -> str:
    """One time line, from 0 to `whole_s`: see `picture`."""
    counts = [0] * cells
    for at_s in moments_s:
        counts[min(cells - 1, max(0, int(at_s / max(whole_s, 1e-9) * (cells - 1))))] += 1
    return "".join("." if n == 0 else "|" if n == 1 else str(n) if n < 10 else "#" for n in counts)


def _culprit_report(page: TextWriter, culprit_report: CulpritReport, asked: Sequence[Client]) -> None:
    culprit = culprit_report.culprit
    page.text(
        f"culprit ({_CONFIDENCE[culprit_report.confidence]}): {culprit.id}", hang=2, style="yellow", bold=True
    )
    page.text(f"  {culprit.title}", hang=2)
    whom = f", for {clients.named(culprit_report.clients)}" if culprit_report.clients != asked else ""
    page.text(f"  on {', '.join(culprit_report.transports)}{whom}", hang=2)
    for number, offered in enumerate(culprit_report.offered):
        _fix(page, "fix" if number == 0 else "or", offered)
    if culprit_report.versions:
        page.text("  versions:")
    for sentence in culprit_report.versions:
        page.text(f"  - {sentence}", hang=4)
    page.text("  evidence:")
    for fact in culprit_report.evidence:
        page.text(f"  - {fact.sentence}", hang=4)


def _fix(page: TextWriter, word: str, offered: OfferedFix) -> None:
    page.text(f"  {word}: {offered.fix.where}", hang=6, style="bold")
    for line in offered.fix.change.splitlines():
        page.line(f"      {line}", "green")  # never wrapped: it is there to be copied
    for label, text in remarks_here(offered):
        page.text(f"      {label}: {text}", hang=12)


def _bundles(page: TextWriter, bundles: Iterable[Bundle]) -> None:
    """The lines of several culprits for one server."""
    for bundle in joining(bundles):
        page.gap()
        page.text(
            f"for {all_of(bundle.culprits)} together: {bundle.where}", hang=2, style="yellow", bold=True
        )
        for line in bundle.change.splitlines():
            page.line(f"      {line}", "green")  # never wrapped: it is there to be copied
        for note in bundle.notes:
            page.text(f"      note: {note}", hang=12)


def _located(page: TextWriter, located: FaultLocation | None) -> None:
    if located is None:
        return
    page.gap()
    page.text(f"located: {located.summary}", hang=2, style="bold")
    for fact in located.evidence:
        page.text(f"  - {fact.sentence}", hang=4)


def _hops(page: TextWriter, hops: Sequence[Hop]) -> None:
    if hops:
        page.gap()
        page.text("servers found between app and reader, nearest to the app first where the order is known:")
    for hop in hops:
        page.text(f"- {hop.what} ({hop.evidence.sentence})", hang=2)


def _freed_by(page: TextWriter, report: Report) -> None:
    """What the app can do by itself, once for all Transports on which the same was measured to work.

    Where it is a fix of a culprit, it stands there already.
    """
    tested = {
        (offered.fix.variant, transport)
        for culprit_report in report.culprits
        for offered in culprit_report.offered
        for transport in offered.transports
    }
    freed: dict[tuple[tuple[Variant, ...], str], list[str]] = {}
    for found in report.transports:
        if variants := tuple(each for each in found.freed_by if (each, found.transport) not in tested):
            freed.setdefault((variants, ""), []).append(found.transport)
        for client in clients.others(found):
            if client.freed_by:
                whom = f", for {clients.NAMES[client.client]}"
                freed.setdefault((client.freed_by, whom), []).append(found.transport)
    if freed:
        page.gap()
    for (variants, whom), transports in freed.items():
        page.text(
            f"{', '.join(transports)}{whom}: tested here, the stream flows with "
            f"{any_of([LABELS[variant] for variant in variants])}",
            hang=2,
        )
