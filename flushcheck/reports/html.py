"""The Report as one HTML file that needs nothing else: to keep, to mail, to open from disk.

It has no script and loads nothing, and its Content-Security-Policy forbids both. Text that came from the far
side is escaped wherever it is written (`_text`), and references become links only when they are http(s).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

from flushcheck.culprits.evidence import LABELS
from flushcheck.model import (
    Bundle,
    Client,
    CulpritReport,
    Evidence,
    FaultLocation,
    Flow,
    Hop,
    IdleResult,
    OfferedFix,
    Report,
    TransportReport,
    Verdict,
)
from flushcheck.model.wording import all_of, any_of
from flushcheck.reports import clients
from flushcheck.reports.fixes import joining, remarks_here
from flushcheck.reports.provenance import in_logs, measured

# The picture's own units; the browser stretches them to the width there is.
WIDTH, HEIGHT, TOP, BOTTOM = 1000, 96, 14, 82

# A Piece is coloured late above the first delay, held above the second. Colours only: no verdict uses them.
LATE_S, HELD_S = 0.1, 0.5

DENSE = 120  # with more Pieces than this, lines are thinner

_CSS = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5a6472;--paper:#faf8f4;--card:#fff;--line:#dcd8cf;
--good:#0b7a6b;--late:#a86a00;--bad:#c0391b}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebf0;--soft:#9aa5b4;--paper:#0f141b;--card:#171e28;
--line:#2b3442;--good:#4fd6bf;--late:#e5b04c;--bad:#ff8a65}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:56rem;padding:1.5rem 1rem 4rem;background:var(--paper);color:var(--ink);
font:1rem/1.55 system-ui,sans-serif;overflow-wrap:anywhere}
a{color:var(--good)}
h1{font-size:1.6rem;line-height:1.25;margin:.2rem 0}h2{font-size:1.1rem;margin:0}
h3{font-size:1rem;margin:.8rem 0 0}
section{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1rem 1.2rem;
margin:1rem 0}
pre{white-space:pre-wrap;font:.9rem/1.5 ui-monospace,monospace;background:var(--paper);
border:1px solid var(--line);border-radius:.5rem;padding:.6rem .8rem;margin:.4rem 0}
p{margin:.4rem 0}ul,ol{margin:.4rem 0;padding-left:1.4rem}li{margin:.25rem 0}
svg{display:block;width:100%;height:6rem}
.soft{color:var(--soft)}.good{color:var(--good)}.late{color:var(--late)}.bad{color:var(--bad)}
table{border-collapse:collapse}th,td{text-align:left;padding:.2rem 1.5rem .2rem 0}th{font-weight:600}
.word{font-weight:700;letter-spacing:.04em;text-transform:uppercase}
path{fill:none;stroke-width:1.5;vector-effect:non-scaling-stroke}
.axis{stroke:var(--line)}.tick{stroke:var(--ink);stroke-width:2}
.dense path{stroke-width:.6}
.prompt{stroke:var(--good)}.slow{stroke:var(--late)}.kept{stroke:var(--bad)}
"""

_LEGEND = (
    '<p class="soft">Above: when each piece was sent. Below: when it arrived. Parallel lines: the stream '
    "flows. Lines that meet in one point: these pieces were held and arrived together.</p>"
)


def html(report: Report) -> str:
    """The whole file."""
    allowed = base64.b64encode(hashlib.sha256(_CSS.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{allowed}'"
    hue = {Verdict.FLOWING: "good", Verdict.UNKNOWN: "late"}.get(report.verdict, "bad")
    as_clients = clients.asked_as(report)
    asked = f" · {_text(as_clients)}" if as_clients else ""
    when = measured(report) or (f"by {report.tool}" if report.tool else "")
    tool = f" · measured {_text(when)}" if when else ""
    logs = in_logs(report)
    body = [
        f'<p class="word {hue}">{_text(report.verdict)}</p>',
        f"<h1>{_text(report.headline)}</h1>",
        f'<p class="soft">{_text(report.target)}{tool}{asked}</p>',
        f'<p class="soft">In access logs: {_text(logs)}</p>' if logs else "",
        _LEGEND,
        *(_verdict(verdict) for verdict in report.transports),
        _located(report.fault_location),
        *(_culprit_report(culprit_report, clients.clients_of(report)) for culprit_report in report.culprits),
        *(_bundle(bundle) for bundle in joining(report.bundles)),
        _idle_results(report.transports),
        _hops(report.hops),
        _clean(report.clean),
        _notes(report),
    ]
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            f"<title>{_text(report.verdict)}: {_text(report.target)}</title>",
            f"<style>{_CSS}</style></head><body><main>",
            *filter(None, body),
            "</main></body></html>\n",
        ]
    )


def _verdict(verdict: TransportReport) -> str:
    words = [_word(verdict.flow, good=verdict.flow is Flow.FLOWING)]
    if verdict.idle and verdict.idle.cuts:
        words.append(_word("cut", good=False))
    lines = [f"<h2>{_text(verdict.transport)} {' '.join(words)}</h2>", f"<p>{_text(verdict.summary)}</p>"]
    if len(verdict.sent_s) > 1:
        lines.append(
            picture(verdict.sent_s, verdict.received_s, name=f"{verdict.transport}: {verdict.summary}")
        )
    for client in clients.others(verdict):
        who = clients.NAMES[client.client]
        word = _word(client.flow, good=client.flow is Flow.FLOWING)
        lines.append(f"<h3>{_text(who)} {word}</h3><p>{_text(client.summary)}</p>")
        if len(client.sent_s) > 1:
            name = f"{verdict.transport}, {who}: {client.summary}"
            lines.append(picture(client.sent_s, client.received_s, name=name))
    if verdict.freed_by:
        labels = any_of([LABELS[variant] for variant in verdict.freed_by])
        lines.append(f"<p>Tested here: the stream flows with {_text(labels)}.</p>")
    return f"<section>{''.join(lines)}</section>"


def _word(word: str, *, good: bool) -> str:
    return f'<span class="word {"good" if good else "bad"}">{_text(word)}</span>'


def picture(sent_s: Sequence[float], received_s: Sequence[float], *, name: str) -> str:
    """Time as SVG with its scale. See `drawing`."""
    whole_s = max(*sent_s, *received_s, 1e-9)
    svg = drawing(sent_s, received_s, name=name)
    return f'{svg}<p class="soft">0 to {whole_s:.2f} s; above: sent, below: arrived</p>'


def drawing(
    sent_s: Sequence[float],
    received_s: Sequence[float],
    *,
    name: str,
    lost_s: Sequence[float] = (),
    empty_s: Sequence[float] = (),
) -> str:
    """Time as SVG: a tick for each Piece as sent, one as received, and a line between the two.

    Args:
        sent_s: when each Piece was sent, from 0.
        received_s: when it arrived, on the same clock, in the same order.
        name: what the picture shows, for screen readers.
        lost_s: when Pieces were sent that never arrived.
        empty_s: when something arrived that completed no Piece, as a header does.
    """
    whole_s = max(*sent_s, *received_s, *lost_s, 1e-9)

    def x(at_s: float) -> str:
        return f"{max(0.0, at_s) / whole_s * WIDTH:.1f}"

    lines: dict[str, list[str]] = {"prompt": [], "slow": [], "kept": []}
    ticks: list[str] = []
    for sent, came in zip(sent_s, received_s, strict=True):
        kind = "kept" if came - sent > HELD_S else "slow" if came - sent > LATE_S else "prompt"
        lines[kind].append(f"M{x(sent)} {TOP}L{x(came)} {BOTTOM}")
        ticks.append(f"M{x(sent)} {TOP - 12}V{TOP}M{x(came)} {BOTTOM}V{BOTTOM + 12}")
    ticks += [f"M{x(sent)} {TOP - 12}V{TOP}" for sent in lost_s]
    ticks += [f"M{x(came)} {BOTTOM}V{BOTTOM + 12}" for came in empty_s]
    dense = ' class="dense"' if len(sent_s) > DENSE else ""
    paths = "".join(f'<path class="{kind}" d="{"".join(d)}"/>' for kind, d in lines.items() if d)
    return (
        f'<svg{dense} role="img" aria-label="{_text(name)}" viewBox="-6 0 {WIDTH + 12} {HEIGHT}" '
        f'preserveAspectRatio="none"><path class="axis" d="M0 {TOP}H{WIDTH}M0 {BOTTOM}H{WIDTH}"/>'
        f'{paths}<path class="tick" d="{"".join(ticks)}"/></svg>'
    )


def _culprit_report(culprit_report: CulpritReport, asked: Sequence[Client]) -> str:
    culprit = culprit_report.culprit
    whom = f", for {clients.named(culprit_report.clients)}" if culprit_report.clients != asked else ""
    fixes = "".join(
        _fix("Fix" if number == 0 else "Or", offered) for number, offered in enumerate(culprit_report.offered)
    )
    return (
        f'<section><p class="late">culprit, {_text(culprit_report.confidence)}: {_text(culprit.id)}'
        f"{_text(whom)}</p>"
        f"<h2>{_text(culprit.title)}</h2><p>{_text(culprit.why)}</p>{fixes}"
        f"{_versions(culprit_report.versions)}<h3>Evidence</h3>{_facts(culprit_report.evidence)}"
        f"{_references(culprit.references)}</section>"
    )


def _fix(word: str, offered: OfferedFix) -> str:
    fix = offered.fix
    below = "".join(
        f'<p class="soft">{label.capitalize()}: {_text(text)}</p>' for label, text in remarks_here(offered)
    )
    return f"<p><strong>{word}:</strong> {_text(fix.where)}</p><pre>{_text(fix.change)}</pre>{below}"


def _bundle(bundle: Bundle) -> str:
    """The lines of several culprits for one server."""
    notes = "".join(f'<p class="soft">Note: {_text(note)}</p>' for note in bundle.notes)
    return (
        f"<section><h2>The lines of {_text(all_of(bundle.culprits))} together</h2>"
        f"<p>{_text(bundle.where)}</p><pre>{_text(bundle.change)}</pre>{notes}</section>"
    )


def _versions(sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{_text(sentence)}</li>" for sentence in sentences)
    return f"<h3>Versions</h3><ul>{items}</ul>" if items else ""


def _references(references: Iterable[str]) -> str:
    links = "".join(
        f'<li><a rel="noreferrer" href="{_text(reference)}">{_text(reference)}</a></li>'
        for reference in references
        if reference.startswith(("https://", "http://"))
    )
    return f"<h3>References</h3><ul>{links}</ul>" if links else ""


def _located(located: FaultLocation | None) -> str:
    """Where the fault lies, if the run was made from two vantages."""
    if located is None:
        return ""
    facts = _facts(located.evidence)
    return f"<section><h2>Where the fault is</h2><p>{_text(located.summary)}</p>{facts}</section>"


def _idle_results(verdicts: Iterable[TransportReport]) -> str:
    """What the search for idle timeouts showed on each Transport, if it was made."""
    rows = "".join(
        f'<tr><th scope="row">{_text(verdict.transport)}</th>{_idle_cells(verdict.idle)}</tr>'
        for verdict in verdicts
        if verdict.idle
    )
    if not rows:
        return ""
    return (
        "<section><h2>How long a stream may be silent</h2><table><thead><tr><td></td>"
        '<th scope="col">longest that passed</th><th scope="col">cut when idle for</th>'
        '<th scope="col">cut at the age of</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></section>"
    )


def _idle_cells(idle: IdleResult) -> str:
    moments = (idle.passed_s, idle.cut_after_s, idle.deadline_s)
    return "".join(f"<td>{f'{at_s:g} s' if at_s else '–'}</td>" for at_s in (round(m, 1) for m in moments))


def _hops(hops: Iterable[Hop]) -> str:
    """The hops on the path, each with its evidence."""
    items = "".join(
        f'<li>{_text(hop.what)}<br><span class="soft">{_text(hop.evidence.sentence)}</span></li>'
        for hop in hops
    )
    if not items:
        return ""
    return (
        "<section><h2>Servers found between app and reader</h2>"
        f'<p class="soft">Nearest to the app first, where the order is known.</p><ol>{items}</ol></section>'
    )


def _clean(sentences: Iterable[str]) -> str:
    items = _list(sentences)
    return f"<section><h2>Tried, and found clean</h2>{items}</section>" if items else ""


def _notes(report: Report) -> str:
    notes = [*report.notes, *(note for verdict in report.transports for note in verdict.notes)]
    return f"<section><h2>Other observations</h2>{_list(notes)}</section>" if notes else ""


def _facts(evidence: Iterable[Evidence]) -> str:
    return _list(fact.sentence for fact in evidence)


def _list(items: Iterable[str]) -> str:
    lines = "".join(f"<li>{_text(item)}</li>" for item in items)
    return f"<ul>{lines}</ul>" if lines else ""


def _text(text: str) -> str:
    return escape(str(text), quote=True)
