"""uWSGI's Blocks, one for each section that serves an app, and which values are in force there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from flushcheck.configs.findings import Edit
from flushcheck.configs.tree import Block, Config, Directive, Scope, Value, ellipsize
from flushcheck.configs.uwsgi.parser import CONDITION

INCLUDES = ("ini", "include", "inherit", "yaml", "json", "xml")

_SOCKETS = (
    *("http-socket", "http11-socket", "https-socket", "socket", "uwsgi-socket", "fastcgi-socket"),
    *("fastcgi-nph-socket", "scgi-socket", "scgi-nph-socket", "suwsgi-socket"),
)
ROUTERS = ("http", "https", "http2")
_APPS = ("module", "wsgi-file", "mount", "psgi", "rack", "paste", "pecan", "php-docroot", "mule", "eval")
# How a socket is spoken to, where that is neither HTTP nor uwsgi.
_VIA = {"fastcgi-socket": "fastcgi", "scgi-socket": "scgi"}

# Engines with their own number of requests at a time in each process.
_ENGINES = ("gevent", "asyncio", "async")
_MAX_LINES = 100_000  # looked at in one section with what it includes

# The actions of internal routing that change the response, as measured on 2.0.21: these pass each write on.
_FLOWING = frozenset({"gzip", "chunked", "toupper", "addheader", "remheader", "delheader"})
HOLDING = ("tofile", "offload")
_ROUTE = re.compile(r"route(?:-[\w-]+)?|(?:final|error|response)-route(?:-[\w-]+)?")
_ACTION = re.compile(r"([a-z][\w-]*):")
# Actions that end a request, change it, or only say what comes next.
_OF_REQUESTS = frozenset(
    {
        *(
            "last",
            "break",
            "continue",
            "return",
            "redirect",
            "redirect-permanent",
            "redirect-302",
            "redirect-301",
        ),
        *(
            "goto",
            "log",
            "setapp",
            "setuser",
            "sethome",
            "setfile",
            "setmethod",
            "seturi",
            "setpathinfo",
            "addvar",
        ),
        *("setscheme", "setprocname", "sethost", "setremoteaddr", "setpath", "setdocroot", "fixpathinfo"),
        *(
            "rewrite",
            "uwsgi",
            "basicauth",
            "basicauth-next",
            "harakiri",
            "signal",
            "donotlog",
            "donotoffload",
        ),
        *(
            "static",
            "file",
            "send",
            "send-crnl",
            "clearheaders",
            "logvar",
            "disableheaders",
            "expires",
            "alarm",
        ),
    }
)
# Options that a condition around them makes uncertain.
_COUNTS = re.compile(
    r"processes|threads|harakiri|http|https|http-timeout|gevent|asyncio|async|if|(?:[a-z]+-)?route(?:-[\w-]+)?|"
    + "|".join(INCLUDES)
)


def blocks(config: Config) -> Iterator[Block]:
    """Every section that serves an app and that no other section of the file takes in."""
    sections = {line.name: line for line in config.directives if line.block is not None}
    taken = {
        option.args[0][1:]
        for section in sections.values()
        for option in section.block or ()
        if option.name in INCLUDES and option.args[0].startswith(":") and option.args[0][1:] != section.name
    }
    for section in config.directives:
        if section.block is None or section.name in taken:
            continue
        lines = tuple(_lines(section, sections))
        scope = Scope(section, lines)
        names = (*_SOCKETS, *ROUTERS, *_APPS)
        first = next((line for line in lines if line.name in names), None)
        if first is not None:
            yield _block(config, section, scope, first)


def _lines(section: Directive, sections: dict[str, Directive]) -> Iterator[Directive]:
    """The options of a section, with those of the sections and files that it takes in, in their place."""
    open_: list[tuple[str, Iterator[Directive]]] = [(section.name, iter(section.block or ()))]
    count = 0
    while open_:
        option = next(open_[-1][1], None)
        count += 1
        if option is None or count > _MAX_LINES:
            open_.pop()
            continue
        target = option.args[0] if option.args else ""  # a section of an included file has none
        if option.name in INCLUDES and target.startswith(":"):
            other = sections.get(target[1:])
            if other is not None and all(target[1:] != name for name, _ in open_):
                open_.append((other.name, iter(other.block or ())))
        elif option.block is not None and option.name == "uwsgi":
            open_.append(("", iter(option.block)))
        else:
            yield option


def _block(config: Config, section: Directive, scope: Scope, first: Directive) -> Block:
    socket = next((line for name in (*ROUTERS, *_SOCKETS) for line in scope.own(name)), first)
    return Block(
        server=config.server,
        scope=scope,
        pass_directive=first,
        via=_VIA.get(socket.name, "wsgi"),
        name=ellipsize(f"{section.word} {socket.word} {' '.join(socket.args)}"),
        version=config.version,
        insert_scope=scope,
        unread_includes=scope.unread_includes(INCLUDES),
    )


def number(value: Value) -> int | None:
    """A value as a number; None if it is none, for example a placeholder."""
    match = re.match(r"\d{1,9}(?!\d)", value.first)
    return int(match[0]) if match else None


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many requests are processed at a time."""

    value: Value  # the setting that says it, or would
    processes: int | None  # None: not a number
    each: int | None  # in each process; None: not a number
    is_engine: bool  # gevent and its like: a greenlet for each request


def concurrency(block: Block) -> Concurrency | None:
    """Processes, and what each serves at a time; None where an engine's number has no known effect."""
    processes = number(block.value("processes", "1"))
    for engine in _ENGINES:
        chosen = block.value(engine, "0")
        if chosen.at is not None:
            # async adds nothing to an app that does not yield to its engine (measured): not known.
            return (
                None if engine == "async" else Concurrency(chosen, processes, number(chosen), is_engine=True)
            )
    threads = block.value("threads", "1")
    each = number(threads)
    of = block.value("processes", "1") if threads.at is None else threads
    return Concurrency(of, processes, each if each is None else max(each, 1), is_engine=False)


def edits(block: Block, setting: str) -> tuple[Edit, ...]:
    """The change that makes this setting the one in force; () where the file is no ini file.

    Args:
        setting: as a line of an ini file, for example "threads = 100".
    """
    if not block.at.word.startswith("["):
        return ()
    return block.edit(block.value(setting.partition(" ")[0], "").at, setting)


def has_router(block: Block) -> Directive | None:
    """The line of the HTTP router, which has a timeout of its own; None without one."""
    return next((line for name in ROUTERS for line in block.scope.own(name)), None)


def actions(block: Block) -> Iterator[tuple[Directive, str]]:
    """Every line of internal routing that changes something, and its action."""
    for line in block.scope.children:
        if _ROUTE.fullmatch(line.name) and line.args:
            # Its first word is a pattern or a condition, except where the rule is for every request.
            rule = line.args[0].strip()
            action = rule if line.name.endswith("route-run") else rule.partition(" ")[2].strip()
            if match := _ACTION.match(action):
                yield line, match[1]


def doubts(block: Block) -> Iterator[str]:
    """Why it is not known whether this block passes pieces on."""
    for line, action in actions(block):
        if action not in _FLOWING and action not in _OF_REQUESTS and action not in HOLDING:
            yield f"{line.text} (line {line.line}): what the action {action} does to a stream is not known"
    for line in block.scope.own(CONDITION):
        if not any(_COUNTS.fullmatch(option.name) for option in line.block or ()):
            continue
        yield f"lines under {line.text} (line {line.line}) count only where the condition holds: not checked"
    if concurrency(block) is None:
        yield f"{block.say(block.value('async', '0'))}: how many streams it serves depends on the app"


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    first = block.pass_directive
    router = ", and so does its HTTP router" if has_router(block) else ""
    return f"{first.text} (line {first.line}): uWSGI sends each piece that the app yields at once{router}"
