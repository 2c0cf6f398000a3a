"""Lines that are meant to make a stream flow and do nothing for it, of every server: see `no_effect`.

A line without effect holds nothing by itself. It hides the cause: the stream seems to be taken care of. So
it is a note, and a warning where the block holds; the message says what the line really does, and the fix is
what works there. A line that the server refuses is a warning anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flushcheck.configs.findings import Finding, Level
from flushcheck.configs.tree import Block
from flushcheck.culprits.no_effect import TABLES, Place, Row, Said, Table, candidates
from flushcheck.culprits.no_effect.row import holding
from flushcheck.model import Culprit, Fix, Owner, Source

REMOVE = Fix(
    where="the file, the line without effect",
    change="# remove the line: it does nothing for a stream",
    by=Owner.SERVER,
)

CULPRIT = Culprit(
    id="line-without-effect",
    title="a line is meant to make the stream flow and does nothing for it",
    why=(
        "Advice for streams is copied from one server to another, from one module to another, and from a "
        "response to a request. The line is accepted and does something else, or nothing. While it is there, "
        "the stream seems to be taken care of. Directives of another module, X-Accel-Buffering sent to the "
        "app in place of by the app, environment variables that no module reads, settings of the request's "
        "body and of the socket are the most frequent ones."
    ),
    symptoms="The same hold with the line and without it.",
    detection=(
        "A run shows the hold and not the line. flushcheck has a table for each server: the line, what it "
        "really does, what works in its place, and the version on which that was measured."
    ),
    fixes=(REMOVE,),
    references=("https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering",),
    shown_by=frozenset({Source.FILE}),
    holds=False,
)

SERVERS = tuple(TABLES)


def lint(block: Block, beside: Sequence[Finding] = ()) -> Iterator[Finding]:
    """The lines that a row of this server's table names.

    Args:
        block: as for every linter.
        beside: what the other linters found in this block.
    """
    held = holding(beside)
    table = TABLES.get(block.server)
    if table is None:
        return
    reported: set[int] = set()
    for row in table.rows:
        if row.said is Said.HELD and held is None:
            continue
        for line, scope in (table.lines or candidates)(block, row):
            place = Place(block, line, scope, held.culprit.id if held else "")
            if id(line) not in reported and row.condition(place):
                reported.add(id(line))
                yield _finding(place, row, held, table)


def _finding(place: Place, row: Row, held: Finding | None, table: Table) -> Finding:
    block, line = place.block, place.line
    cure = row.cure(place)
    if held is not None:
        fix = held.fix
    elif cure:
        fix = Fix(where=table.where, change=cure, by=Owner.SERVER)
    else:
        fix = REMOVE
    effect = "does nothing against the hold here" if held is not None else "has no effect on a stream"
    if row.breaks:
        effect = "breaks the server"
    instead = f"; {cure} works here" if cure and held is not None else ""
    return block.finding(
        CULPRIT,
        Level.WARNING if held is not None or row.breaks else Level.NOTE,
        f"{table.written(line)} {effect}: it {row.sentence(place)}{instead}",
        at=line,
        fix=fix,
    )
