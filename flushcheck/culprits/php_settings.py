"""What both culprits of PHP need: a held PHP app in a run, and PHP's settings wherever they stand.

Settings stand in php.ini, in a pool, in Apache's php_value or in nginx's fastcgi_param.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flushcheck.configs import php
from flushcheck.configs.findings import Action, Edit, Server
from flushcheck.configs.tree import Block, Value, edit
from flushcheck.culprits import own_stream
from flushcheck.culprits.evidence import hold_evidence, variant_evidence
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.own_streams import shape
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    RequestAtApp,
    Transport,
    Variant,
)


def held_app(seen: Observations, transport: Transport) -> RequestAtApp | None:
    """What a PHP app saw of the request whose response is held, and not by nginx; None if it is otherwise.

    An app that is known to flush all of PHP's buffers is not what holds.
    """
    request = seen.request_at_app(transport)
    if request is None or not request.server.startswith("PHP") or seen.flushed:
        return None
    return request if seen.frees(transport, Variant.XAB) is Answer.NO else None


def is_block(size_bytes: int) -> bool:
    """Whether PHP makes blocks of this size, and no proxy measured: 8192, less the 8 of a FastCGI record."""
    return 8100 <= size_bytes <= 8192


def detect_own_zlib(seen: Observations, transport: Transport, culprit: Culprit) -> Detection | None:
    """What speaks for PHP's compressor, and as much for its output_buffering below another one.

    Compressed it is held, and without compression it arrives in PHP's blocks: zlib.output_compression
    buffers for all clients, and so does output_buffering.
    """
    plain = seen.get(replace(seen.baseline(transport), variant=Variant.IDENTITY))
    if plain is None or not own_stream.is_held(seen, transport) or not seen.compressed(transport):
        return None
    timing, size_bytes = seen.timing(plain.probe), shape(plain).hold_bytes or 0
    if timing is None or timing.flow is not Flow.BLOCKS or not is_block(size_bytes):
        return None
    if plain.header("content-encoding") or not own_stream.is_php(seen, transport):
        return None
    facts = (
        hold_evidence(seen, transport),
        variant_evidence(seen, transport, Variant.IDENTITY),
        Evidence(f"{transport}: without compression the blocks are those of PHP"),
        *own_stream.server_evidence(seen, transport),
    )
    return Detection(culprit, Confidence.POSSIBLE, facts)


def of(block: Block) -> Iterator[tuple[str, str, Value]]:
    """Name, value, and the setting as it reads at its line, for each that concerns a stream."""
    if block.server is Server.PHP:
        for name in php.SETTINGS:
            own = block.scope.own(name)
            if own and own[-1].args:
                line = own[-1]
                yield name, line.args[0], Value(f"{line.word} =", line.args, line)
    elif block.via == "php":  # a line of Apache's
        gate = block.pass_directive
        yield gate.args[0].lower(), next(iter(gate.args[1:]), ""), Value(gate.word, gate.args, gate)
    elif block.server is Server.NGINX and block.via == "fastcgi":
        for line in block.scope.nearest("fastcgi_param"):
            if len(line.args) > 1 and line.args[0].upper() in ("PHP_VALUE", "PHP_ADMIN_VALUE"):
                for setting in line.args[1].replace("\\n", "\n").split("\n"):
                    name, _, value = setting.partition("=")
                    if name.strip().lower() in php.SETTINGS:
                        shown = Value(line.args[0], (setting.strip(),), line)
                        yield name.strip().lower(), value.strip(), shown


def fix_at(block: Block, shown: Value, fix: Fix) -> tuple[Fix, tuple[Edit, ...]]:
    """The fix as it reads at the guilty line, and its edit; no edit where the line has several settings.

    Args:
        shown: the guilty setting, from `of`.
        fix: as php.ini has it, "name = value".
    """
    line = shown.at
    if line is None:
        return fix, ()
    name, value = (part.strip() for part in fix.change.split("="))
    number = "0" if value else ""
    if block.server is Server.NGINX:
        change = f'fastcgi_param {line.args[0]} "{name}={number}";'
        return replace(fix, where="nginx, the block with fastcgi_pass", change=change), ()
    where, change = "php.ini", fix.change
    if block.server is Server.APACHE:
        # php_value takes numbers, php_flag words.
        where = f"Apache, the {line.word} line"
        change = f"{line.word} {line.args[0]} {'off' if line.name.endswith('flag') else number or 'none'}"
    elif line.word != line.name:
        where, change = "the pool", f"{line.word} = {'off' if 'flag' in line.word else number}".rstrip()
    return replace(fix, where=where, change=change), (edit(Action.REPLACE, line, change),)
