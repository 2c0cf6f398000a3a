"""Command lines in a systemd unit, a Procfile or a Dockerfile: gunicorn's with its settings, others as words.

Weakest first: the settings file, GUNICORN_CMD_ARGS, the command line. Source: gunicorn's manual,
"Configuration Overview".
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from flushcheck.configs.gunicorn.settings_file import COMPUTED
from flushcheck.configs.server_command import may_start, server_words
from flushcheck.configs.tree import Directive, Parsed

START = "start"  # our names for the statements of other commands, of variables, of a unit's drop-ins and of
RESET = "reset"  # a line that takes back what stood before it: ExecStart= without a command
DROP_INS = "drop-ins"
CONFIG = "-c"  # our name for the statement that includes a settings file
DEFAULT_CONFIG = "gunicorn.conf.py"  # read from the working folder if no -c names another one

# These two tables are gunicorn's own, as far as the check needs them; a test compares them with the installed
# gunicorn. They are not read from `gunicorn.config`: it takes 0.15 s to import, the file is for another
# installation of gunicorn, and the table would have to be passed through every function here.
FLAGS = {
    "-k": "worker_class",
    "--worker-class": "worker_class",
    "--threads": "threads",
    "-w": "workers",
    "--workers": "workers",
    "-t": "timeout",
    "--timeout": "timeout",
    "-c": CONFIG,
    "--config": CONFIG,
}
# Flags without a value; after any other one the next word is its value.
FLAGS_WITHOUT_VALUE = frozenset(
    {
        *("-D", "-R", "--daemon", "--reload", "--preload", "--spew", "--check-config", "--print-config"),
        *("--no-sendfile", "--capture-output", "--proxy-protocol", "--reuse-port", "--initgroups"),
        *("--enable-stdio-inheritance", "--disable-redirect-access-to-syslog", "--log-syslog"),
        *("--strip-header-spaces", "--suppress-ragged-eofs", "--do-handshake-on-connect"),
        *("--no-control-socket", "--enable-backlog-metric", "--casefold-http-method"),
        *("--permit-obsolete-folding", "--permit-unconventional-http-method"),
        *("--permit-unconventional-http-version",),
    }
)
_APP = re.compile(r"[A-Za-z_]\w*(\.\w+)*(:[\w.]+(\(.*\))?)?")

_VARIABLE = re.compile(r"[A-Za-z_]\w*=")
_SHELL_OPERATORS = frozenset({"&&", "||", "|", "&", ">", ">>"})  # a semicolon also ends a word
_MAX_ENVIRONMENT = 20  # settings from the environment: one line of it is usual
SYSTEMD_LINE = re.compile(r"\s*(ExecStart|Environment)\s*=\s*[-@:+!]*(.*)", re.DOTALL)
DOCKER_LINE = re.compile(r"\s*(CMD|ENTRYPOINT|ENV)\s+(.*)", re.DOTALL | re.IGNORECASE)
_PROCFILE_LINE = re.compile(r"\s*[\w-]+:\s+(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Words:
    """A command as words, and where it stands."""

    words: list[str]
    file: str
    line: int
    end_line: int
    is_json: bool = False  # written as a JSON list, as in a Dockerfile


def parse_commands(text: str, file: str) -> Parsed:
    """A Directive "command" for every gunicorn command line, with its settings inside, START for others."""
    environment: list[Directive] = []
    names: list[Directive] = []  # of every variable, with its value
    was_reset: list[Directive] = []
    commands: list[Directive] = []
    # Docker appends CMD to ENTRYPOINT; of each the last one counts.
    entrypoint: _Words | None = None
    cmd: _Words | None = None
    for line, end_line, content in _logical_lines(text):
        systemd, procfile = SYSTEMD_LINE.match(content), _PROCFILE_LINE.match(content)
        if (docker := DOCKER_LINE.match(content)) is not None:
            kind, rest = docker[1].upper(), docker[2].strip()
            if kind == "ENV":
                environment += _environment(_Words(_split_env(rest), file, line, end_line))
                names += _variables(_Words(_split_env(rest), file, line, end_line))
            elif kind == "ENTRYPOINT":
                entrypoint = _Words(_split(rest), file, line, end_line, rest.startswith("["))
            else:
                cmd = _Words(_split(rest), file, line, end_line, rest.startswith("["))
        elif systemd is not None and systemd[1] == "Environment":
            environment += _environment(_Words(_split(systemd[2]), file, line, end_line))
            names += _variables(_Words(_split(systemd[2]), file, line, end_line))
        elif systemd is not None and not systemd[2].strip():
            commands, was_reset = [], [Directive(RESET, (), file, line, end_line)]
        elif systemd is not None:
            commands += _any_command(_Words(_split(systemd[2]), file, line, end_line))
        elif procfile is not None:
            words = _Words(_split(procfile[1]), file, line, end_line)
            is_web = content.lstrip().startswith("web:")
            commands += _any_command(words) if is_web or server_words(words.words) else _command(words)
        elif content.lstrip().startswith(("exec gunicorn ", "gunicorn ")):
            commands += _command(_Words(_split(content), file, line, end_line))
    if entrypoint is not None and cmd is not None:
        if not _is_server(entrypoint.words) and _starts_known(cmd.words):
            if not _starts_known(entrypoint.words):
                entrypoint = None  # a script that ends with exec "$@", as Docker's documentation has it
        elif _is_server(entrypoint.words) or entrypoint.is_json:
            entrypoint, cmd = replace(entrypoint, words=[*entrypoint.words, *cmd.words]), None
    for docker_command in (entrypoint, cmd):
        if docker_command is not None and docker_command.words:
            commands += _any_command(docker_command)
    return Parsed(
        (
            *was_reset,
            *(
                _with_sources(command, environment)
                if command.name == "command"
                else command.with_block(tuple(names[-_MAX_ENVIRONMENT:]) + (command.block or ()))
                for command in commands
            ),
            # Last, because the commands may stand in another file: a unit whose drop-in this is.
            *environment[-_MAX_ENVIRONMENT:],
        )
    )


def _is_server(words: Sequence[str]) -> bool:
    """Whether a server is a word of its own, to which more arguments may be added; not within sh -c."""
    known = server_words(words)[:1]
    return _gunicorn_at(words) is not None or any(word.rpartition("/")[2] in known for word in words)


def _starts_known(words: Sequence[str]) -> bool:
    return _gunicorn_at(words) is not None or bool(server_words(words))


def _any_command(command: _Words) -> list[Directive]:
    """A command of gunicorn with its settings, of any other program as its words."""
    own = _command(command)
    if own or not command.words:
        return own
    before = [word for word in command.words if _VARIABLE.match(word)]
    variables = tuple(_variables(replace(command, words=before)))
    words = tuple(command.words)
    return [Directive(START, words, command.file, command.line, command.end_line, variables, words[0])]


def _variables(command: _Words) -> list[Directive]:
    """NAME=VALUE words as statements."""
    pairs = (word.partition("=") for word in command.words if _VARIABLE.match(word))
    return [
        Directive(name, (COMPUTED if "$" in value else value,), command.file, command.line, command.end_line)
        for name, _, value in pairs
    ]


def variables(command: Directive) -> dict[str, str]:
    """The variables that a START sets, by name."""
    return {line.name: line.args[0] for line in command.block or ()}


def after_reset(directives: Sequence[Directive]) -> Sequence[Directive]:
    """The statements behind the last one that takes back those before it."""
    last = max((number for number, line in enumerate(directives) if line.name == RESET), default=-1)
    return directives[last + 1 :]


def commands(text: str) -> tuple[tuple[str, ...], ...]:
    """Every command that a systemd unit, a Procfile or a Dockerfile starts, as words, of any program."""
    found: list[list[str]] = []
    docker: dict[str, list[str]] = {}  # Docker appends CMD to ENTRYPOINT; of each the last one counts
    for _, _, content in _logical_lines(text):
        systemd, procfile = SYSTEMD_LINE.match(content), _PROCFILE_LINE.match(content)
        if (line := DOCKER_LINE.match(content)) is not None:
            docker[line[1].upper()] = _split(line[2].strip())
        elif systemd is not None and systemd[1] == "ExecStart":
            found.append(_split(systemd[2]))
        elif systemd is None and procfile is not None:
            found.append(_split(procfile[1]))
    found.append([*docker.get("ENTRYPOINT", ()), *docker.get("CMD", ())])
    return tuple(tuple(words) for words in found if words)


def _with_sources(command: Directive, environment: Sequence[Directive]) -> Directive:
    """The command with all its settings, weakest first: settings file, environment, command line."""
    own = command.block or ()
    configs = tuple(setting for setting in own if setting.name == CONFIG)
    rest = tuple(setting for setting in own if setting.name != CONFIG)
    # Without -c gunicorn reads the file in the working folder, if there is one.
    implied = Directive(CONFIG, (DEFAULT_CONFIG, "implied"), command.file, command.line, command.end_line)
    return command.with_block((*(configs or (implied,)), *environment[-_MAX_ENVIRONMENT:], *rest))


def _logical_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Lines joined with their continuations: first and last number, and the text."""
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
        yield first + 1, number, " ".join(parts)[:20_000]


def _split(text: str) -> list[str]:
    """A command as words: a JSON list, or split as a shell does."""
    if text.startswith("["):
        try:
            words = json.loads(text)
            if isinstance(words, list):
                return [word for word in words if isinstance(word, str)]
        except (ValueError, RecursionError):
            pass  # no JSON: the shell gets it
    try:
        return shlex.split(text)
    except ValueError:  # a quote that is never closed
        return text.split()


def _split_env(text: str) -> list[str]:
    """The variables of Docker's ENV; in its old form, ENV NAME VALUE, the value is all the rest."""
    if "=" not in text.partition(" ")[0]:
        name, _, value = text.partition(" ")
        return [f"{name}={value.strip()}"]
    return _split(text)


def _environment(command: _Words) -> list[Directive]:
    """The settings in GUNICORN_CMD_ARGS, if it is among these NAME=VALUE words."""
    for word in command.words:
        name, _, value = word.partition("=")
        if name == "GUNICORN_CMD_ARGS":
            settings = _settings(replace(command, words=_split(value)))
            return [setting for setting in settings if setting.name != CONFIG]
    return []


def _gunicorn_at(words: Sequence[str]) -> int | None:
    at = next((i for i, word in enumerate(words) if word.rpartition("/")[2] == "gunicorn"), None)
    return None if at is None or not may_start(words[:at]) else at


def _command(command: _Words) -> list[Directive]:
    """The command line with its settings; none if gunicorn is not in it."""
    words = command.words
    at = _gunicorn_at(words)
    written = f'"{words[at]}"' if command.is_json and at is not None else "gunicorn"
    if at is None:
        # sh -c "gunicorn ..."
        inner = next((word for word in words if "gunicorn " in word), None)
        words = _split(inner) if inner is not None else []
        at = _gunicorn_at(words)
        if at is None:
            return []
    before = _environment(replace(command, words=words[:at]))
    own = []
    for word in words[at + 1 :]:
        if word in _SHELL_OPERATORS:
            break
        own.append(word.rstrip(";"))
        if word.endswith(";"):
            break
    settings = (*before, *_settings(replace(command, words=own)))
    app = _app(own)
    args = (app,) if app else ()
    return [Directive("command", args, command.file, command.line, command.end_line, settings, written)]


def _app(words: Sequence[str]) -> str:
    """The module that gunicorn serves, for example "main:app"; "" if none is named."""
    is_value = False  # of the flag before it
    for word in words:
        if not is_value and _APP.fullmatch(word):
            return word
        has_value = "=" in word or re.match("-[^-].", word)  # --workers=4, -w4
        is_value = word.startswith("-") and not has_value and word not in FLAGS_WITHOUT_VALUE
    return ""


def _settings(command: _Words) -> Iterator[Directive]:
    words = command.words
    number = 0
    while number < len(words):
        word = words[number]
        number += 1
        flag, equals, value = word.partition("=")
        if not word.startswith("--"):
            flag, equals, value = word[:2], word[2:], word[2:]  # -w4
        name = FLAGS.get(flag)
        if name is None:
            continue
        if not equals and number < len(words):
            value = words[number]
            number += 1
        value = COMPUTED if "$" in value else value
        yield Directive(name, (value,), command.file, command.line, command.end_line, written=flag)
