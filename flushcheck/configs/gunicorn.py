"""gunicorn: its settings file, and its command line in a systemd unit, a Procfile or a Dockerfile.

The settings file is Python. It is read with `ast` and never run: a name that is given a plain value counts,
one that comes from the environment counts with its default and says so, everything else is "computed".
What overrides what, from weak to strong: settings file, GUNICORN_CMD_ARGS, command line. Source: gunicorn's
manual, "Configuration Overview".
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import warnings
from collections.abc import Iterable, Iterator, Sequence

from flushcheck.configs.tree import (
    MAX_BLOCKS,
    Block,
    Config,
    Directive,
    Parsed,
    ReadProblem,
    Scope,
    Value,
    ellipsize,
)

INCLUDES = ("-c",)  # our name for the file that a command line names
DEFAULT_CONFIG = "gunicorn.conf.py"  # read from the working folder when no -c says otherwise

# A syntax tree takes a kilobyte for four bytes of text; a real settings file is a few kilobytes long.
MAX_PYTHON = 100_000  # characters

SETTINGS = ("worker_class", "threads", "workers", "timeout", "bind", "worker_connections", "wsgi_app")
_FLAGS = {
    "-k": "worker_class",
    "--worker-class": "worker_class",
    "--threads": "threads",
    "-w": "workers",
    "--workers": "workers",
    "-t": "timeout",
    "--timeout": "timeout",
    "-c": "-c",
    "--config": "-c",
}
# Flags without a value; every other one takes the next word.
_BARE = frozenset(
    {
        *("-D", "-R", "--daemon", "--reload", "--preload", "--spew", "--check-config", "--print-config"),
        *("--no-sendfile", "--capture-output", "--proxy-protocol", "--reuse-port", "--initgroups"),
        *("--enable-stdio-inheritance", "--disable-redirect-access-to-syslog", "--log-syslog"),
        *(
            "--strip-header-spaces",
            "--suppress-ragged-eofs",
            "--do-handshake-on-connect",
            "--no-control-socket",
        ),
        *("--permit-obsolete-folding", "--casefold-http-method", "--permit-unconventional-http-method"),
        *("--permit-unconventional-http-version", "--enable-backlog-metric"),
    }
)
_APP = re.compile(r"[A-Za-z_]\w*(\.\w+)*(:[\w.]+(\(.*\))?)?")
COMPUTED = ""  # the value of a setting that only running would tell

_STOPS = frozenset({"&&", "||", "|", ";", "&", ">", ">>"})
_MAX_ENVIRONMENT = 20  # settings from the environment: one line of it is usual
_PYTHON = re.compile(r"^[ \t]*(?:import|from|def|[A-Za-z_]\w*\s*=)", re.MULTILINE)
_UNIT = re.compile(r"\s*(ExecStart|Environment)\s*=\s*[-@:+!]*(.*)", re.DOTALL)
_DOCKER = re.compile(r"\s*(CMD|ENTRYPOINT|ENV)\s+(.*)", re.DOTALL | re.IGNORECASE)
_PROC = re.compile(r"\s*[\w-]+:\s+(.*)", re.DOTALL)


def parse(text: str, file: str) -> Parsed:
    """Build the tree of one file, whichever of the four kinds it is."""
    name = file.replace("\\", "/").rpartition("/")[2].lower()
    if name.endswith((".py", ".conf")) or (not _commands(name) and _looks_like_python(text)):
        return _python(text, file)
    return _lines(text, file)


def _commands(name: str) -> bool:
    return name.endswith((".service", ".dockerfile")) or name.startswith(
        ("procfile", "dockerfile", "containerfile")
    )


def _looks_like_python(text: str) -> bool:
    return bool(_PYTHON.search(text)) and not any(
        _UNIT.match(line) or _DOCKER.match(line) or line.startswith("[") for line in text[:20_000].split("\n")
    )


# The settings file.


def _python(text: str, file: str) -> Parsed:
    if len(text) > MAX_PYTHON:
        return Parsed((), (ReadProblem(file, 0, f"more than {MAX_PYTHON} characters of Python: not read"),))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # somebody else's odd literals are not our reader's business
            tree = ast.parse(text.encode("utf-8", errors="replace"))
    except SyntaxError as error:
        return Parsed((), (ReadProblem(file, error.lineno or 0, f"not Python: {error.msg}"),))
    except (ValueError, RecursionError, MemoryError):
        return Parsed((), (ReadProblem(file, 0, "Python that cannot be read"),))
    return Parsed(tuple(_assigned(tree.body, file)))


def _assigned(body: Sequence[ast.stmt], file: str) -> Iterator[Directive]:
    todo = [(node, False) for node in reversed(body)]
    while todo:
        node, sometimes = todo.pop()
        if isinstance(node, ast.If | ast.Try | ast.With):
            inner = [*node.body, *getattr(node, "orelse", [])]
            sometimes = sometimes or not isinstance(node, ast.With)
            todo += [(child, sometimes) for child in reversed(inner)]
            continue
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name):
                end_line = node.end_lineno or node.lineno
                args = _constant(value)
                if sometimes and len(args) == 1:
                    args = (*args, "a condition")
                yield Directive(target.id.lower(), args, file, node.lineno, end_line, None, target.id)


def _constant(node: ast.expr, depth: int = 0) -> tuple[str, ...]:
    """The value as text; behind it what may say otherwise, for example "K in the environment"."""
    if isinstance(node, ast.Constant):
        return (str(node.value) if isinstance(node.value, str | int | float) else COMPUTED,)
    if depth > 5:
        return (COMPUTED,)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        parts = [_constant(part, depth + 1) for part in node.values]
        names = [name for part in parts for name in part[1:]]
        return (parts[-1][0], *names[:1])
    if isinstance(node, ast.Subscript) and _word(node.value) in ("os.environ", "environ"):
        return (COMPUTED, f"{_constant(node.slice, depth + 1)[0]} in the environment")
    if isinstance(node, ast.Call):
        function = _word(node.func)
        if function in ("os.environ.get", "environ.get", "os.getenv", "getenv") and node.args:
            name = _constant(node.args[0], depth + 1)[0]
            default = _constant(node.args[1], depth + 1)[0] if len(node.args) > 1 else COMPUTED
            return (default, f"{name} in the environment")
        if function in ("int", "str", "float") and len(node.args) == 1:
            return _constant(node.args[0], depth + 1)
    return (COMPUTED,)


def _word(node: ast.expr) -> str:
    """A dotted name; "" for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < 5:
        parts.append(node.attr)
        node = node.value
    return ".".join(reversed([*parts, node.id])) if isinstance(node, ast.Name) else ""


# Command lines.


def _lines(text: str, file: str) -> Parsed:
    environment: list[Directive] = []
    commands: list[Directive] = []
    # Docker's ENTRYPOINT, to which CMD is appended, each with whether it is a JSON list.
    entry: tuple[int, int, list[str], bool] | None = None
    last: tuple[int, int, list[str], bool] | None = None
    for line, end_line, content in _logical(text):
        unit, docker, proc = _UNIT.match(content), _DOCKER.match(content), _PROC.match(content)
        if docker is not None:
            kind, rest = docker[1].upper(), docker[2].strip()
            if kind == "ENV":
                environment += _environment(_split(rest, equals=True), file, line, end_line)
            elif kind == "ENTRYPOINT":
                entry = (line, end_line, _split(rest), rest.startswith("["))
            else:
                last = (line, end_line, _split(rest), rest.startswith("["))
        elif unit is not None and unit[1] == "Environment":
            environment += _environment(_split(unit[2]), file, line, end_line)
        elif unit is not None or proc is not None:
            words = _split(unit[2] if unit is not None else proc[1] if proc is not None else "")
            commands += _command(words, file, line, end_line)
        elif content.lstrip().startswith(("exec gunicorn ", "gunicorn ")):
            commands += _command(_split(content), file, line, end_line)
    for begun in (entry, last):
        if begun is None:
            continue
        line, end_line, words, listed = begun
        if begun is entry and last is not None and _gunicorn_at(words) is not None:
            words = [*words, *last[2]]
            last = None
        commands += _command(words, file, line, end_line, listed=listed)
    done = []
    for command in commands:
        own = command.block or ()
        configs = tuple(one for one in own if one.name == "-c")
        # Without -c the file in the working folder is read, if there is one.
        implied = Directive("-c", (DEFAULT_CONFIG, "implied"), file, command.line, command.end_line)
        rest = tuple(one for one in own if one.name != "-c")
        done.append(command.with_block((*(configs or (implied,)), *environment[-_MAX_ENVIRONMENT:], *rest)))
    return Parsed(tuple(done))


def _logical(text: str) -> Iterator[tuple[int, int, str]]:
    lines = [line.rstrip("\r") for line in text.split("\n")]
    number = 0
    while number < len(lines):
        first = number
        parts = []
        while lines[number].endswith("\\") and number + 1 < len(lines):
            parts.append(lines[number][:-1])
            number += 1
        parts.append(lines[number])
        number += 1
        content = " ".join(parts)
        if content.strip() and not content.lstrip().startswith(("#", ";")):
            yield first + 1, number, content[:20_000]


def _split(text: str, *, equals: bool = False) -> list[str]:
    """A command as words: a JSON list, or as a shell would split it."""
    if text.startswith("["):
        try:
            words = json.loads(text)
        except (ValueError, RecursionError):
            words = None
        if isinstance(words, list):
            return [str(word) for word in words if isinstance(word, str)]
    if equals and "=" not in text.partition(" ")[0]:
        # Docker's old form: ENV NAME all of the rest
        name, _, rest = text.partition(" ")
        return [f"{name}={rest.strip()}"]
    try:
        return shlex.split(text, comments=False)
    except ValueError:  # a quote that is never closed
        return text.split()


def _environment(words: Iterable[str], file: str, line: int, end_line: int) -> list[Directive]:
    for word in words:
        name, _, value = word.partition("=")
        if name == "GUNICORN_CMD_ARGS":
            return [one for one in _flags(_split(value), file, line, end_line) if one.name != "-c"]
    return []


def _gunicorn_at(words: Sequence[str]) -> int | None:
    return next((i for i, word in enumerate(words) if word.rpartition("/")[2] == "gunicorn"), None)


def _command(
    words: list[str], file: str, line: int, end_line: int, *, listed: bool = False
) -> list[Directive]:
    at = _gunicorn_at(words)
    written = f'"{words[at]}"' if listed and at is not None else "gunicorn"
    if at is None:
        # sh -c "gunicorn ..."
        inner = next((word for word in words if "gunicorn " in word), None)
        words = _split(inner) if inner is not None else []
        at = _gunicorn_at(words)
        if at is None:
            return []
    before = _environment(words[:at], file, line, end_line)
    own = []
    for word in words[at + 1 :]:
        if word in _STOPS:
            break
        own.append(word.rstrip(";"))
        if word.endswith(";"):
            break
    settings = (*before, *_flags(own, file, line, end_line))
    app = _app(own)
    return [Directive("command", (app,) if app else (), file, line, end_line, settings, written)]


def _app(words: Sequence[str]) -> str:
    """The module that is served, for example "main:app"; "" if none is named."""
    value_of = ""  # the flag that the word belongs to
    for word in words:
        if not value_of and _APP.fullmatch(word):
            return word
        value_of = word if word.startswith("-") and "=" not in word and word not in _BARE else ""
        if re.match(r"-[a-zA-Z].", value_of):
            value_of = ""  # -w4
    return ""


def _flags(words: Sequence[str], file: str, line: int, end_line: int) -> Iterator[Directive]:
    number = 0
    while number < len(words):
        word = words[number]
        number += 1
        flag, equals, value = word.partition("=")
        if not word.startswith("--"):
            flag, equals, value = word[:2], word[2:], word[2:]  # -w4
        name = _FLAGS.get(flag)
        if name is None:
            continue
        if not equals and number < len(words):
            value = words[number]
            number += 1
        unknown = "$" in value
        yield Directive(name, (COMPUTED if unknown else value,), file, line, end_line, None, flag)


# Blocks.


def blocks(config: Config) -> tuple[Block, ...]:
    """Every command line, or the settings file itself; at most MAX_BLOCKS."""
    return tuple(found for found, _ in zip(_blocks(config), range(MAX_BLOCKS), strict=False))


def _blocks(config: Config) -> Iterator[Block]:
    top = Scope(None, config.directives)
    for command in top.own("command"):
        scope = Scope(command, command.block or ())
        name = ellipsize(" ".join(("gunicorn", *command.args)), 60)
        yield Block(
            config.server,
            scope,
            command,
            "wsgi",
            name,
            config.version,
            unread_includes=scope.unread_includes(INCLUDES),
        )
    gate = next((line for line in config.directives if line.name in SETTINGS), None)
    if gate is not None and not top.own("command"):
        yield Block(config.server, top, gate, "wsgi", "gunicorn's settings", config.version)


def worker(block: Block) -> Value:
    """The worker class in force: more than one thread turns a sync worker into gthread."""
    value = block.value("worker_class", "sync")
    name = value.first.rpartition(".")[2].lower().removesuffix("worker")
    if name == "sync" and (threads(block) or 1) > 1:
        by = block.value("threads", "1")
        return Value("worker_class", ("gthread",), by.at, f"threads {by.first}")
    return value


def kind(value: Value) -> str:
    """For example "gevent" for gunicorn.workers.ggevent.GeventWorker; COMPUTED if only running would tell."""
    return value.first.rpartition(".")[2].lower().removesuffix("worker")


def threads(block: Block) -> int | None:
    """Threads of a worker; None if only running would tell."""
    return _number(block.value("threads", "1"))


def workers(block: Block) -> int | None:
    """Worker processes; None if only running would tell."""
    return _number(block.value("workers", "1"))


def timeout_s(block: Block) -> float | None:
    """Seconds a worker may be silent, 0 for ever; None if only running would tell."""
    return _number(block.value("timeout", "30"))


def _number(value: Value) -> int | None:
    return int(value.first) if value.first.isdecimal() and len(value.first) < 10 else None


def unless(value: Value) -> str:
    """What may say otherwise while gunicorn starts, for example "K in the environment"; "" if nothing."""
    return value.args[1] if value.at is not None and len(value.args) > 1 else ""


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    value = worker(block)
    if kind(value) == COMPUTED:
        return f"{value.name} ({block.where(value)}) is computed: not judged"
    return block.say(Value(value.name, value.args[:1], value.at, value.default))
