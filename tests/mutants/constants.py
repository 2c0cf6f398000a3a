"""Mutants of what stands outside of functions: numbers a little larger and smaller, sets with a member less.

mutmut leaves module level alone. Here each mutant runs in a process of its own, forked before flushcheck is
imported, whose import of the one module compiles the changed source.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

# A threshold has rows near it on both sides; a number that counts has them at the next whole one.
NEAR = (0.95, 1.05)
SETS = ("frozenset", "set")


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    path: Path
    line: int
    before: str
    after: str
    code: str  # the whole module

    @property
    def name(self) -> str:
        """For example `flushcheck/measurement/timing.py:40: 0.3 -> 0.315`."""
        return f"{self.path}:{self.line}: {self.before} -> {self.after}"


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of the assignments at the top of this module, in their order."""
    source = path.read_text()
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    raw = source.encode()
    for node, changed in _changes(ast.parse(source)):
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        code = (raw[:begin] + changed.encode() + raw[end:]).decode()
        yield Mutant(path, node.lineno, raw[begin:end].decode(), changed, code)


def _changes(tree: ast.Module) -> Iterator[tuple[ast.expr, str]]:
    for statement in tree.body:
        value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
        if value is None:
            continue
        for node in ast.walk(value):
            if isinstance(node, ast.Constant) and type(node.value) is int:
                yield from ((node, str(node.value + step)) for step in (-1, 1))
            elif isinstance(node, ast.Constant) and type(node.value) is float:
                yield from ((node, repr(node.value * factor)) for factor in NEAR)
            elif isinstance(node, ast.Set | ast.Tuple) and len(node.elts) > 1 and _is_choice(node, value):
                for left_out in node.elts:
                    kept = ", ".join(ast.unparse(member) for member in node.elts if member is not left_out)
                    yield node, f"{{{kept}}}" if isinstance(node, ast.Set) else f"({kept},)"
            elif isinstance(node, ast.Dict) and node is value:
                for dropped in node.keys:
                    pairs = zip(node.keys, node.values, strict=True)
                    kept = ", ".join(
                        f"{ast.unparse(key)}: {ast.unparse(item)}"
                        for key, item in pairs
                        if key and key is not dropped
                    )
                    yield node, f"{{{kept}}}"


def _is_choice(node: ast.expr, value: ast.expr) -> bool:
    """Whether this set or tuple is what the name stands for, and not an argument of something larger."""
    return node is value or (
        isinstance(value, ast.Call) and ast.unparse(value.func) in SETS and value.args[:1] == [node]
    )


def survives(mutant: Mutant, tests: Sequence[str]) -> bool:
    """Whether all these tests pass with this change."""
    child = os.fork()
    if child == 0:
        _silence()
        _install(mutant)
        import pytest  # the parent has it: this costs nothing

        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "pytest_timeout"]
        os._exit(int(pytest.main([*options, *tests])))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _install(mutant: Mutant) -> None:
    module = ".".join(mutant.path.with_suffix("").parts).removesuffix(".__init__")

    class Loader(importlib.machinery.SourceFileLoader):
        def get_code(self, fullname: str) -> CodeType:
            return compile(mutant.code, self.path, "exec", dont_inherit=True)

    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, fullname: str, *_: object) -> importlib.machinery.ModuleSpec | None:
            if fullname != module:
                return None
            loader = Loader(fullname, str(mutant.path.resolve()))
            return importlib.util.spec_from_file_location(fullname, loader.path, loader=loader)

    sys.meta_path.insert(0, Finder())
