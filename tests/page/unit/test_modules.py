"""The page's pure modules, tested by Node's own test runner: no browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.test.mjs"))
WITHIN_S = 60
COUNT = re.compile(r"^# tests [1-9]\d*$", re.MULTILINE)  # without a test a file passes too


@pytest.mark.skipif(
    not shutil.which("node") and not os.environ.get("CI"),
    reason="node is not installed (`make test` installs it)",
)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_modules_do_what_their_tests_say(file: Path) -> None:
    argv = ["node", "--test", "--test-reporter=tap", str(file)]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert COUNT.search(run.stdout), run.stdout


LOCK = HERE.parent / "js" / "package-lock.json"


def test_the_lock_holds_hashes_and_no_address_of_a_registry() -> None:
    packages = json.loads(LOCK.read_text())["packages"]
    assert all("integrity" in package for path, package in packages.items() if path)
    assert not any("resolved" in package for package in packages.values())


PURE = ("classify", "client", "records", "run-file", "sentences")


def test_every_pure_module_has_tests() -> None:
    assert [file.name for file in FILES] == [f"{name}.test.mjs" for name in PURE]
