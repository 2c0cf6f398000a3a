"""Who may import whom: a thinking core, thin hands, one roof.

Read from the source, so that an import inside a function counts like any other. Every module must have
its place in the orders below; a new one is put there on purpose.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A name may import what stands to its left. Inside a folder (`transports`, `web`) all may import all.
CORE = (
    "model",
    "findings",  # a Culprit at a file and line
    "codec",  # values from and to JSON: it knows the model and nothing else
    "texts",  # the texts that ship: data alone
    "limits",
    "params",
    "stream",
    "transports",
    "reads",  # what a shell saw, decoded
    "plan",
    "patterns",  # in which a hold lets go
    "timing",
    "together",  # the Timings of one run, held against each other
    "observations",  # all that one run saw, asked by Probe
    "configs",
    "configs",  # server configurations as plain values
    "silences",  # how long a stream may be silent
    "culprits",
    "catalogue",  # Culprits looked up by name
    "check",  # configurations in, Findings out
    "check",
    "vantages",  # the path beside the app's own port
    "hops",  # who stands between, as far as it shows
    "inference",
    "watch",  # any stream of the user's own app
    "doctor",  # what the app runs under
    "agreement",  # what a Report and Findings say of each other
    "render",
)
FACE = "flushcheck"  # what `from flushcheck import diagnose, judge` sees
WHOLE = (
    "flushcheck.core",  # the folder itself; its __init__ is the first that runs
    *(f"flushcheck.core.{name}" for name in CORE),
    "flushcheck.prober",
    "flushcheck.readers",  # opens configuration files
    FACE,
    "flushcheck.web",
    "flushcheck.cli",
    "flushcheck.__main__",
    "app",
    "wsgi",
)

# Of the standard library, what reaches the world or waits for it: time, bytes and files come to the core
# as arguments (house style, section 4), settings too.
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


def place(name: str) -> int | None:
    """Return where a module, or a thing in it, stands in WHOLE; None for what is not of this project.

    Raises:
        LookupError: it is ours and has no place.
    """
    if name.partition(".")[0] not in {"flushcheck", "app", "wsgi"}:
        return None
    at_or_above = [known for known in WHOLE if f"{name}.".startswith(f"{known}.")]
    best = max(at_or_above, key=len)
    rest = name.removeprefix(best).strip(".").split(".")[0]
    # Something in the face, as `diagnose` is, has no file; a module without a place has one.
    here = ROOT.joinpath(*best.split("."))
    if best in {FACE, "flushcheck.core"} and rest:
        if (here / rest).exists() or (here / f"{rest}.py").exists():
            raise LookupError(f"{name} has no place yet: give it one in tests/test_imports.py")
    return WHOLE.index(best)


def wrongs(source: str, *, module: str, package: str) -> list[str]:
    """Return what a module imports or calls though it may not, each with its line and the reason."""
    tree = ast.parse(source)
    mine = place(module)
    assert mine is not None
    in_core = module.startswith("flushcheck.core")
    found = []
    for line, name in imports(tree, package=package):
        theirs = place(name)
        above = {name.rsplit(".", n)[0] for n in range(name.count(".") + 1)}
        if theirs is not None:
            if theirs > mine:
                found.append((line, f"{name} stands to the right of {WHOLE[mine]}"))
        elif in_core and name.partition(".")[0] not in sys.stdlib_module_names:
            found.append((line, f"{name} is not of the standard library"))
        elif in_core and above & WORLD:
            found.append((line, f"{name} reaches the world"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if in_core and node.func.id in CALLS:
                found.append((node.lineno, f"{node.func.id}() reaches the world"))
    return [f"line {line}: {what}" for line, what in sorted(found)]


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_imports_go_one_way(path: Path) -> None:
    module = module_name(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    assert wrongs(path.read_text(), module=module, package=package) == []


GUILTY = [
    # name                 module                     source                                        why
    ("a library",          "flushcheck.core.plan",    "import requests",                            "not of the standard"),
    ("a part of one",      "flushcheck.core.plan",    "from flask.wrappers import Request",         "not of the standard"),
    ("a socket",           "flushcheck.core.plan",    "import socket",                              "reaches the world"),
    ("in a function",      "flushcheck.core.plan",    "def f():\n    import gevent",                "line 2: gevent"),
    ("sleep by name",      "flushcheck.core.plan",    "from time import sleep",                     "time.sleep reaches"),
    ("the environment",    "flushcheck.core.limits",  "import os\nx = os.environ",                  "line 2: os.environ"),
    ("the clock",          "flushcheck.core.plan",    "import time",                                "time reaches"),
    ("below a module",     "flushcheck.core.plan",    "import urllib.request",                      "urllib.request reaches"),
    ("by its attribute",   "flushcheck.core.plan",    "import os\nos.open('x', 0)",                 "line 2: os.open"),
    ("a file",             "flushcheck.core.plan",    "open('x')",                                  "open() reaches"),
    ("a hand",             "flushcheck.core.render",  "from flushcheck import prober",              "flushcheck.prober stands to the right"),
    ("the face",           "flushcheck.core.render",  "from flushcheck import diagnose",            "to the right"),
    ("to the right",       "flushcheck.core.plan",    "from flushcheck.core.timing import x",       "to the right of flushcheck.core.plan"),
    ("right, with a dot",  "flushcheck.core.plan",    "from . import timing",                       "to the right of flushcheck.core.plan"),
    ("right, from below",  "flushcheck.core.transports.chunked", "from ..plan import x",            "to the right of flushcheck.core.transports"),
    ("from the folder",    "flushcheck.core.plan",    "from flushcheck.core import render",         "to the right"),
    ("web in the prober",  "flushcheck.prober",       "import flushcheck.web.streams",              "to the right of flushcheck.prober"),
    ("the roof",           "flushcheck.web.streams",  "from app import app",                        "to the right of flushcheck.web"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "module", "source", "why"), GUILTY, ids=lambda v: v[:20])
def test_a_wrong_import_is_seen(name: str, module: str, source: str, why: str) -> None:
    assert why in "\n".join(wrongs(source, module=module, package=module.rpartition(".")[0])), name


INNOCENT = [
    ("flushcheck.core.plan", "import re, json\nfrom urllib.parse import urlencode\nimport urllib.parse"),
    ("flushcheck.core.plan", "from flushcheck.core.model import Probe\nfrom .params import query"),
    ("flushcheck.core.transports.chunked", "from flushcheck.core.transports import records"),
    ("flushcheck.prober", "import socket, time, requests\nopen('x')\nfrom flushcheck.core import plan"),
    ("flushcheck.cli", "from flushcheck import diagnose\nfrom flushcheck.web import streams"),
    ("wsgi", "from app import app"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "source"), INNOCENT)
def test_a_right_import_is_let_through(module: str, source: str) -> None:
    assert wrongs(source, module=module, package=module.rpartition(".")[0]) == []


def test_a_module_without_a_place_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "flushcheck" / "core").mkdir(parents=True)
    (tmp_path / "flushcheck" / "core" / "stray.py").touch()
    monkeypatch.setattr("tests.test_imports.ROOT", tmp_path)
    with pytest.raises(LookupError, match="stray has no place yet"):
        place("flushcheck.core.stray")
