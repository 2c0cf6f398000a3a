"""Settings of PHP, wherever they stand: php.ini, a pool, Apache's php_value, nginx's fastcgi_param."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.core.configs import php
from flushcheck.core.configs.tree import Block, Value
from flushcheck.core.model import Action, Edit, Server


def of(block: Block) -> Iterator[tuple[str, str, Value]]:
    """Name, value, and the setting as it reads at its line, for each that concerns a stream."""
    if block.server is Server.PHP:
        for name in php.SETTINGS:
            own = block.scope.own(name)
            if own and own[-1].args:
                line = own[-1]
                yield name, line.args[0], Value(f"{line.word} =", line.args, line)
    elif block.server is Server.APACHE and block.via == "php":
        gate = block.gate
        yield gate.args[0].lower(), "".join(gate.args[1:2]), Value(gate.word, gate.args, gate)
    elif block.server is Server.NGINX and block.via == "fastcgi":
        for line in block.scope.nearest("fastcgi_param"):
            if len(line.args) > 1 and line.args[0].upper() in ("PHP_VALUE", "PHP_ADMIN_VALUE"):
                for setting in line.args[1].replace("\\n", "\n").split("\n"):
                    name, equals, value = setting.partition("=")
                    if equals and name.strip().lower() in php.SETTINGS:
                        shown = Value(line.args[0], (setting.strip(),), line)
                        yield name.strip().lower(), value.strip(), shown


def edits(block: Block, shown: Value, ini: str) -> tuple[Edit, ...]:
    """The setting turned off at its line; none where the line says more than one thing."""
    line = shown.at
    if line is None or block.server is Server.NGINX:
        return ()
    text = ini
    if block.server is Server.APACHE:
        # php_value takes numbers, php_flag words.
        text = f"{line.word} {line.args[0]} {'off' if line.name.endswith('flag') else '0'}"
    elif line.word != line.name:
        text = f"{line.word} = {'off' if 'flag' in line.word else '0'}"
    return (Edit(Action.REPLACE, line.file, line.line, line.end_line, line.word, (text,)),)
