"""docs/glossary.md and the public names agree: no word of our own without a line there, no line for a dead word."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, TEXTS

# Words in names of public classes that need no explanation, each with whose word it is.
STANDARD_TERMS = {
    "address": "HTTP: where a request goes",
    "named": "English",
    "action": "editing: what an edit does",
    "at": "English",
    "cause": "English",
    "certificate": "TLS",
    "confidence": "statistics, diagnosis: how certain a conclusion is",
    "cut": "networks: a connection that ends too early",
    "edit": "editing: a change to a file",
    "end": "English",
    "ending": "English",
    "error": "Python",
    "evidence": "diagnosis: a fact with its source",
    "fault": "diagnosis: what is wrong, and where",
    "gaps": "English: times between tokens",
    "idle": "HTTP: idle time-out",
    "lag": "networks: delay beyond the smallest one",
    "level": "logging, linting: how serious a message is",
    "location": "English",
    "match": "English: whether two are the same",
    "metrics": "monitoring: named numbers",
    "outcome": "testing: how a test or an experiment ended",
    "place": "English",
    "received": "English",
    "record": "databases, protocols: one unit of structured data",
    "request": "HTTP",
    "result": "English",
    "server": "HTTP",
    "status": "English: in which state something is",
    "setting": "programs: a value that the operator sets",
    "app": "WSGI: the application behind the server",
    "owner": "operations: who is responsible",
    "source": "English: where something was seen or comes from",
    "reason": "English",
    "timed": "English",
    "unit": "English: what is counted",
    "flushcheck": "the product",
    "unknown": "English",
    "version": "programs",
    "change": "English",
    "usage": "command lines: usage error",
}

# Packages whose public classes are what others read, in Python or as JSON.
PUBLIC = (*sorted(ROOT.glob("flushcheck/model/*.py")), ROOT / "flushcheck" / "configs" / "findings.py")

GLOSSARY = re.findall(r"^\| \*\*([\w-]+)\*\* \|", TEXTS["docs/glossary.md"], re.MULTILINE)


def words(name: str) -> list[str]:
    """The words of a CamelCase or snake_case name, in lower case: RequestAtApp gives request, at, app."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def classes(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name


def defined(path: Path) -> Iterator[str]:
    """Names that a module defines: classes, functions, arguments, fields, constants, and the module itself."""
    yield from path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def unexplained(name: str) -> list[str]:
    """The words of a public class's name that neither list explains."""
    return [word for word in words(name) if word not in GLOSSARY and word not in STANDARD_TERMS]


@pytest.mark.parametrize(("path", "name"), [(path, name) for path in PUBLIC for name in classes(path)])
def test_every_word_of_a_public_class_is_explained(path: Path, name: str):
    unknown = unexplained(name)
    assert not unknown, (
        f"{path.relative_to(ROOT)}, class {name}: add {' and '.join(unknown)} to docs/glossary.md, "
        "or to STANDARD_TERMS in tests/docs/test_glossary.py if other projects use the word in the same sense"
    )


def test_every_word_of_the_glossary_is_in_use():
    modules = [*ROOT.glob("flushcheck/**/*.py"), *ROOT.glob("tests/lab/*.py")]
    used = {word for path in modules for name in defined(path) for word in words(name)}
    used |= {word.removesuffix("s") for word in used}
    dead = [word for word in GLOSSARY if not set(words(word)) <= used]
    assert not dead, f"docs/glossary.md explains {dead}, which no public name contains: remove or rename them"


def test_every_standard_term_is_in_use():
    used = {word for path in PUBLIC for name in classes(path) for word in words(name)}
    assert sorted(set(STANDARD_TERMS) - used) == [], "remove these from STANDARD_TERMS"


def test_no_word_is_explained_twice():
    assert sorted(GLOSSARY) == sorted(set(GLOSSARY))
    assert not set(GLOSSARY) & set(STANDARD_TERMS)


NAMES = [
    # a new class          the words that a person has to explain
    ("Observation",        []),
    ("RequestAtApp",       []),
    ("Turnstile",          ["turnstile"]),
    ("PieceLedger",        ["ledger"]),
    ("HTTPHop",            ["http"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "unknown"), NAMES)
def test_a_new_word_is_noticed(name: str, unknown: list[str]):
    assert unexplained(name) == unknown
