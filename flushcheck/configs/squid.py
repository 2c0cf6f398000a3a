"""Squid in front of an app (accelerator mode): a name and its values on each line.

Source: squid.conf.documented of 5.7.

Every `cache_peer` with `originserver` is a Block: requests for an app go through it. A Squid without one is a
forward proxy, which serves its clients and no app. Measured on Debian's 5.7: it passes each piece on at once,
over http_port and https_port, whatever read_ahead_gap says; a delay pool slows a stream down to its rate, and
read_timeout cuts it in a silence. What an adaptation service (ICAP, eCAP) does to a response is its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from flushcheck.configs.findings import Server
from flushcheck.configs.tree import (
    MAX_ARGS,
    Block,
    Config,
    Directive,
    Format,
    Parsed,
    Scope,
    TreeBuilder,
    ellipsize,
)
from flushcheck.configs.tree.listener import Listener

INCLUDES = ("include",)

# Lines that a condition around them makes uncertain.
_COUNTS = re.compile(r"cache_peer|icap_|ecap_|adaptation_|delay_|read_timeout|https?_port|include|if")
_MAX_DOUBTS = 5  # named of one file
_UNITS = {"millisecond": 0.001, "second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}


def parse(text: str, file: str) -> Parsed:
    """Build the tree of one file, includes left as they are; lines under `if` stand inside of it."""
    builder = TreeBuilder(file)
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        start = at
        line = lines[at].strip()
        at += 1
        if line.endswith("\\") and at < len(lines):
            parts = [line]
            while parts[-1].endswith("\\") and at < len(lines):
                parts[-1] = parts[-1][:-1].rstrip()
                parts.append(lines[at].strip())
                at += 1
            line = " ".join(parts)
        words = line.partition(" #")[0].split() if not line.startswith("#") else []
        if not words:
            continue
        name, args = words[0].lower(), tuple(words[1 : MAX_ARGS + 1])
        if name == "if":
            builder.enter(Directive(name, args, file, start + 1, at))
        elif name in ("else", "endif"):
            condition = " ".join(words)
            if not builder.leave():
                builder.problem(start + 1, f"{condition}: no if is open")
            elif name == "else":
                builder.enter(Directive("if", ("else",), file, start + 1, at, written="else"))
        else:
            builder.add(Directive(name, args, file, start + 1, at, written=words[0]))
        if builder.is_full(at):
            break
    return builder.done("an {} is not ended by endif")


def blocks(config: Config) -> Iterator[Block]:
    """Every peer that is an app."""
    top = Scope(None, config.directives)
    listeners = tuple(_listeners(top))
    for peer in top.own("cache_peer"):
        if "originserver" not in peer.args:
            continue
        yield Block(
            server=config.server,
            scope=Scope(peer, (), top),
            pass_directive=peer,
            via="http",
            name=ellipsize(" ".join(("cache_peer", *peer.args[:3]))),
            version=config.version,
            insert_scope=top,
            unread_includes=top.unread_includes(INCLUDES),
            listeners=listeners,
        )


def _listeners(top: Scope) -> Iterator[Listener]:
    for name in ("http_port", "https_port"):
        for line in top.own(name):
            yield Listener(line, tls=name == "https_port")


def seconds(args: tuple[str, ...]) -> float | None:
    """Squid's time, for example ("1", "minute"); None if it is none."""
    number = args[0] if args else ""
    unit = args[1].lower().rstrip("s") if args[1:] else "second"
    if not re.fullmatch(r"\d{1,7}(\.\d{1,3})?", number) or unit not in _UNITS:
        return None
    return float(number) * _UNITS[unit]


def doubts(block: Block) -> Iterator[str]:
    """Why it is not known whether this block passes pieces on: the same for every peer of a file."""
    top = block.insert_scope
    reasons: tuple[str, ...] = top.cached("doubts", lambda: tuple(islice(_doubts(top), _MAX_DOUBTS)))
    yield from reasons


def _doubts(top: Scope) -> Iterator[str]:
    used = {line.args[0] for line in top.own("adaptation_access") if line.args[1:2] == ("allow",)}
    # A set or chain of services counts as each of its members.
    for name in ("adaptation_service_set", "adaptation_service_chain"):
        for line in top.own(name):
            if line.args[:1] and line.args[0] in used:
                used.update(line.args[1:])
    for name, switch in (("icap_service", "icap_enable"), ("ecap_service", "ecap_enable")):
        enabled = top.own(switch)
        if not (enabled and enabled[-1].args[:1] == ("on",)):
            continue
        for line in top.own(name):
            if any("respmod" in arg for arg in line.args) and line.args[0] in used:
                through = "responses go through this service, which may collect them"
                yield f"{line.text} (line {line.line}): {through}"
    for line in top.own("if"):
        if any(_COUNTS.match(inner.name) for inner in line.block or ()):
            where = f"{line.text} (line {line.line})"
            yield f"lines under {where} count only where the condition holds: not checked"


def delay_pool(block: Block) -> tuple[Directive, str] | None:
    """The line of a pool that limits some responses, with its rates; None if none does."""
    top = block.insert_scope
    pool: tuple[Directive, str] | None = top.cached("delay pool", lambda: _delay_pool(top))
    return pool


def _delay_pool(top: Scope) -> tuple[Directive, str] | None:
    allowed = {line.args[0] for line in top.own("delay_access") if line.args[1:2] == ("allow",)}
    for line in top.own("delay_parameters"):
        rates = [rate for rate in line.args[1:] if not re.fullmatch(r"(-1/-1|none)", rate)]
        if line.args[:1] and line.args[0] in allowed and rates:
            return line, " ".join(rates)
    return None


def pass_reason(_block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    return "Squid passes each piece of an origin server on at once"


FORMAT = Format(
    server=Server.SQUID,
    blocks=blocks,
    pass_reason=pass_reason,
    doubts=doubts,
    # A forward proxy serves its own clients: whether streams pass it was not measured.
    is_whole=lambda _config: False,
    file_names=(r"(^|/)squid[^/]*\.conf$|(^|/)squid/.*\.conf$",),
    line_starts=(
        r"(http|https)_port\s+\S",
        r"(cache_peer|cache_peer_access|cache_dir|cache_mem|refresh_pattern|coredump_dir|visible_hostname)\s",
        r"http_access\s+(allow|deny)\s",
        r"acl\s+\w+\s+(src|dst|dstdomain|port|method|proto|url_regex|ssl_bump|time)\s",
        r"(icap|ecap|adaptation|delay)_\w+\s",
        r"(read_timeout|read_ahead_gap|quick_abort_min|forwarded_for|via|cache)\s",
    ),
)
