"""PHP: php.ini and FPM pools. Source: PHP's "Configuration" manual pages, seen on 8.2.

A file of settings (php.ini, .user.ini, conf.d) is one Block where it says anything about output; each pool of
FPM is one, with its php_value[...] and php_admin_value[...] lines under the settings' own names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs.tree import (
    MAX_BLOCKS,
    MAX_DIRECTIVES,
    Block,
    Config,
    Directive,
    Parsed,
    ReadProblem,
    Scope,
)

# What concerns a stream.
SETTINGS = ("output_buffering", "zlib.output_compression", "output_handler")

_LINE = re.compile(
    r"\s*(?:\[(?P<section>[^\]]*)\]|(?P<name>[\w.-]+)(?:\[(?P<of>[^\]]*)\])?\s*=\s*(?P<value>.*))"
)


def parse(text: str, file: str) -> Parsed:
    """Build the tree of one file: sections with their settings, the nameless first one included."""
    sections: list[tuple[Directive, list[Directive]]] = [(Directive("", (), file, 1, 1, ()), [])]
    for number, line in enumerate(text.split("\n"), start=1):
        match = _LINE.match(line)
        if number > MAX_DIRECTIVES:
            trouble = ReadProblem(file, number, f"more than {MAX_DIRECTIVES} lines: the rest was not read")
            return Parsed(_held(sections), (trouble,))
        if match is None or line.lstrip().startswith((";", "#")):
            continue
        if match["section"] is not None:
            sections.append((Directive(match["section"].strip(), (), file, number, number, ()), []))
            continue
        own = match["of"] if match["name"].startswith("php_") and match["of"] else match["name"]
        written = f"{match['name']}[{match['of']}]" if match["of"] is not None else match["name"]
        value = _value(match["value"])
        sections[-1][1].append(Directive(own.strip().lower(), (value,), file, number, number, None, written))
    return Parsed(_held(sections))


def _held(sections: list[tuple[Directive, list[Directive]]]) -> tuple[Directive, ...]:
    return tuple(section.with_block(tuple(lines)) for section, lines in sections)


def _value(text: str) -> str:
    text = text.strip()
    if text[:1] in ('"', "'"):
        return text[1:].partition(text[0])[0]
    return text.partition(";")[0].strip()


def blocks(config: Config) -> tuple[Block, ...]:
    """Every pool, and the file itself where it is one of settings; at most MAX_BLOCKS."""
    return tuple(found for found, _ in zip(_blocks(config), range(MAX_BLOCKS), strict=False))


def _blocks(config: Config) -> Iterator[Block]:
    if config.file.replace("\\", "/").endswith("/cli/php.ini"):
        return  # the command line overrides output_buffering with 0
    flat: list[Directive] = []
    for section in config.directives:
        lines = section.block or ()
        if any(line.name in ("pm", "listen", "pm.max_children") for line in lines):
            scope = Scope(section, lines)
            yield Block(config.server, scope, lines[0], "pool", f"pool [{section.name}]", config.version)
        else:
            flat += lines
    scope = Scope(None, flat)
    gate = next((line for name in SETTINGS for line in scope.own(name)), None)
    if gate is None and any(section.name == "PHP" for section in config.directives):
        gate = flat[0] if flat else None
    if gate is not None:
        yield Block(config.server, scope, gate, "ini", "PHP's settings", config.version)


def size_bytes(text: str) -> int | None:
    """A PHP setting as a number: On is 1, Off is 0, 4K is 4096; None if it is none."""
    word = text.strip().lower()
    if word in ("", "off", "no", "false", "none", "0"):
        return 0
    if word in ("on", "yes", "true"):
        return 1
    match = re.fullmatch(r"(\d{1,12})\s*([kmg]?)b?", word)
    return int(match[1]) * {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[match[2]] if match else None


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    if block.via == "pool" and not block.scope.own("output_buffering"):
        return "the pool buffers nothing by itself; php.ini decides"
    return block.say(block.value("output_buffering", "0"))
