"""The service without the libraries of the extra `serve`: one sentence with the line that installs them."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from flushcheck.service.serve_extra import MODULES, MissingLibraries, require

ROOT = Path(__file__).resolve().parents[2]

MISSING = [
    # name,              modules,                          the error
    ("one",              ("json", "no_such_a"),            "the service needs no_such_a, which is not installed: "),
    ("two",              ("no_such_a", "json", "no_such_b"), "the service needs no_such_a, no_such_b, which are not installed: "),
]  # fmt: skip


@pytest.mark.parametrize(("name", "modules", "error"), MISSING, ids=[row[0] for row in MISSING])
def test_missing_libraries_are_named_with_the_line_that_installs_them(name, modules, error):
    with pytest.raises(MissingLibraries) as raised:
        require(modules)
    assert str(raised.value) == f"{error}pip install 'flushcheck[serve]' (in a checkout: make install)"


def test_nothing_is_missing_where_the_tests_run():
    require()


SCRIPT = """
import json, sys
from importlib.machinery import PathFinder

blocked, module = json.loads(sys.argv[1])

class Blocker:
    def find_spec(self, name, path=None, target=None):
        return None if name in blocked else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Blocker()
__import__(module)
"""

IMPORTS = [
    # module,                          blocked,               exit status, at the beginning of the last line of stderr
    ("app",                            ["flask"],             4, "flushcheck: the service needs flask, which is not installed: pip install"),
    ("wsgi",                           list(MODULES),         4, f"flushcheck: the service needs {', '.join(MODULES)}, which are not installed: pip install"),
    ("flushcheck.service.application", ["prometheus_client"], 1, "flushcheck.service.serve_extra.MissingLibraries: the service needs prometheus_client, "),
    ("flushcheck.service",             list(MODULES),         0, ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "blocked", "status", "beginning"), IMPORTS, ids=[row[0] for row in IMPORTS]
)
def test_an_import_without_the_extra_says_what_to_install(module, blocked, status, beginning):
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps([blocked, module])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == status, process.stderr
    assert (process.stderr.splitlines() or [""])[-1].startswith(beginning)
    assert status or not process.stderr


def _names(requirements):
    return {requirement.partition(">")[0].partition("[")[0].lower() for requirement in requirements}


def test_the_extra_holds_the_server_and_the_base_holds_none_of_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base, serve = _names(project["dependencies"]), _names(project["optional-dependencies"]["serve"])
    assert serve == {"flask", "gunicorn", "gevent", "flask-sock", "simple-websocket", "prometheus-client"}
    assert not base & serve
    assert {module.replace("_", "-") for module in MODULES} <= serve
    locked = {line.partition("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines()}
    assert base | serve <= locked, "make lock"
    assert "--extra serve" in (ROOT / "Makefile").read_text()
