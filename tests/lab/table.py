"""The table that `make lab` prints: a line for each case, and the totals at its end."""

from __future__ import annotations

from collections.abc import Sequence

from tests.lab.case import Client, Kind
from tests.lab.verdicts import Mark, Result


def line(result: Result) -> str:
    """One line of the table: case, version, expected, verdict, culprit, time, right or wrong."""
    case = result.case
    wanted = case.culprits[0] if case.culprits else "-"
    named = " ".join(result.named) or "-"
    why = f"  ({result.why})" if result.why else ""
    took = f"{result.took_s:5.1f} s" if result.took_s else "       "
    judged = f"{case.name:34} {result.version:8} {wanted:30} {result.verdict:8} {named:34} {took} {result.mark}{why}"
    return judged + (f"  ({', '.join(result.unjudged)}: not judged yet)" if result.unjudged else "")


def totals(results: Sequence[Result]) -> str:
    """Right, wrong, honestly undecided; and over what."""
    counts = {mark: sum(1 for result in results if result.mark is mark) for mark in Mark}
    guilty = [
        result
        for result in results
        if result.case.kind is Kind.GUILTY and Client.HTTP1 in result.case.clients
    ]
    named = sum(1 for result in guilty if result.mark is Mark.RIGHT)
    ran = [result for result in guilty if result.mark not in (Mark.MISSING, Mark.BROKEN)]
    tried = len({result.case.program for result in results})
    share = f"{named} of {len(ran)} guilty ones named" + (f" ({named / len(ran):.0%})" if ran else "")
    told = ", ".join(f"{count} {mark}" for mark, count in counts.items() if count)
    unjudged = [client for result in results for client in result.unjudged]
    open_ = "".join(
        f"; {unjudged.count(client)} of {client} not judged yet" for client in sorted(set(unjudged))
    )
    return f"\n{len(results)} cases over {tried} programs: {told}; {share}{open_}"
