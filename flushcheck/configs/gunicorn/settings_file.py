"""gunicorn's settings file: Python that is parsed with `ast` and never run.

A name with a plain value counts; a value from the environment counts with its default, and says so; every
other value is COMPUTED.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence

from flushcheck.configs.tree import Directive, Parsed, ReadProblem

# A syntax tree takes a kilobyte for four bytes of text; a real settings file is a few kilobytes long.
MAX_PYTHON = 100_000  # characters

COMPUTED = ""  # the value of a setting that is known only when the file runs


def parse_settings_file(text: str, file: str) -> Parsed:
    """Every assignment to a name at the top level, with its value as text."""
    if len(text) > MAX_PYTHON:
        return Parsed((), (ReadProblem(file, 0, f"more than {MAX_PYTHON} characters of Python: not read"),))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about literals in a file that is not ours
            tree = ast.parse(text.encode(errors="replace"))
    except SyntaxError as error:
        return Parsed((), (ReadProblem(file, error.lineno or 0, f"not Python: {error.msg}"),))
    except (ValueError, RecursionError, MemoryError):
        return Parsed((), (ReadProblem(file, 0, "Python that cannot be read"),))
    return Parsed(tuple(_assignments(tree.body, file)))


def _assignments(body: Sequence[ast.stmt], file: str) -> Iterator[Directive]:
    pending = [(node, False) for node in reversed(body)]
    while pending:
        node, conditional = pending.pop()
        if isinstance(node, ast.If | ast.Try | ast.With):
            inner = [*node.body, *getattr(node, "orelse", [])]
            conditional = conditional or not isinstance(node, ast.With)
            pending += [(child, conditional) for child in reversed(inner)]
            continue
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name):
                end_line = node.end_lineno or node.lineno
                args = _constant(value)
                if conditional and len(args) == 1:
                    args = (*args, "a condition")
                yield Directive(target.id.lower(), args, file, node.lineno, end_line, written=target.id)


def _constant(node: ast.expr, depth: int = 0) -> tuple[str, ...]:
    """The value as text, and what may override it, for example "K in the environment"."""
    if isinstance(node, ast.Constant):
        return (str(node.value) if isinstance(node.value, str | int | float) else COMPUTED,)
    if depth > 5:
        return (COMPUTED,)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        parts = [_constant(part, depth + 1) for part in node.values]
        names = [name for part in parts for name in part[1:]]
        return (parts[-1][0], *names[:1])
    if isinstance(node, ast.Subscript) and _dotted_name(node.value) in ("os.environ", "environ"):
        return (COMPUTED, f"{_constant(node.slice, depth + 1)[0]} in the environment")
    if isinstance(node, ast.Call):
        function = _dotted_name(node.func)
        if function in ("os.environ.get", "environ.get", "os.getenv", "getenv") and node.args:
            name = _constant(node.args[0], depth + 1)[0]
            default = _constant(node.args[1], depth + 1)[0] if len(node.args) > 1 else COMPUTED
            return (default, f"{name} in the environment")
        if function in ("int", "str", "float") and len(node.args) == 1:
            return _constant(node.args[0], depth + 1)
    return (COMPUTED,)


def _dotted_name(node: ast.expr) -> str:
    """A dotted name; "" for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join(reversed([*parts, node.id])) if isinstance(node, ast.Name) else ""
