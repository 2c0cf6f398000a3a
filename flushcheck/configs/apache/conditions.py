"""Which statements of an Apache configuration are in force: conditions, variables and macros.

What the files do not tell counts as true: a part of a configuration has its LoadModule lines elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flushcheck.configs.tree import Directive

_CONDITIONS = frozenset({"ifmodule", "ifdefine", "ifversion", "iffile", "ifdirective", "ifsection"})

# Always loaded, with or without a LoadModule line.
_BUILT_IN = frozenset({"core", "so", "http", "mpm", "log_config", "unixd", "watchdog", "version"})

_MAX_MACRO_DEPTH = 5
_MAX_MACRO_USES = 1_000
_MAX_WRITTEN = 20_000  # statements that macros bring


@dataclass(slots=True)
class Definitions:
    """Modules, variables and macros that the files define."""

    modules: set[str] = field(default_factory=set)  # of LoadModule, for example "proxy_fcgi"
    variables: dict[str, str] = field(default_factory=dict)
    macros: dict[str, Directive] = field(default_factory=dict)
    uses: int = 0  # macros written out so far
    written: int = 0  # their statements


def definitions(directives: Iterable[Directive]) -> Definitions:
    """What the top level defines, conditional blocks included."""
    defined = Definitions()
    pending = [directives]
    while pending:
        for directive in pending.pop():
            if directive.name == "loadmodule" and directive.args:
                defined.modules.add(directive.args[0].lower().removesuffix("_module"))
            elif directive.name == "define" and directive.args:
                defined.variables[directive.args[0]] = " ".join(directive.args[1:])
            elif directive.name == "macro" and directive.args and directive.block is not None:
                defined.macros[directive.args[0].lower()] = directive
            if directive.block is not None and directive.name in _CONDITIONS:
                pending.append(directive.block)
    return defined


def _is_true(condition: Directive, defined: Definitions) -> bool:
    """Whether a condition is true, as far as the files tell; True where they do not."""
    argument = condition.args[0] if condition.args else ""
    wanted = not argument.startswith("!")
    name = argument.lstrip("!")
    if condition.name == "ifmodule":
        module = name.lower().removeprefix("mod_").removesuffix(".c").removesuffix("_module")
        loaded = not defined.modules or module in defined.modules or module in _BUILT_IN
        return loaded is wanted
    if condition.name == "ifdefine":
        return (name in defined.variables) is wanted
    return wanted


def effective(directives: Sequence[Directive], defined: Definitions, depth: int = 0) -> Iterator[Directive]:
    """The statements of a section without its conditions, with variables replaced and macros written out."""
    for directive in directives:
        if directive.name in _CONDITIONS and directive.block is not None:
            if _is_true(directive, defined):
                yield from effective(directive.block, defined, depth)
        elif directive.name == "use" and directive.args and directive.args[0].lower() in defined.macros:
            defined.uses += 1
            if depth < _MAX_MACRO_DEPTH and defined.uses <= _MAX_MACRO_USES:
                yield from effective(_macro_lines(directive, defined), defined, depth + 1)
        elif any("${" in arg for arg in directive.args):
            args = tuple(_with_variables(arg, defined.variables) for arg in directive.args)
            yield replace(directive, args=args)
        else:
            yield directive


def _with_variables(arg: str, variables: Mapping[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda match: variables.get(match[1], match[0]), arg)


def _macro_lines(use: Directive, defined: Definitions) -> Sequence[Directive]:
    """The lines of the macro that a `Use` statement names, with its arguments in place of the parameters."""
    macro = defined.macros[use.args[0].lower()]
    values = dict(zip(macro.args[1:], use.args[1:], strict=False))

    def fill(directive: Directive) -> Directive:
        defined.written += 1
        args = list(directive.args)
        # Longest names first, as httpd does, so that $port is not taken for $p.
        for name in sorted(values, key=len, reverse=True):
            args = [arg.replace(name, values[name]) if name else arg for arg in args]
        block = directive.block
        if block is not None:
            block = tuple(fill(child) for child in block if defined.written < _MAX_WRITTEN)
        return replace(directive, args=tuple(args), block=block)

    return [fill(directive) for directive in macro.block or () if defined.written < _MAX_WRITTEN]
