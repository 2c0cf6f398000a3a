"""What a team asks of one or more addresses: a Report each, what was expected of it, and whether it is so.

Without an expectation a path has to flow, as for the exit status of one diagnosis. A culprit that is allowed
is a known one: a path on which only such culprits were found counts as expected.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flushcheck.model import Report, Verdict

OK, PROBLEM, COULD_NOT_TELL = 0, 1, 3


@dataclass(frozen=True, slots=True)
class Result:
    """One address, diagnosed."""

    name: str  # that the caller gave it; the address itself where there is none
    report: Report
    expected: Verdict | None = None  # None: nothing is said of it, so it has to flow
    allowed: tuple[str, ...] = ()  # ids of culprits

    @property
    def allows(self) -> bool:
        """Whether a problem was found, and every culprit of it is allowed."""
        found = [culprit.id for culprit in self.report.culprits]
        return self.has_problem and bool(found) and set(found) <= set(self.allowed)

    @property
    def has_problem(self) -> bool:
        """Whether the path holds or breaks a stream."""
        return self.report.verdict in (Verdict.HELD, Verdict.BROKEN)

    @property
    def exit_code(self) -> int:
        """0: as expected, 1: not so, 3: nothing was expected, and it could not be told."""
        if self.allows or self.report.verdict is (self.expected or Verdict.FLOWING):
            return OK
        if self.expected is None and self.report.verdict is Verdict.UNKNOWN:
            return COULD_NOT_TELL
        return PROBLEM

    @property
    def sentence(self) -> str:
        """What was found, beside what was expected."""
        if self.allows:
            return f"{self.report.headline} (allowed)"
        if self.expected is not None and self.exit_code != OK:
            return f"expected {self.expected}, found {self.report.verdict}: {self.report.headline}"
        return self.report.headline


def exit_code(results: Iterable[Result]) -> int:
    """That of the worst: a problem before what could not be told."""
    codes = {result.exit_code for result in results}
    return PROBLEM if PROBLEM in codes else COULD_NOT_TELL if COULD_NOT_TELL in codes else OK
