"""Directives in, Findings out: which line of a configuration holds a stream, before it is deployed.

Pure, as the inference is. Each format says which blocks pass to an app; every Culprit that a file can show
looks at each of them; nothing else is judged, so a static location is nobody's business. What was found
innocent is listed as well, with the reason: silence could mean that nobody looked.

A line `# flushcheck: allow <id> <reason>` on or above a guilty line, its block or its pass takes the
Finding out of the count. It is listed with its reason; without one it has no effect, and is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from flushcheck.configs import apache, caddy, gunicorn, haproxy, lighttpd, nginx, php, varnish
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import MAX_BLOCKS, Block, Config, ReadProblem
from flushcheck.culprits import LINTERS


@dataclass(frozen=True, slots=True)
class Format:
    """What a format's module offers."""

    blocks: Callable[[Config], tuple[Block, ...]]
    pass_reason: Callable[[Block], str]  # why a block without Findings lets a stream through, in words


FORMATS: Mapping[Server, Format] = {
    Server.NGINX: Format(nginx.blocks, nginx.pass_reason),
    Server.APACHE: Format(apache.blocks, apache.pass_reason),
    Server.HAPROXY: Format(haproxy.blocks, haproxy.pass_reason),
    Server.LIGHTTPD: Format(lighttpd.blocks, lighttpd.pass_reason),
    Server.CADDY: Format(caddy.blocks, caddy.pass_reason),
    Server.VARNISH: Format(varnish.blocks, varnish.pass_reason),
    Server.PHP: Format(php.blocks, php.pass_reason),
    Server.GUNICORN: Format(gunicorn.blocks, gunicorn.pass_reason),
}


@dataclass(frozen=True, slots=True)
class PassedBlock:
    """A block that passes to an app and neither holds nor blocks anything, as far as its file shows."""

    server: Server
    file: str
    line: int
    block: str
    reason: str


@dataclass(frozen=True, slots=True)
class AllowedFinding:
    """A Finding that its owner knows of, by a mark in the file."""

    finding: Finding
    file: str
    line: int  # of the mark
    reason: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """All that a check brought."""

    findings: tuple[Finding, ...] = ()  # by file and line
    passed: tuple[PassedBlock, ...] = ()
    allowed: tuple[AllowedFinding, ...] = ()
    problems: tuple[ReadProblem, ...] = ()
    files: tuple[str, ...] = ()  # every file that was read, includes too

    @property
    def worst(self) -> Level | None:
        """The heaviest level found; None if nothing was."""
        return min((finding.level for finding in self.findings), key=LEVELS.index, default=None)

    def exit_code(self, *, strict: bool = False) -> int:
        """0 clean, 1 a problem, 3 could not tell: something was not read, and what was read is clean.

        Args:
            strict: a note counts as a problem.
        """
        if self.worst is not None and (strict or self.worst is not Level.NOTE):
            return 1
        if any(trouble.incomplete for trouble in self.problems):
            return 3
        return 3 if self.problems and not self.passed and not self.findings else 0


LEVELS = tuple(Level)

MAX_FINDINGS = 2_000  # nobody reads more, and each is kilobytes of words


def check(config: Config) -> CheckResult:
    """Judge every block of one configuration that passes to an app."""
    form = FORMATS[config.server]
    marks = _Marks(config.texts)
    kept: dict[tuple[object, ...], Finding] = {}
    allowed: dict[tuple[object, ...], AllowedFinding] = {}
    judged = []
    troubles = [*config.problems]
    linters = [linter for linter in LINTERS if config.server in linter.SERVERS]
    blocks = form.blocks(config)
    if len(blocks) >= MAX_BLOCKS:
        troubles.append(
            ReadProblem(config.file, 0, f"more than {MAX_BLOCKS} blocks: the rest was not judged")
        )
    for block in blocks:
        if len(kept) >= MAX_FINDINGS:
            troubles.append(
                ReadProblem(config.file, 0, f"more than {MAX_FINDINGS} findings: the rest is left out")
            )
            break
        guilty = False
        for linter in linters:
            for finding in islice(linter.lint(block), MAX_FINDINGS):
                mark = marks.find(finding, block)
                if mark is not None:
                    allowed.setdefault(
                        _key(finding), AllowedFinding(finding, mark.file, mark.line, mark.reason)
                    )
                else:
                    kept.setdefault(_key(finding), finding)
                guilty = guilty or finding.level is not Level.NOTE
        if not guilty:
            at = block.at
            judged.append(PassedBlock(block.server, at.file, at.line, block.name, form.pass_reason(block)))
    return CheckResult(
        findings=_sorted(kept.values()),
        passed=tuple(judged),
        allowed=tuple(allowed.values()),
        problems=(*troubles, *marks.troubles()),
        files=tuple(config.texts),
    )


def merge(parts: Sequence[CheckResult]) -> CheckResult:
    """Several checks as one; what two of them found alike counts once."""
    findings = {_key(finding): finding for part in parts for finding in part.findings}
    # A file that is read by itself and as part of another shows its blocks twice: guilty once is guilty.
    guilty = {
        (finding.block_file, finding.block_line)
        for finding in findings.values()
        if finding.level is not Level.NOTE
    }
    judged = {(one.file, one.line, one.block): one for part in parts for one in part.passed}
    allowed = {_key(one.finding): one for part in parts for one in part.allowed}
    troubles = dict.fromkeys(trouble for part in parts for trouble in part.problems)
    return CheckResult(
        findings=_sorted(findings.values()),
        passed=tuple(one for one in judged.values() if (one.file, one.line) not in guilty),
        allowed=tuple(allowed.values()),
        problems=tuple(troubles),
        files=tuple(dict.fromkeys(file for part in parts for file in part.files)),
    )


def _key(finding: Finding) -> tuple[object, ...]:
    return (finding.culprit.id, finding.file, finding.line, finding.block_file, finding.block_line)


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(
        sorted(findings, key=lambda one: (one.file, one.line, LEVELS.index(one.level), one.culprit.id))
    )


# Marks.

_MARK = re.compile(r"(?:#|;|//)[ \t]*flushcheck:[ \t]*allow[ \t]+([\w-]+(?:[ \t]*,[ \t]*[\w-]+)*)(.*)")
_COMMENT = re.compile(r"\s*(?:$|#|;|//)")


@dataclass(frozen=True, slots=True)
class _Mark:
    file: str
    line: int
    target: int  # the line that it speaks of
    ids: frozenset[str]
    reason: str


class _Marks:
    """All marks of a configuration's files, asked by Finding."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._marks: dict[tuple[str, int], list[_Mark]] = {}
        self._used: set[_Mark] = set()
        for file, text in texts.items():
            if "flushcheck:" in text:
                for mark in _read_marks(file, text):
                    self._marks.setdefault((file, mark.target), []).append(mark)

    def find(self, finding: Finding, block: Block) -> _Mark | None:
        """The mark with a reason that allows this Finding; None if it counts."""
        places = [(finding.file, finding.line)]
        places += [(at.file, at.line) for at in (block.at, block.pass_directive)]
        for place in places:
            for mark in self._marks.get(place, ()):
                if finding.culprit.id in mark.ids:
                    self._used.add(mark)
                    if mark.reason:
                        return mark
        return None

    def troubles(self) -> Iterator[ReadProblem]:
        """Marks that do nothing: said, so that nobody relies on them."""
        for marks in self._marks.values():
            for mark in marks:
                names = ", ".join(sorted(mark.ids))
                if not mark.reason:
                    yield ReadProblem(
                        mark.file,
                        mark.line,
                        f"allow {names} gives no reason and so has no effect: write one behind it",
                        incomplete=False,
                    )
                elif mark not in self._used:
                    yield ReadProblem(
                        mark.file, mark.line, f"allow {names} allows nothing here", incomplete=False
                    )


def _read_marks(file: str, text: str) -> Iterator[_Mark]:
    lines = text.split("\n")
    speaking = len(lines)  # the next line, downwards, that is more than a comment
    for number in range(len(lines), 0, -1):
        line = lines[number - 1]
        match = _MARK.search(line) if "flushcheck:" in line else None
        if match is not None:
            # Alone on its line it speaks of the next one that says something.
            alone = not line[: match.start()].strip()
            ids = frozenset(re.split(r"[ \t]*,[ \t]*", match[1]))
            yield _Mark(file, number, speaking if alone else number, ids, match[2].strip(" \t\r:-–—"))
        if not _COMMENT.match(line):
            speaking = number
