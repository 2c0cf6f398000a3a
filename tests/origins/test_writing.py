"""Files with an origin: complete, readable, with their own token, and silent until they have one."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from flushcheck.cli import main
from flushcheck.origins.writing import FILES, TOKEN, UNTIL, kinds, origin_file

PYTHON = ("wsgi", "asgi", "cgi")


def loaded(text: str) -> dict[str, Any]:
    module = ModuleType("flushcheck_origin")
    sys.modules[module.__name__] = module  # where dataclasses look up their annotations
    exec(compile(text, "flushcheck_origin.py", "exec"), module.__dict__)
    return module.__dict__


@pytest.mark.parametrize("kind", kinds())
def test_a_file_has_its_token_and_its_date_once(kind):
    text = origin_file(kind, "0123456789abcdefX", "2031-01-02")
    assert (text.count("0123456789abcdefX"), text.count("2031-01-02")) == (1, 1)
    assert TOKEN not in text
    assert UNTIL not in text


@pytest.mark.parametrize("kind", PYTHON)
def test_a_python_file_needs_the_standard_library_only(kind):
    tree = ast.parse(origin_file(kind, "t" * 16, "2026-12-05"))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module.partition(".")[0] for module in modules} <= sys.stdlib_module_names
    assert "flushcheck" not in modules


@pytest.mark.parametrize("kind", PYTHON)
def test_a_python_file_without_a_token_does_not_serve(kind):
    with pytest.raises(ValueError, match="token"):
        loaded(origin_file(kind, TOKEN, UNTIL))


@pytest.mark.parametrize("kind", PYTHON)
def test_a_python_file_is_of_python_3_9(kind):
    compile(ast.parse(origin_file(kind, "t" * 16, "2026-12-05"), feature_version=(3, 9)), kind, "exec")


def test_the_files_of_other_languages_have_their_places():
    for path in FILES.iterdir():
        if path.name.partition(".")[0] in kinds():
            text = path.read_text()
            assert (text.count(TOKEN), text.count(UNTIL)) == (1, 1), path.name


def test_the_command_prints_a_file_with_a_fresh_token(capsys):
    printed = []
    for _ in range(2):
        assert main(["origin", "write", "wsgi", "--days", "1"]) == 0
        output = capsys.readouterr()
        token = loaded(output.out)["TOKEN"]
        assert f"k={token}" in output.err
        printed.append(token)
    assert printed[0] != printed[1]


WRONG = [
    (["write", "perl"], "expected wsgi, asgi, cgi"),
    (["write", "wsgi", "--days", "0"], "expected 1 to 90 days"),
    (["write", "wsgi", "--days", "91"], "expected 1 to 90 days"),
    (["write", "wsgi", "--days", "x"], "expected 1 to 90 days"),
    (["write"], "KIND"),
    ([], "ACTION"),
    (["test", "nothing"], "expected an address"),
]


@pytest.mark.parametrize(("arguments", "says"), WRONG, ids=lambda value: " ".join(value)[:20])
def test_wrong_arguments_are_told(arguments, says, capsys):
    assert main(["origin", *arguments]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("module", ["flushcheck.wsgi", "flushcheck.asgi"])
def test_a_mount_imports_the_standard_library_only(module):
    code = (
        f"import sys; before = set(sys.modules); import {module}; "
        "print('\\n'.join(sorted({name.partition('.')[0] for name in set(sys.modules) - before})))"
    )
    root = Path(__file__).parents[2]
    printed = subprocess.run([sys.executable, "-S", "-c", code], cwd=root, capture_output=True, text=True, check=True)  # fmt: skip
    others = {name for name in printed.stdout.split() if name not in sys.stdlib_module_names}
    assert others == {"flushcheck"}
