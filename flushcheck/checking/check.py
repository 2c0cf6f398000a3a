"""Which lines of a configuration hold a stream, before it is deployed: a Config in, Findings out.

Each format says which blocks pass to an app; every linter of its server looks at each of them. Other blocks
are not checked: a static location holds no stream. A block without Findings is listed with the reason why it
lets a stream through, so that a short report does not look like a check that was left out; where the file
does not show it, the block is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from flushcheck.checking.allow_comments import AllowComments
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.formats import FORMATS
from flushcheck.configs.templates import is_marked
from flushcheck.configs.tree import MAX_BLOCKS, Block, Config, Format, ReadProblem
from flushcheck.culprits import LINTERS, line_without_effect

LEVELS = tuple(Level)  # most severe first

MAX_FINDINGS = 2_000  # more than a person reads; each is kilobytes of text


@dataclass(frozen=True, slots=True)
class CheckedBlock:
    """A block that passes to an app, without a Finding that says it holds or blocks a stream."""

    server: Server
    file: str
    line: int
    block: str
    reason: str


@dataclass(frozen=True, slots=True)
class AllowedFinding:
    """A Finding that a comment in the file allows."""

    finding: Finding
    file: str
    line: int  # of the comment
    reason: str


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file of a folder that was not read."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Everything that a check found."""

    findings: tuple[Finding, ...] = ()  # by file and line
    passed: tuple[CheckedBlock, ...] = ()
    unknown: tuple[CheckedBlock, ...] = ()  # the file does not show whether these pass
    allowed: tuple[AllowedFinding, ...] = ()
    problems: tuple[ReadProblem, ...] = ()
    files: tuple[str, ...] = ()  # every file that was read, includes too
    skipped: tuple[SkippedFile, ...] = ()  # files beside them that were not read
    serving: tuple[str, ...] = ()  # main files of whole configurations that pass nothing to an app

    @property
    def worst(self) -> Level | None:
        """The most severe level of all Findings; None without Findings."""
        return min((finding.level for finding in self.findings), key=LEVELS.index, default=None)

    def exit_code(self, *, strict: bool = False) -> int:
        """0 clean, 1 a problem was found, 3 could not tell: no problem was found, and not all was judged.

        Args:
            strict: a note counts as a problem.
        """
        if self.worst is not None and (strict or self.worst is not Level.NOTE):
            return 1
        if self.unknown or any(problem.incomplete for problem in self.problems):
            return 3
        judged = self.passed or self.allowed or self.findings or self.serving
        return 0 if judged else 3


def check(config: Config) -> CheckResult:
    """Check every block of one configuration that passes to an app."""
    config_format = FORMATS[config.server]
    comments = AllowComments(config.texts)
    findings: dict[tuple[object, ...], Finding] = {}
    allowed: dict[tuple[object, ...], AllowedFinding] = {}
    passed, unknown = [], []
    problems = [*config.problems]
    refused = next((problem for problem in config.problems if problem.refused), None)
    for count, block in enumerate(_blocks(config, config_format)):
        if count == MAX_BLOCKS:
            reason = f"more than {MAX_BLOCKS} blocks: the rest was not checked"
            problems.append(ReadProblem(config.file, 0, reason))
            break
        own, filled_in = _by_template(_lint(block))
        for finding in own:
            comment = comments.find(finding, block)
            if comment is None:
                findings.setdefault(_key(finding), finding)
            else:
                allowing = AllowedFinding(finding, comment.file, comment.line, comment.reason)
                allowed.setdefault(_key(finding), allowing)
        if all(finding.level is Level.NOTE for finding in own) and _is_judged(block, config_format):
            place = (block.server, block.at.file, block.at.line, block.name)
            if doubt := "; ".join((*_doubts(block, config_format, refused), *filled_in)):
                unknown.append(CheckedBlock(*place, doubt))
            else:
                passed.append(CheckedBlock(*place, config_format.pass_reason(block)))
        if len(findings) > MAX_FINDINGS:
            reason = f"more than {MAX_FINDINGS} findings: the rest was not checked"
            problems.append(ReadProblem(config.file, 0, reason))
            break
    serves = config_format.is_whole(config) and not (findings or allowed or passed or unknown or problems)
    return CheckResult(
        findings=_sorted(findings.values())[:MAX_FINDINGS],
        serving=(config.file,) if serves else (),
        passed=tuple(passed),
        unknown=tuple(unknown),
        allowed=tuple(allowed.values()),
        problems=(*problems, *comments.problems()),
        files=tuple(config.texts),
    )


def _blocks(config: Config, config_format: Format) -> Iterator[Block]:
    """The blocks that pass to an app, or the fragments of a file that has none; then the loose ones."""
    passing = iter(config_format.blocks(config))
    first = next(passing, None)
    if first is None:
        yield from config_format.fragments(config)
    else:
        yield first
        yield from passing
    yield from config_format.loose_blocks(config)


def _lint(block: Block) -> tuple[Finding, ...]:
    """What the linters find in a block; the lines without effect last, because they depend on the rest."""
    linters = [
        linter for linter in LINTERS if block.server in linter.SERVERS and linter is not line_without_effect
    ]
    own: tuple[Finding, ...] = ()
    if not block.is_loose:
        raised: Iterator[Finding] = chain.from_iterable(linter.lint(block) for linter in linters)
        if block.is_fragment:
            # Which values are in force beside its lines is not known: only the lines count.
            raised = (finding for finding in raised if finding.explicit)
        own = tuple(islice(raised, MAX_FINDINGS + 1))
    return (*own, *line_without_effect.lint(block, own))


def merge(results: Sequence[CheckResult]) -> CheckResult:
    """Several results as one; equal Findings count once."""
    findings = {_key(finding): finding for result in results for finding in result.findings}
    # A file may be read alone and as a part of another one. A block with a Finding in either has not passed.
    with_finding = {
        (finding.block_file, finding.block_line)
        for finding in findings.values()
        if finding.level is not Level.NOTE
    }
    passed = {(block.file, block.line, block.block): block for result in results for block in result.passed}
    unknown = {(block.file, block.line, block.block): block for result in results for block in result.unknown}
    allowed = {_key(each.finding): each for result in results for each in result.allowed}
    problems = dict.fromkeys(problem for result in results for problem in result.problems)
    return CheckResult(
        findings=_sorted(findings.values()),
        passed=tuple(block for block in passed.values() if (block.file, block.line) not in with_finding),
        unknown=tuple(block for block in unknown.values() if (block.file, block.line) not in with_finding),
        allowed=tuple(allowed.values()),
        problems=tuple(problems),
        files=tuple(dict.fromkeys(file for result in results for file in result.files)),
        skipped=tuple(dict.fromkeys(file for result in results for file in result.skipped)),
        serving=tuple(dict.fromkeys(file for result in results for file in result.serving)),
    )


def _is_judged(block: Block, config_format: Format) -> bool:
    """Whether a block without Findings is known to pass: of a fragment only its own lines can show it."""
    return not (block.is_loose or block.is_fragment) or config_format.frees(block)


def _doubts(block: Block, config_format: Format, refused: ReadProblem | None) -> Iterable[str]:
    """Why it is not known whether this block lets a stream through; nothing if it is known."""
    if refused is not None:
        return (f"the server does not start with this configuration: see {refused.file}:{refused.line}",)
    return config_format.doubts(block)


def _by_template(findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """The Findings whose value the file has, and a reason for each whose value a template fills in."""
    certain: list[Finding] = []
    reasons: dict[str, None] = {}
    for finding in findings:
        if is_marked(finding.value):
            reasons[f"a template fills in {finding.value} (line {finding.line})"] = None
        else:
            marked = any(is_marked(line) for edit in finding.edits for line in edit.lines)
            certain.append(replace(finding, edits=()) if marked else finding)
    return tuple(certain), tuple(reasons)


def _key(finding: Finding) -> tuple[object, ...]:
    return (finding.culprit.id, finding.file, finding.line, finding.block_file, finding.block_line)


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    def key(finding: Finding) -> tuple[str, int, int, str]:
        return (finding.file, finding.line, LEVELS.index(finding.level), finding.culprit.id)

    return tuple(sorted(findings, key=key))
