"""nginx: files of directives without a pass, which act in the blocks that include them.

A snippet, a panel's "advanced" box, the value of an annotation. What is in force beside its lines is not
known, so only the lines themselves count: one that holds is guilty wherever it is included, one that frees is
innocent. A file with a pass, or with a whole block of http { } or server { }, is no fragment.
"""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.tree import Block, Config, Directive, Scope

# By the first word of its directives: how a pass that obeys them is called in a Block.
_GATEWAYS = {"proxy": "http", "fastcgi": "fastcgi", "uwsgi": "uwsgi", "scgi": "scgi"}
# Settings of one gateway that other gateways do not have under their own name, and that name no buffer.
_SHARED = ("_param", "_pass", "_temp_path", "_cache_path")
_WHOLE = frozenset({"http", "events", "stream", "mail", "server", "upstream"})
_INNER = frozenset({"location", "if", "limit_except"})


def fragments(config: Config) -> Iterator[Block]:
    """The fragment that a file is, once for each gateway that its lines name; nothing for a whole file."""
    if is_whole(config) and not any(directive.name in _INNER for directive in config.directives):
        return
    top = Scope(None, config.directives)
    yield from _of(top, config)
    for child in config.directives:
        if child.block is not None and child.name in _INNER:
            yield from _of(Scope(child, child.block, top), config)


def is_whole(config: Config) -> bool:
    """Whether a file has a block that says which requests it is for."""
    blocks = (directive.name for directive in config.directives if directive.block is not None)
    return any(name in _WHOLE or name in _INNER for name in blocks)


def _of(scope: Scope, config: Config) -> Iterator[Block]:
    lines = [line for line in scope.children if line.block is None and not line.name.startswith("include")]
    by_gateway = {via: [line for line in lines if _concerns(line, word)] for word, via in _GATEWAYS.items()}
    if not any(by_gateway.values()) and lines:
        by_gateway["http"] = lines
    for via, own in by_gateway.items():
        if own:
            name = (
                scope.directive.text if scope.directive is not None else "the block that includes this file"
            )
            yield Block(
                server=config.server,
                scope=scope,
                pass_directive=own[0],
                via=via,
                name=name,
                version=config.version,
                insert_scope=scope,
                is_fragment=True,
            )


def _concerns(line: Directive, word: str) -> bool:
    return line.name.startswith(f"{word}_") and not line.name.endswith(_SHARED)


def frees(block: Block) -> bool:
    """Whether the fragment switches the buffering off itself."""
    word = next(word for word, via in _GATEWAYS.items() if via == block.via)
    value = block.value(f"{word}_buffering", "")
    return value.at is not None and value.first == "off"
