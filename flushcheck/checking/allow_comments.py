"""Comments that allow a Finding: `# flushcheck: allow <id>[, <id>] <reason>`.

On a line of its own the comment concerns the next line that is more than a comment; behind a statement, that
line. It takes a Finding out of the count if it concerns the Finding's line, its block, or its pass directive.
Without a reason it has no effect, and a comment without effect is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flushcheck.configs.findings import Finding
from flushcheck.configs.tree import Block, ReadProblem

_ALLOW = re.compile(r"(?:#|;|//)[ \t]*flushcheck:[ \t]*allow[ \t]+([\w-]+(?:[ \t]*,[ \t]*[\w-]+)*)(.*)")
_ONLY_COMMENT = re.compile(r"\s*(?:$|#|;|//)")


@dataclass(frozen=True, slots=True)
class AllowComment:
    """One comment."""

    file: str
    line: int
    target: int  # the line that it concerns
    ids: frozenset[str]  # of culprits
    reason: str


class AllowComments:
    """All allow comments of a configuration's files."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Args:
        texts: of every file, by name.
        """
        self._by_target: dict[tuple[str, int], list[AllowComment]] = {}
        self._used: set[AllowComment] = set()
        for file, text in texts.items():
            if "flushcheck:" in text:
                for comment in _comments(file, text):
                    self._by_target.setdefault((file, comment.target), []).append(comment)

    def find(self, finding: Finding, block: Block) -> AllowComment | None:
        """The comment with a reason that allows this Finding; None if the Finding counts."""
        targets = [(finding.file, finding.line)]
        targets += [(at.file, at.line) for at in (block.at, block.pass_directive)]
        for target in targets:
            for comment in self._by_target.get(target, ()):
                if finding.culprit.id in comment.ids:
                    self._used.add(comment)
                    if comment.reason:
                        return comment
        return None

    def problems(self) -> Iterator[ReadProblem]:
        """The comments without effect, after every `find`."""
        for comments in self._by_target.values():
            for comment in comments:
                names = ", ".join(sorted(comment.ids))
                if not comment.reason:
                    reason = f"allow {names} has no effect without a reason: add one behind it"
                elif comment not in self._used:
                    reason = f"allow {names} has no effect: there is no such finding here"
                else:
                    continue
                yield ReadProblem(comment.file, comment.line, reason, incomplete=False)


def _comments(file: str, text: str) -> Iterator[AllowComment]:
    lines = text.split("\n")
    next_statement = len(lines)  # the next line, downwards, that is more than a comment
    for number in range(len(lines), 0, -1):
        line = lines[number - 1]
        match = _ALLOW.search(line)
        if match is not None:
            alone = not line[: match.start()].strip()
            ids = frozenset(re.split(r"[ \t]*,[ \t]*", match[1]))
            reason = match[2].strip(" \t\r:-–—")
            yield AllowComment(file, number, next_statement if alone else number, ids, reason)
        if not _ONLY_COMMENT.match(line):
            next_statement = number
