"""Which package may import which: pure packages below, packages that do I/O above, one rule a package.

Read from the source, so that an import inside a function counts like any other. A new package gets its row in
RULES on purpose. Modules must not import each other in a circle, inside a package or across.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Rule:
    """What one package may import of the others. A pure one may import the standard library besides."""

    imports: tuple[str, ...]
    pure: bool = False


FACE = "flushcheck"  # what `from flushcheck import diagnose, judge` sees
PURE = (
    "model",
    "protocol",
    "streaming",
    "measurement",
    "configs",
    "culprits",
    "diagnosis",
    "checking",
    "watching",
    "tapping",
    "reports",
)

RULES = {
    "model": Rule((), pure=True),
    "protocol": Rule(("model",), pure=True),
    "streaming": Rule(("model",), pure=True),
    "measurement": Rule(("model", "streaming"), pure=True),
    "configs": Rule(("model",), pure=True),
    "culprits": Rule(("model", "measurement", "configs"), pure=True),
    "diagnosis": Rule(("model", "measurement", "configs", "culprits"), pure=True),
    "checking": Rule(("model", "configs", "culprits"), pure=True),
    "watching": Rule(("model", "streaming"), pure=True),
    "tapping": Rule(("model", "measurement"), pure=True),
    "reports": Rule(PURE[:-1], pure=True),
    "version": Rule(()),
    "prober": Rule(("model", "protocol", "streaming", "measurement", "watching", "tapping", "version")),
    "files": Rule(("model", "configs", "checking")),
    "taps": Rule(()),
    "origins": Rule(("protocol", "taps")),
    "flushcheck.wsgi": Rule(("origins",)),
    "flushcheck.asgi": Rule(("origins",)),
    "testing": Rule(("model", "measurement", "culprits", "diagnosis", "reports", "prober", "taps")),
    "exporter": Rule(("model", "reports", "version")),
    FACE: Rule(("model", "diagnosis", "prober", "version")),
    "service": Rule((*PURE, "prober", "files", "version", FACE)),
    "cli": Rule(
        (*PURE, "prober", "files", "origins", "service", "taps", "testing", "exporter", "version", FACE)
    ),
    "__main__": Rule(("cli",)),
    "app": Rule((*PURE, "prober", "service", FACE)),
    "wsgi": Rule(("app",)),
}

# Of the standard library, what reaches the world or waits for it: time, bytes and files come to a pure package
# as arguments, settings too (CONTRIBUTING.md, "Functions").
WORLD = frozenset(
    {
        *("time", "sched", "signal", "threading", "concurrent", "multiprocessing", "subprocess", "asyncio"),
        *("socket", "ssl", "select", "selectors", "socketserver", "mmap", "fcntl", "ctypes"),
        *("http.client", "http.server", "urllib.request", "ftplib", "imaplib", "poplib", "smtplib", "xmlrpc"),
        *(
            "io.open",
            "os.open",
            "os.environ",
            "pathlib",
            "glob",
            "fileinput",
            "linecache",
            "shutil",
            "tempfile",
        ),
        *("sqlite3", "importlib", "runpy"),
    }
)
CALLS = frozenset({"__import__", "breakpoint", "eval", "exec", "input", "open", "print"})

SOURCES = sorted([*ROOT.glob("flushcheck/**/*.py"), *ROOT.glob("app.py"), *ROOT.glob("wsgi.py")])


def module_name(path: Path) -> str:
    """Return the dotted name of a source file; that of the folder for an `__init__.py`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.Module, *, package: str) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) for all that is imported, and for what is taken from an imported module.

    `from time import sleep` and `import time` … `time.sleep` both give "time.sleep".

    Args:
        tree: the module.
        package: the folder it lies in, dotted: what a leading dot means.
    """
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                bound[alias.asname or name] = name
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = [*(above if node.level else ()), *([node.module] if node.module else ())]
            for alias in node.names:
                name = ".".join([*base, alias.name])
                bound[alias.asname or alias.name] = name
                yield node.lineno, name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in bound:
            yield node.lineno, f"{bound[node.value.id]}.{node.attr}"


def owner(name: str) -> str | None:
    """Return the package in RULES that holds a module, or a thing in it; None for what is not of this project.

    Raises:
        LookupError: it is ours and has no rule.
    """
    first, _, rest = name.partition(".")
    if first not in {"flushcheck", "app", "wsgi"}:
        return None
    if first != FACE or not rest:
        return first
    package = rest.partition(".")[0]
    here = ROOT / FACE
    # A name in flushcheck/__init__.py, as `diagnose` is, has no file; a module or package has one.
    if not ((here / package).is_dir() or (here / f"{package}.py").exists()):
        return FACE
    if package in ("wsgi", "asgi"):  # wsgi.py at the top is another one
        return f"{FACE}.{package}"
    if package not in RULES:
        raise LookupError(
            f"flushcheck.{package} has no rule yet: give it one in RULES, tests/test_imports.py"
        )
    return package


def wrongs(source: str, *, module: str, package: str) -> list[str]:
    """Return what a module imports or calls though it may not, each with its line and the reason."""
    tree = ast.parse(source)
    mine = owner(module)
    assert mine is not None
    rule = RULES[mine]
    found = []
    for line, name in imports(tree, package=package):
        theirs = owner(name)
        above = {name.rsplit(".", n)[0] for n in range(name.count(".") + 1)}
        if theirs is not None:
            if theirs != mine and theirs not in rule.imports:
                found.append((line, f"{mine} may not import {name}"))
        elif rule.pure and name.partition(".")[0] not in sys.stdlib_module_names:
            found.append((line, f"{name} is not of the standard library"))
        elif rule.pure and above & WORLD:
            found.append((line, f"{name} reaches the world"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if rule.pure and node.func.id in CALLS:
                found.append((node.lineno, f"{node.func.id}() reaches the world"))
    return [f"line {line}: {what}" for line, what in sorted(found)]


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return one circle of modules that import each other, in order; nothing if there is none."""
    done: set[str] = set()

    def follow(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for following in sorted(graph.get(name, ())):
            if found := follow(following, [*path, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := follow(name, []))), [])


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_imports_go_one_way(path: Path) -> None:
    module = module_name(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    assert wrongs(path.read_text(), module=module, package=package) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    known = {module_name(path) for path in SOURCES}
    graph: dict[str, set[str]] = {}
    for path in SOURCES:
        module = module_name(path)
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        names = {name for _, name in imports(ast.parse(path.read_text()), package=package)}
        modules = {name if name in known else name.rpartition(".")[0] for name in names}
        graph[module] = (modules & known) - {module}
    # An __init__ gathers what its folder holds, and a module of the folder may be imported past it.
    assert circle(graph) == []


def test_a_circle_is_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


GUILTY = [
    # name                 module                         source                                       why
    ("a library",          "flushcheck.measurement.plan", "import requests",                           "not of the standard"),
    ("a part of one",      "flushcheck.measurement.plan", "from flask.wrappers import Request",        "not of the standard"),
    ("a socket",           "flushcheck.measurement.plan", "import socket",                             "reaches the world"),
    ("in a function",      "flushcheck.measurement.plan", "def f():\n    import gevent",               "line 2: gevent"),
    ("sleep by name",      "flushcheck.measurement.plan", "from time import sleep",                    "time.sleep reaches"),
    ("the environment",    "flushcheck.streaming.limits", "import os\nx = os.environ",                 "line 2: os.environ"),
    ("the clock",          "flushcheck.measurement.plan", "import time",                               "time reaches"),
    ("below a module",     "flushcheck.measurement.plan", "import urllib.request",                     "urllib.request reaches"),
    ("by its attribute",   "flushcheck.measurement.plan", "import os\nos.open('x', 0)",                "line 2: os.open"),
    ("a file",             "flushcheck.measurement.plan", "open('x')",                                 "open() reaches"),
    ("I/O from a report",  "flushcheck.reports",          "from flushcheck import prober",             "reports may not import flushcheck.prober"),
    ("the face",           "flushcheck.reports",          "from flushcheck import diagnose",           "may not import"),
    ("upwards",            "flushcheck.measurement.plan", "from flushcheck.culprits import x",         "measurement may not import"),
    ("upwards, by a dot",  "flushcheck.measurement.plan", "from ..diagnosis import inference",         "may not import flushcheck.diagnosis"),
    ("from below",         "flushcheck.streaming.transports.chunked", "from ...measurement import x",  "streaming may not import"),
    ("service in prober",  "flushcheck.prober",           "import flushcheck.service.application",     "prober may not import"),
    ("the top",            "flushcheck.service.x",        "from app import app",                       "service may not import app"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "module", "source", "why"), GUILTY, ids=lambda v: v[:20])
def test_a_wrong_import_is_seen(name: str, module: str, source: str, why: str) -> None:
    assert why in "\n".join(wrongs(source, module=module, package=module.rpartition(".")[0])), name


INNOCENT = [
    ("flushcheck.measurement.plan", "import re, json\nfrom urllib.parse import urlencode\nimport urllib.parse"),
    ("flushcheck.measurement.plan", "from flushcheck.model import Probe\nfrom .timing import measure"),
    ("flushcheck.streaming.transports.chunked", "from flushcheck.streaming.transports import records"),
    ("flushcheck.prober", "import socket, time, requests\nopen('x')\nfrom flushcheck.measurement import plan"),
    ("flushcheck.cli", "from flushcheck import diagnose\nfrom flushcheck.service import application"),
    ("wsgi", "from app import app"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "source"), INNOCENT)
def test_a_right_import_is_let_through(module: str, source: str) -> None:
    assert wrongs(source, module=module, package=module.rpartition(".")[0]) == []


def test_a_package_without_a_rule_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "flushcheck" / "stray").mkdir(parents=True)
    monkeypatch.setattr("tests.test_imports.ROOT", tmp_path)
    with pytest.raises(LookupError, match="stray has no rule yet"):
        owner("flushcheck.stray.module")
