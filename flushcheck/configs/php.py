"""PHP: php.ini and FPM pools. Source: PHP's "Configuration" manual pages, seen on 8.2.

A file of settings (php.ini, .user.ini, conf.d) is one Block if it has a setting that concerns output. Each
FPM pool is one; its php_value[...] and php_admin_value[...] lines get the settings' own names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs.findings import Server
from flushcheck.configs.tree import Block, Config, Directive, Format, Parsed, Scope, TreeBuilder

# The settings that concern a stream.
SETTINGS = ("output_buffering", "zlib.output_compression", "output_handler")

_LINE = re.compile(
    r"\s*(?:\[(?P<section>[^\]]*)\]|(?P<name>[\w.-]+)(?:\[(?P<key>[^\]]*)\])?\s*=\s*(?P<value>.*))"
)


def parse(text: str, file: str) -> Parsed:
    """Build the tree of one file: sections with their settings; the first one, before any name, is ""."""
    builder = TreeBuilder(file)
    builder.enter(Directive("", (), file, 1, 1))
    for number, line in enumerate(text.split("\n"), start=1):
        match = _LINE.match(line)
        if match is None:  # a comment begins with ; or #
            continue
        if match["section"] is not None:
            builder.leave()
            builder.enter(Directive(match["section"].strip(), (), file, number, number))
        else:
            name, key = match["name"], match["key"]
            setting = key if name.startswith("php_") and key else name
            written = f"{name}[{key}]" if key is not None else name
            args = (_value(match["value"]),)
            builder.add(Directive(setting.strip().lower(), args, file, number, number, written=written))
        if builder.is_full(number):
            break
    return builder.done()


def _value(text: str) -> str:
    text = text.strip()
    if text[:1] in ('"', "'"):
        return text[1:].partition(text[0])[0]
    return text.partition(";")[0].strip()


def blocks(config: Config) -> Iterator[Block]:
    """Every pool, and the file itself if it is one of settings."""
    if config.file.replace("\\", "/").endswith("/cli/php.ini"):
        return  # PHP's command line sets output_buffering to 0
    settings: list[Directive] = []
    for section in config.directives:
        lines = section.block or ()
        if any(line.name in ("pm", "listen", "pm.max_children") for line in lines):
            yield _block(config, Scope(section, lines), lines[0], "pool", f"pool [{section.name}]")
        else:
            settings += lines
    scope = Scope(None, settings)
    first = next((line for name in SETTINGS for line in scope.own(name)), None)
    if first is None and any(section.name == "PHP" for section in config.directives):
        first = settings[0] if settings else None
    if first is not None:
        yield _block(config, scope, first, "ini", "PHP's settings")


def _block(config: Config, scope: Scope, line: Directive, via: str, name: str) -> Block:
    return Block(
        server=config.server,
        scope=scope,
        pass_directive=line,
        via=via,
        name=name,
        version=config.version,
        insert_scope=scope,
    )


def is_whole(config: Config) -> bool:
    """Whether a file is php.ini itself."""
    return any(section.name == "PHP" for section in config.directives)


def size_bytes(text: str) -> int | None:
    """A PHP setting as a number: On is 1, Off is 0, 4K is 4096; None if it is no number."""
    word = text.strip().lower()
    if word in ("", "off", "no", "false", "none"):
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


FORMAT = Format(
    server=Server.PHP,
    blocks=blocks,
    pass_reason=pass_reason,
    is_whole=is_whole,
    file_names=(
        r"(^|/)php[^/]*\.ini[^/]*$|(^|/)\.user\.ini$|(^|/)php/.*\.(ini|conf)$|(^|/)pool\.d/[^/]*\.conf$",
    ),
    line_starts=(
        r"\[PHP\]",
        r"(php_(admin_)?(value|flag)|env)\[",
        r"(output_buffering|zlib\.\w+|implicit_flush|short_open_tag|max_execution_time|memory_limit)\s*=",
        r"(pm|pm\.\w+|listen\.(owner|group|mode)|error_reporting)\s*=",
    ),
)
