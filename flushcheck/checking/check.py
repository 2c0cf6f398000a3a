"""Which lines of a configuration hold a stream, before it is deployed: a Config in, Findings out.

Each format says which blocks pass to an app; every linter of its server looks at each of them. Other blocks
are not checked: a static location holds no stream. A block without Findings is listed with the reason why it
lets a stream through and under which conditions, so that a short report does not look like a check that was
left out; where the file does not show it, the block is unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice

from flushcheck.checking.allow_comments import AllowComments
from flushcheck.configs.address import Address, Route
from flushcheck.configs.assumptions import Assumption, Condition
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.formats import FORMATS
from flushcheck.configs.templates import is_marked
from flushcheck.configs.tree import MAX_BLOCKS, MAX_LINES, Block, Config, Directive, Format, ReadProblem
from flushcheck.culprits import LINTERS, line_without_effect

LEVELS = tuple(Level)  # most severe first

MAX_REASONS = 3  # of one setting that a template fills in
MAX_FINDINGS = 2_000  # more than a person reads; each is kilobytes of text
MAX_MADE = 20_000  # with those that say what another one says: a megabyte may be one line


@dataclass(frozen=True, slots=True)
class CheckedBlock:
    """A block that passes to an app, without a Finding that says it holds or blocks a stream."""

    server: Server
    file: str
    line: int
    block: str
    reason: str  # with its conditions
    conditions: tuple[Condition, ...] = ()


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


def check(
    config: Config, assumed: Collection[Assumption] = (), address: Address | None = None
) -> CheckResult:
    """Check every block of one configuration that passes to an app.

    Args:
        assumed: what a person states about the parts that the file does not show.
        address: only the blocks that requests for it come to are checked; None: every block.
    """
    config_format = FORMATS[config.server]
    comments = AllowComments(config.texts)
    # By place and sentence: a line may be at fault in two ways.
    findings: dict[tuple[object, ...], Finding] = {}
    allowed: dict[tuple[object, ...], AllowedFinding] = {}
    passed, unknown = [], []
    problems = [*config.problems]
    refused = next((problem for problem in config.problems if problem.refused), None)
    blocks: Iterable[Block] = _blocks(config, config_format)
    if address is None:
        blocks = chain(blocks, config_format.loose_blocks(config))
    else:
        route = config_format.route(config, tuple(blocks), address)
        blocks = route.blocks
        problems += _remarks(route, config, address)
    made = 0
    for count, each in enumerate(blocks):
        block = replace(each, unread_includes=()) if Assumption.EMPTY_INCLUDES in assumed else each
        if count == MAX_BLOCKS:
            reason = f"more than {MAX_BLOCKS} blocks: the rest was not checked"
            problems.append(ReadProblem(config.file, 0, reason))
            break
        own, filled_in = _by_template(config_format.reworded(block, finding) for finding in _lint(block))
        made += len(own)
        for finding in own:
            comment = comments.find(finding, block)
            if comment is None:
                findings.setdefault((*_key(finding), finding.message), finding)
            else:
                allowing = AllowedFinding(finding, comment.file, comment.line, comment.reason)
                allowed.setdefault((*_key(finding), finding.message), allowing)
        if all(finding.level is Level.NOTE for finding in own) and _is_judged(block, config_format):
            filled_in = tuple(dict.fromkeys((*filled_in, *_settings_filled_in(block, config_format))))
            if doubt := "; ".join(_doubts(block, config_format, refused, filled_in)):
                unknown.append(_checked(block, doubt))
            else:
                passed.append(_passed(block, config_format, assumed))
        if len(findings) > MAX_FINDINGS:
            reason = f"more than {MAX_FINDINGS} findings: the rest was not checked"
            problems.append(ReadProblem(config.file, 0, reason))
            break
        if made > MAX_MADE:
            reason = f"more than {MAX_MADE} findings, many at one place: the rest was not checked"
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
    """The blocks that pass to an app; the fragments of a file that has none."""
    passing = iter(config_format.blocks(config))
    first = next(passing, None)
    if first is None:
        yield from config_format.fragments(config)
    else:
        yield first
        yield from passing


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


def _remarks(route: Route, config: Config, address: Address) -> Iterator[ReadProblem]:
    """What a reader must know of the way to the blocks that were checked."""
    if route.server is None:
        return
    where = f"{address.host}:{address.port} leads to the server at {route.server.place}"
    if route.remark:
        yield ReadProblem(config.file, route.server.line, f"{where}: {route.remark}", incomplete=False)
    if not route.blocks:
        reason = f"{where}, where nothing passes {' or '.join(address.paths[:2])} to an app"
        yield ReadProblem(config.file, route.server.line, reason, incomplete=False)


def merge(results: Sequence[CheckResult]) -> CheckResult:
    """Several results as one; Findings of one culprit at one place count once, as the last result says."""
    findings = _by_place(results)
    # A file may be read alone and as a part of another one. A block with a Finding in either has not passed.
    with_finding = {
        (finding.block_file, finding.block_line) for finding in findings if finding.level is not Level.NOTE
    }
    passed = {(block.file, block.line, block.block): block for result in results for block in result.passed}
    unknown = {(block.file, block.line, block.block): block for result in results for block in result.unknown}
    allowed = {
        (*_key(each.finding), each.finding.message): each for result in results for each in result.allowed
    }
    problems = dict.fromkeys(problem for result in results for problem in result.problems)
    return CheckResult(
        findings=_sorted(findings),
        passed=tuple(block for block in passed.values() if (block.file, block.line) not in with_finding),
        unknown=tuple(block for block in unknown.values() if (block.file, block.line) not in with_finding),
        allowed=tuple(allowed.values()),
        problems=tuple(problems),
        files=tuple(dict.fromkeys(file for result in results for file in result.files)),
        skipped=tuple(dict.fromkeys(file for result in results for file in result.skipped)),
        serving=tuple(dict.fromkeys(file for result in results for file in result.serving)),
    )


def _by_place(results: Sequence[CheckResult]) -> list[Finding]:
    """All Findings. A file that was read twice may get other sentences: then the last result has the word."""
    places: dict[tuple[object, ...], list[Finding]] = {}
    for result in results:
        own: dict[tuple[object, ...], list[Finding]] = {}
        for finding in result.findings:
            own.setdefault(_key(finding), []).append(finding)
        places |= own
    return [finding for found in places.values() for finding in found]


def _is_judged(block: Block, config_format: Format) -> bool:
    """Whether a block without Findings is known to pass: of a fragment only its own lines can show it."""
    return not (block.is_loose or block.is_fragment) or config_format.frees(block)


def _doubts(
    block: Block, config_format: Format, refused: ReadProblem | None, filled_in: Sequence[str]
) -> Iterable[str]:
    """Why it is not known whether this block lets a stream through; nothing if it is known.

    Args:
        filled_in: a reason for each value that a template fills in.
    """
    if refused is not None:
        return (
            f"the server does not start with this configuration: see {refused.file}:{refused.line}",
            *filled_in,
        )
    doubts = [*block.doubts, *config_format.doubts(block)]
    if block.unread_includes and not _decided(block, config_format):
        unread = f"{block.unread_names} could not be read"
        # What a template fills in may hold: then it is not known what an empty include would leave.
        reason = "" if filled_in else f"; if it adds nothing: {config_format.pass_reason(block)}"
        doubts.append(f"{unread}{reason}")
    return (*doubts, *filled_in)


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


def _settings_filled_in(block: Block, config_format: Format) -> Iterator[str]:
    """A reason for each setting in force that decides, and that a template fills in."""
    for name in map(str.lower, config_format.decisive(block)):
        level = block.scope.level(name)
        if level is not None:
            yield from level.cached(f"filled in {name}", partial(_filled_in, level.own(name)))


def _filled_in(lines: Sequence[Directive]) -> tuple[str, ...]:
    marked = (line for line in lines[:MAX_LINES] if any(map(is_marked, line.args)))
    return tuple(
        f"a template fills in {line.text} (line {line.line})" for line in islice(marked, MAX_REASONS)
    )


def _decided(block: Block, config_format: Format) -> bool:
    """Whether a line in the file itself makes this block pass, whatever the files say that were not read."""
    deciding = config_format.deciding(block)
    return deciding is not None and not block.may_be_set_by_unread(deciding.name)


def _passed(block: Block, config_format: Format, assumed: Collection[Assumption]) -> CheckedBlock:
    conditions = [each for each in config_format.conditions(block) if each.assumption not in assumed]
    if block.unread_includes:
        clause = f"if {block.unread_names}, which could not be read, adds nothing"
        conditions.append(Condition(Assumption.EMPTY_INCLUDES, clause))
    clauses = " and ".join(condition.clause for condition in conditions)
    reason = f"{config_format.pass_reason(block)} {clauses}".rstrip()
    return _checked(block, reason, tuple(conditions))


def _checked(block: Block, reason: str, conditions: tuple[Condition, ...] = ()) -> CheckedBlock:
    return CheckedBlock(block.server, block.at.file, block.at.line, block.name, reason, conditions)


def _key(finding: Finding) -> tuple[object, ...]:
    return (finding.culprit.id, finding.file, finding.line, finding.block_file, finding.block_line)


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    def key(finding: Finding) -> tuple[str, int, int, str]:
        return (finding.file, finding.line, LEVELS.index(finding.level), finding.culprit.id)

    return tuple(sorted(findings, key=key))
