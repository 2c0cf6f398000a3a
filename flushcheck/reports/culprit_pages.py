"""The pages of the catalogue: the index by server and by symptom; one culprit with its pictures and status.

All text is the catalogue's. None of it comes from the far side, and it is escaped all the same. Each page
works without JavaScript; scripts of the service add the buttons that need it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import urlencode

from flushcheck.configs.findings import Server
from flushcheck.culprits import CULPRITS
from flushcheck.culprits.catalogue import FLOWS, MAX_WORDS, SERVERS, Selection
from flushcheck.model import Culprit, Fix, Flow, Framing, Symptom
from flushcheck.model.wording import count_of
from flushcheck.reports.explain import fixes_heading, sections, status_sentence
from flushcheck.reports.fixes import remarks
from flushcheck.reports.page import catalogue_page
from flushcheck.reports.symptoms import symptom_picture, symptom_sentence
from flushcheck.streaming.params import Params, query
from flushcheck.streaming.pretend import Pretend, pretend_like

# Of the stream that shows a pretended hold: four seconds, and eight pieces in a block.
SEEN_COUNT, SEEN_INTERVAL_S, PIECES_IN_A_BLOCK = 40, 0.1, 8

FLOW_NAMES: Mapping[Flow, str] = {
    Flow.BLOCKS: "in blocks",
    Flow.TICKS: "in ticks",
    Flow.HELD: "all at the end",
    Flow.LATE: "late",
    Flow.THROTTLED: "throttled",
    Flow.CUT: "cut",
    Flow.FAILED: "does not open",
    Flow.REPLAYED: "an older stream",
}


def explanation_html(
    culprit: Culprit, *, root: str, settings: Mapping[str, Any], url: str, has_cases: bool = False
) -> str:
    """One culprit as a page.

    Args:
        culprit: the one to explain.
        root: what leads from this page's address to the service's root, for example "../".
        settings: of the page's scripts, see `Settings` in page/types.d.ts.
        url: of the service, for lines to paste; ends without a slash.
        has_cases: whether the table of measured servers has it.
    """
    parts = [
        f"<p class=soft>culprit <code>{_text(culprit.id)}</code></p><h1>{_text(culprit.title)}</h1>",
        f"<p><strong>Status:</strong> {_status(culprit)}{_measurements(culprit, root) * has_cases}</p>",
        _pictures(culprit.shows),
        *(
            f"<h2>{_text(heading.capitalize())}</h2>"
            f"{''.join(f'<p>{_text(paragraph)}</p>' for paragraph in paragraphs)}"
            for heading, paragraphs in sections(culprit)
        ),
        f"<h2>{_text(fixes_heading(culprit).capitalize())}</h2>",
        f"<div class=fixes>{''.join(map(_fix, culprit.fixes))}</div>",
    ]
    pretended = next(filter(None, map(pretend_like, culprit.shows)), None)
    if pretended:
        parts.append(_see_it(pretended, root, url))
    links = "".join(f"<li>{_link(reference)}</li>" for reference in culprit.references)
    parts.append(f"<h2>References</h2><ul>{links}</ul>" if links else "")
    data = json.dumps(settings).replace("<", "\\u003c")
    script = (
        f'<script type="application/json" id="settings">{data}</script>{_script("culprit-page.js", root)}'
    )
    return catalogue_page(culprit.id, "".join(parts), root, head=script)


def catalogue_html(selection: Selection, *, root: str) -> str:
    """All culprits as a page, those hidden that do not fit; `root` as above."""
    shown = selection.select()
    rows = "".join(_row(culprit, root, hidden=culprit not in shown) for culprit in CULPRITS.values())
    lead = "All known causes that hold, block or cut a stream: how to recognise each, and how to fix it."
    keep = "".join(
        f'<input type="hidden" name="{name}" value="{_text(value)}">'
        for name, value in (("server", selection.server), ("symptom", selection.symptom))
        if value
    )
    body = (
        f"<h1>The culprits</h1><p>{lead}</p>{_index(selection, root)}"
        f'<form class="filter" role="search" action="{root}culprits" id="filter">{keep}'
        f'<label for="q">Words</label> <input id="q" name="q" type="search" maxlength="{MAX_WORDS}" '
        f'value="{_text(selection.words)}" autocomplete="off"> <button>Filter</button></form>'
        f'<p id="count" role="status">{len(shown)} of {count_of(len(CULPRITS), "culprit")}</p>'
        f'<ul class="culprits" id="culprits">{rows}</ul>'
    )
    return catalogue_page("culprits", body, root, head=_script("culprit-list.js", root))


def _index(selection: Selection, root: str) -> str:
    """The ways in: by server, by symptom, each with its number of culprits."""
    servers = [
        (server.display_name, Selection(server, selection.symptom), server is selection.server)
        for server in Server
        if any(server in among for among in SERVERS.values())
    ]
    flows = [
        (FLOW_NAMES[flow], Selection(selection.server, flow), flow is selection.symptom) for flow in FLOWS
    ]
    return _choices(
        "By server", [("any", Selection(None, selection.symptom), not selection.server), *servers], root
    ) + _choices("By symptom", [("any", Selection(selection.server), not selection.symptom), *flows], root)


def _choices(name: str, choices: Sequence[tuple[str, Selection, bool]], root: str) -> str:
    items = "".join(
        f'<li><a href="{_address(choice, root)}"{" aria-current=true" if current else ""}>{_text(label)} '
        f"<span class=soft>{len(choice.select())}</span></a></li>"
        for label, choice, current in choices
    )
    return f'<nav class="choices" aria-label="{name}"><h2>{name}</h2><ul>{items}</ul></nav>'


def _address(selection: Selection, root: str) -> str:
    pairs = {"server": selection.server, "symptom": selection.symptom}
    chosen = urlencode({name: str(value) for name, value in pairs.items() if value})
    return _text(f"{root}culprits{f'?{chosen}' if chosen else ''}")


def _row(culprit: Culprit, root: str, *, hidden: bool) -> str:
    shows = "; ".join(symptom_sentence(symptom) for symptom in culprit.shows)
    return (
        f'<li data-id="{_text(culprit.id)}"{" hidden" if hidden else ""}>'
        f'<a href="{root}culprits/{_text(culprit.id)}"><code>{_text(culprit.id)}</code></a>'
        f"<br>{_text(culprit.title)}"
        f"{f'<br><span class=soft>{_text(shows)}</span>' if shows else ''}</li>"
    )


def _status(culprit: Culprit) -> str:
    """The sentence, with the address in it as a link."""
    sentence, colon, source = status_sentence(culprit).partition(": http")
    return f"{_text(sentence)}: {_link(f'http{source}')}" if colon else _text(status_sentence(culprit))


def _measurements(culprit: Culprit, root: str) -> str:
    address = f"{root}culprits/measured?{urlencode({'q': culprit.id})}"
    return f' (<a href="{_text(address)}">the measurements</a>)'


def _pictures(symptoms: Sequence[Symptom]) -> str:
    """The first symptom is the characteristic one; all are drawn."""
    figures = "".join(
        f"<figure>{symptom_picture(symptom)}<figcaption>{_text(_capitalized(symptom_sentence(symptom)))}."
        "</figcaption></figure>"
        for symptom in symptoms
    )
    if not figures:
        return ""
    return (
        f'<div class="signs row">{figures}</div>'
        "<p class=soft>Above: when a piece was sent. Below: when it arrived.</p>"
    )


def _see_it(pretend: Pretend, root: str, url: str) -> str:
    """The same hold, made by this service."""
    size = pretend.block_bytes // PIECES_IN_A_BLOCK
    params = Params(
        count=SEEN_COUNT,
        interval_s=SEEN_INTERVAL_S,
        size_bytes=size,
        spread_bytes=size // 2,
        end="done",
        framing=Framing.DELTA,
        pretend=pretend,
    )
    path = f"stream/chunked?{query(params, Params())}"
    fragment = urlencode({"count": SEEN_COUNT, "interval": SEEN_INTERVAL_S, "size": size, "pretend": pretend})
    line = f"curl -N{' --compressed' if pretend.kind == 'gzip' else ''} '{url}/{path}'"
    return (
        f'<h2>See it here</h2><div id="see-it" data-path="{_text(root + path)}">'
        "<p>This service can hold a stream in the same way, with no proxy in between. Such a stream is "
        f"<strong>pretended</strong> (<code>pretend={_text(str(pretend))}</code>): it says nothing about "
        "your path, and no diagnosis counts it.</p>"
        '<p class="actions" hidden><button type="button" class="primary">See it live</button></p>'
        "<div data-part=timeline></div><p class=status data-part=status role=status></p>"
        f'<p><a href="{root}#{_text(fragment)}">Watch all four transports with this hold</a>. In a shell:</p>'
        f"{_to_copy(line)}</div>"
    )


def _fix(fix: Fix) -> str:
    below = "".join(f"<p class=soft>{label.capitalize()}: {_text(text)}</p>" for label, text in remarks(fix))
    return f"<section class=card><h3>{_text(fix.where)}</h3>{_to_copy(fix.change)}{below}</section>"


def _to_copy(text: str) -> str:
    """A block of text; the page's script adds the button that copies it."""
    return f'<div class="copyable"><pre tabindex="0">{_text(text)}</pre></div>'


def _script(name: str, root: str) -> str:
    return f'<script type="module" src="{root}page/{name}"></script>'


def _capitalized(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _link(address: str) -> str:
    if not address.startswith(("https://", "http://")):
        return _text(address)
    return f'<a rel="noreferrer" href="{_text(address)}">{_text(address)}</a>'


def _text(text: str) -> str:
    return escape(text, quote=True)
