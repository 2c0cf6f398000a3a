"""gunicorn's Blocks, one for a command line or a settings file, and which values are in force there."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Server
from flushcheck.configs.gunicorn.command_line import CONFIG, after_reset
from flushcheck.configs.gunicorn.settings_file import COMPUTED
from flushcheck.configs.tree import Block, Config, Directive, Scope, Value, ellipsize

INCLUDES = (CONFIG,)

# A file with one of these is a settings file of gunicorn.
_SETTINGS = ("worker_class", "threads", "workers", "timeout", "bind", "worker_connections", "wsgi_app")


def blocks(config: Config) -> Iterator[Block]:
    """Every command line; without any, the settings file itself."""
    commands = list(command_blocks(config))
    yield from commands
    top = Scope(None, config.directives)
    first = next((line for line in config.directives if line.name in _SETTINGS), None)
    if first is not None and not commands:
        yield _block(config, top, first, "gunicorn's settings")


def command_blocks(config: Config) -> Iterator[Block]:
    """Every command line that starts gunicorn."""
    lines = after_reset(config.directives)
    environment = [line for line in lines if line.word.startswith("-")]
    for command in lines:
        if command.name == "command":
            name = ellipsize(" ".join(("gunicorn", *command.args)), 60)
            # GUNICORN_CMD_ARGS of a drop-in: weaker than the command line, stronger than the settings file.
            more = [line for line in environment if line.file != command.file]
            own = command.block or ()
            first = next((at for at, line in enumerate(own) if _is_flag(line)), len(own))
            settings = (*own[:first], *more, *own[first:])
            yield _block(config, Scope(command, settings), command, name)


def _is_flag(line: Directive) -> bool:
    """Whether a setting stands on the command line or in GUNICORN_CMD_ARGS, not in the settings file."""
    return line.word.startswith("-") and line.name != CONFIG


def _block(config: Config, scope: Scope, line: Directive, name: str) -> Block:
    return Block(
        server=Server.GUNICORN,
        scope=scope,
        pass_directive=line,
        via="wsgi",
        name=name,
        version=config.version,
        insert_scope=scope,
        unread_includes=scope.unread_includes(INCLUDES),
    )


def worker(block: Block) -> Value:
    """The worker class in force: more than one thread turns a sync worker into gthread."""
    value = block.value("worker_class", "sync")
    if kind(value) == "sync" and (threads(block) or 1) > 1:
        return Value("worker_class", ("gthread",), block.value("threads", "1").at)
    return value


def kind(value: Value) -> str:
    """The short name, for example "gevent" for gunicorn.workers.ggevent.GeventWorker; or COMPUTED."""
    return value.first.rpartition(".")[2].lower().removesuffix("worker")


def threads(block: Block) -> int | None:
    """Threads of a worker; None if the file computes them."""
    return _number(block.value("threads", "1"))


def workers(block: Block) -> int | None:
    """Worker processes; None if the file computes them."""
    return _number(block.value("workers", "1"))


def timeout_s(block: Block) -> float | None:
    """Seconds a worker may be silent, 0: without limit; None if the file computes them."""
    return _number(block.value("timeout", "30"))


def _number(value: Value) -> int | None:
    return int(value.first) if value.first.isdecimal() and len(value.first) < 10 else None


def unless(value: Value) -> str:
    """What may override the value when gunicorn starts, for example "K in the environment"; "" if nothing."""
    return value.args[1] if len(value.args) > 1 else ""


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    value = worker(block)
    if kind(value) == COMPUTED:
        return f"{value.name} ({block.where(value)}) is computed: not checked"
    return block.say(Value(value.name, value.args[:1], value.at, value.default))
