"""What a chat or a mail program shows of a link to the page: Open Graph's title and description.

A link to a report carries its run in the fragment, which no server sees. So that its preview says more than
the page's name, its query has two words besides: `?report=held&culprit=nginx-gzip`. Both are only looked up.
Nothing from the query is repeated, and nothing is judged here: the page judges the run when it is opened.
"""

from __future__ import annotations

from dataclasses import dataclass

from flushcheck.culprits import CULPRITS
from flushcheck.model import Verdict

_TITLES = {
    Verdict.FLOWING: "Flowing: streamed text arrives piece by piece",
    Verdict.HELD: "Held: streamed text does not arrive piece by piece",
    Verdict.BROKEN: "Broken: a stream does not open, or is cut",
    Verdict.UNKNOWN: "Could not tell whether streamed text arrives piece by piece",
}
_REPORT = (
    "A flushcheck report: how each piece of a streamed text arrived over four transports, "
    "what was measured, and which line to change."
)


@dataclass(frozen=True, slots=True)
class Preview:
    """What is shown of a link."""

    title: str
    description: str


PAGE = Preview(
    "flushcheck: does streamed text arrive piece by piece?",
    "Test whether streamed text reaches this browser piece by piece, and find what holds it.",
)


def preview(report: str, culprit: str) -> Preview:
    """What is shown of a link with these words in its query; of the page itself if `report` is no verdict.

    Args:
        report: the verdict.
        culprit: the id of the first culprit; "" or anything else if there is none.
    """
    if report not in set(Verdict):
        return PAGE
    known = CULPRITS.get(culprit)
    because = f"{known.title}. " if known else ""
    return Preview(_TITLES[Verdict(report)], because + _REPORT)
