"""A command imports only what it needs: it starts fast, and works where other commands' libraries are missing.

Each row runs in its own process, in which the server's libraries cannot be imported; `fcntl` is one of them,
since Windows does not have it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from flushcheck.cli import parser
from flushcheck.prober import dump
from tests.diagnosis.paths import Path as DiagnosedPath

ROOT = Path(__file__).resolve().parents[2]
# What only the extra `serve` brings, and what those libraries bring.
SERVE = ("flask", "gevent", "gunicorn", "flask_sock", "simple_websocket", "prometheus_client")
BLOCKED = (*SERVE, "werkzeug", "jinja2", "greenlet", "fcntl")

SCRIPT = """
import json, sys

blocked, arguments, unwanted = json.loads(sys.argv[1])

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in blocked:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Blocker())
import flushcheck.cli
code = flushcheck.cli.main(arguments) if arguments else 0
print([name for name in unwanted if name in sys.modules], file=sys.stderr)
sys.exit(code)
"""

NGINX = "location / {\n  proxy_pass http://127.0.0.1:8000;\n}\n"
HEAVY = ["requests", "flushcheck.prober", "flushcheck.culprits", "flushcheck.service"]

NAMES = sorted(
    name
    for action in parser()._actions
    if isinstance(action, argparse._SubParsersAction)
    for name in action.choices
)

COMMANDS = [
    # name,               arguments,                       must not be imported,       exit code
    ("import",            [],                              HEAVY,                      0),
    ("version",           ["--version"],                   HEAVY,                      0),
    ("help",              ["--help"],                      HEAVY,                      0),
    ("no such command",   ["diagnos"],                     HEAVY,                      2),
    ("explain",           ["explain", "nginx-gzip"],       ["requests", "flushcheck.prober"], 0),
    ("check",             ["check", "{folder}/nginx.conf"], ["requests", "flushcheck.prober"], 1),
    ("judge",             ["judge", "{folder}/run.json"],  ["flushcheck.service"],     1),
    ("diagnose",          ["diagnose", "nonsense"],        ["flushcheck.service"],     2),
    ("watch",             ["watch", "nonsense"],           ["flushcheck.service"],     2),
    ("serve",             ["serve"],                       ["flushcheck.service.application"], 2),
    ("compare",           ["compare", "{folder}/run.json", "{folder}/run.json"], ["flushcheck.service"], 0),
    ("an address",        ["http://"],                     ["flushcheck.service"],     2),
    ("completion",        ["completion", "bash"],          ["flushcheck.service"],     0),
    ("origin write",      ["origin", "write", "wsgi"],     ["flushcheck.service"],     0),
    ("origin test",       ["origin", "test", "nonsense"],  ["flushcheck.service"],     2),
    ("doctor",            ["doctor", "--", "waitress-serve", "a:b"], ["flushcheck.service.application"], 1),
    ("doctor of a URL",   ["doctor", "http://"],           ["flushcheck.service"],     2),
    *((f"help of {name}", [name, "--help"],                ["flushcheck.service"],     0) for name in NAMES),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "unwanted", "code"), COMMANDS, ids=[row[0] for row in COMMANDS]
)
def test_a_command_works_without_the_servers_libraries(tmp_path, name, arguments, unwanted, code):
    (tmp_path / "nginx.conf").write_text(NGINX)
    (tmp_path / "run.json").write_text(dump(DiagnosedPath(4096).run()))
    arguments = [argument.format(folder=tmp_path) for argument in arguments]
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps([BLOCKED, arguments, unwanted])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == code, process.stderr
    assert "Traceback" not in process.stderr
    assert process.stderr.splitlines()[-1] == "[]", "imported, though this command does not need it"


def test_the_blocker_blocks():
    process = subprocess.run(
        [
            sys.executable,
            "-c",
            SCRIPT.replace("import flushcheck.cli", "import fcntl"),
            '[["fcntl"], [], []]',
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "No module named 'fcntl'" in process.stderr


def test_serve_without_its_libraries_says_what_to_install():
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps([BLOCKED, ["serve"], []])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 2
    assert "pip install 'flushcheck[serve]'" in process.stderr
