"""App servers' command lines: in systemd units and their drop-ins, Procfiles, Dockerfiles and package.json.

A file starts some program; `server_command` knows which servers there are, and how many requests at once the
options allow: `flushcheck doctor` asks it as well. gunicorn's commands become gunicorn's own Blocks, those of
other servers Blocks of this format, and a program that is not known makes a Block that is unknown. A program
that is configured elsewhere, for example nginx, makes none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from flushcheck.configs import gunicorn
from flushcheck.configs.findings import Server
from flushcheck.configs.gunicorn.command_line import DROP_INS, START, after_reset, parse_commands, variables
from flushcheck.configs.server_command import server_words, setup_of
from flushcheck.configs.server_setup import NAMES, ServerSetup
from flushcheck.configs.tree import (
    Block,
    Config,
    Directive,
    Format,
    Parsed,
    ReadProblem,
    Scope,
    Value,
    ellipsize,
)

INCLUDES = (*gunicorn.INCLUDES, DROP_INS)
UNKNOWN = "unknown"  # `Block.via` of a program that is no server known here
MAX_JSON = 200_000  # characters of a package.json

# Programs that serve no app by themselves: their own configuration says what they pass.
_OTHERS = frozenset(
    {
        *("nginx", "apache2", "httpd", "haproxy", "caddy", "lighttpd", "varnishd", "traefik", "envoy"),
        *("apache2-foreground", "httpd-foreground", "apachectl", "apache2ctl", "supervisord", "squid"),
        *("postgres", "mysqld", "mariadbd", "mongod", "redis-server", "memcached", "rabbitmq-server"),
        *("celery", "sshd", "cron", "sleep", "tail", "true", "false", "test", "mkdir", "chown"),
    }
)
_WRAPPERS = frozenset(
    {
        *("exec", "env", "sudo", "nohup", "tini", "dumb-init", "poetry", "pipenv", "uv", "pdm", "hatch"),
        *("run", "npx", "bundle", "newrelic-admin", "run-program", "ddtrace-run"),
    }
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_START_SCRIPTS = ("start", "start:prod", "serve")


def parse(text: str, file: str) -> Parsed:
    """The commands of one file: gunicorn's with its settings, every other program's as words."""
    name = file.replace("\\", "/").rpartition("/")[2].lower()
    if name == "package.json":
        return _package(text, file)
    parsed = gunicorn.parse(text, file) if name.endswith(".py") else parse_commands(text, file)
    if name.endswith(".service"):
        more = Directive(DROP_INS, (f"{file}.d",), file, 1, 1)
        parsed = replace(parsed, directives=(*parsed.directives, more))
    return parsed


def _package(text: str, file: str) -> Parsed:
    """The script of a package.json that starts the app. Source: npm's "scripts"."""
    if len(text) > MAX_JSON:
        return Parsed((), (ReadProblem(file, 0, f"more than {MAX_JSON} characters of JSON: not read"),))
    try:
        package = json.loads(text)
    except (ValueError, RecursionError):
        return Parsed((), (ReadProblem(file, 0, "not understood as JSON"),))
    scripts = package.get("scripts") if isinstance(package, dict) else None
    if not isinstance(scripts, dict):
        return Parsed(())
    name = next((name for name in _START_SCRIPTS if isinstance(scripts.get(name), str)), None)
    if name is None:
        return Parsed(())
    at = re.search(rf'"{re.escape(name)}"\s{{0,20}}:', text)
    line = text.count("\n", 0, at.start()) if at else 0
    # On its own line of the file, so that its place is right.
    return parse_commands("\n" * line + "web: " + scripts[name].replace("\n", " "), file)


def blocks(config: Config) -> Iterator[Block]:
    """Every command that starts a server, known or not."""
    yield from gunicorn.command_blocks(config)
    for line in after_reset(config.directives):
        if line.name == START and (block := _block(config, line)) is not None:
            yield block


def _block(config: Config, line: Directive) -> Block | None:
    words = server_words(line.args)
    program = words[0] if words else _program(line.args)
    if program == "uwsgi":
        return None  # its options are read as its files are: files/embedded/uwsgi_commands.py
    if not words and (not program or program in _OTHERS or program.startswith("php-fpm")):
        return None
    options = (*_options(words, line), *(line.block or ()))
    scope = Scope(line, options)
    return Block(
        server=Server.APP_SERVER,
        scope=scope,
        pass_directive=line,
        via=setup_of_words(words, line).server.value if words else UNKNOWN,
        name=ellipsize(" ".join(words or line.args), 60),
        version=config.version,
        insert_scope=scope,
    )


def _program(words: Sequence[str]) -> str:
    """The program that a command starts, without what is in front of it; "" if there is none."""
    inner = next((word for word in words if " " in word.strip()), "") if "-c" in words else ""
    for word in inner.split() if inner else words:
        if word not in _WRAPPERS and not _ASSIGNMENT.match(word) and not word.startswith("-"):
            return word.rpartition("/")[2]
    return "" if not words or words[-1].startswith("-") else words[-1].rpartition("/")[2]


def _options(words: Sequence[str], line: Directive) -> Iterator[Directive]:
    """Every long option of the command as a statement."""
    for number, word in enumerate(words[1:], start=1):
        name, equals, value = word.partition("=")
        if not word.startswith("--") or len(word) == 2:
            continue
        following = words[number + 1 : number + 2]
        args = (
            (value,) if equals else tuple(following) if not following[:1] or following[0][:1] != "-" else ()
        )
        yield Directive(name, args, line.file, line.line, line.end_line)


def setup_of_words(words: Sequence[str], line: Directive) -> ServerSetup:
    """The setup that a command gives, on a machine whose cores are not known."""
    return setup_of(words, variables(line), cores=0, version_of=lambda _name: "")


def setup(block: Block) -> ServerSetup:
    """The setup of the server that this block starts; AppServer.UNKNOWN if none is known."""
    return setup_of_words(server_words(block.pass_directive.args), block.pass_directive)


def at_once(block: Block) -> int:
    """Streams at a time in all processes; 0: no limit, or not known."""
    facts = setup(block)
    return facts.concurrency * max(1, facts.processes)


def option(block: Block, *names: str, default: str) -> Value:
    """The option of the command that is in force, by the first of its names that stands there."""
    for name in names:
        if own := block.scope.own(name):
            return Value(name, own[-1].args, own[-1])
    return Value(names[0], (default,), None, f"{program_name(block)}'s default")


def program_name(block: Block) -> str:
    """The server's own name, for sentences."""
    return NAMES[setup(block).server]


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    if block.server is Server.GUNICORN:
        return gunicorn.pass_reason(block)
    facts, count = setup(block), at_once(block)
    limit = f", {count} at a time" if count else ""
    if facts.event_loop:
        return f"{program_name(block)} runs each stream as a task of its event loop{limit}"
    return f"{program_name(block)} sends each piece at once{limit}"


def doubts(block: Block) -> Iterator[str]:
    """Why it is not known whether this streams: an unknown program, or a number that is not shown."""
    if block.server is Server.GUNICORN:
        return
    words = server_words(block.pass_directive.args)
    facts = setup(block)
    if not words and "next" in block.pass_directive.args:
        yield "next start compresses pages/api routes and rewrites, unless next.config.js has compress: false"
    elif not words:
        yield f"{_program(block.pass_directive.args)[:40]} is no app server that is known here"
    elif facts.limit_unknown or not (facts.concurrency or facts.event_loop):
        yield f"how many streams {program_name(block)} serves at a time is known only when it starts"


FORMAT = Format(
    server=Server.APP_SERVER,
    blocks=blocks,
    pass_reason=pass_reason,
    doubts=doubts,
    is_whole=lambda _config: False,
    file_names=(
        r"(^|/)(dockerfile|containerfile)[^/]*$|\.dockerfile$",
        r"(^|/)procfile[^/]*$",
        r"\.service$|\.service\.d/[^/]*\.conf$",
        r"(^|/)package\.json$",
    ),
    line_starts=(
        r"Exec(Start|Reload|Stop)=",
        r"(web|worker|release):\s+\S",
        r"\w+:\s.*\b(gunicorn|uvicorn|hypercorn|granian|daphne|waitress-serve|cheroot)\b",
        r"(FROM|WORKDIR)\s+\S+",
        r"(CMD|ENTRYPOINT)\b",
    ),
)
