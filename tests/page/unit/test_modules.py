"""The page's pure modules, tested by Node's own test runner: no browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from flushcheck.service.page_files import CLIENT_PARTS, FOLDER, join_client, read_page_files

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.test.mjs"))
WITHIN_S = 60
COUNT = re.compile(r"^# tests [1-9]\d*$", re.MULTILINE)  # without a test a file passes too


needs_node = pytest.mark.skipif(
    not shutil.which("node") and not os.environ.get("CI"),
    reason="node is not installed (`make test` installs it)",
)


def pass_in_node(file: Path) -> None:
    argv = ["node", "--test", "--test-reporter=tap", str(file)]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert COUNT.search(run.stdout), run.stdout


@needs_node
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_modules_do_what_their_tests_say(file: Path) -> None:
    pass_in_node(file)


@needs_node
def test_the_client_in_one_file_does_what_its_parts_do(tmp_path: Path) -> None:
    (tmp_path / "client.mjs").write_bytes(join_client(read_page_files()))
    shutil.copy(HERE / "network.mjs", tmp_path)
    text = (HERE / "client.test.mjs").read_text()
    file = tmp_path / "client.test.mjs"
    file.write_text(re.sub(r'(?<= from )"[./\w]+/page/[\w-]+\.js"', '"./client.mjs"', text))
    pass_in_node(file)


def test_the_client_in_one_file_imports_nothing_and_keeps_its_theory() -> None:
    text = join_client(read_page_files()).decode()
    assert text.startswith("/**\n * One stream, over the first transport")
    assert not re.search(r"^import\b", text, re.MULTILINE)


@pytest.mark.parametrize("name", CLIENT_PARTS)
def test_a_part_of_the_client_imports_only_parts(name: str) -> None:
    imports = re.findall(r'^import .* from "(.+)";$', (FOLDER / name).read_text(), re.MULTILINE)
    assert {module.removeprefix("./") for module in imports} <= set(CLIENT_PARTS)


LOCK = HERE.parent / "js" / "package-lock.json"


def test_the_lock_holds_hashes_and_no_address_of_a_registry() -> None:
    packages = json.loads(LOCK.read_text())["packages"]
    assert all("integrity" in package for path, package in packages.items() if path)
    assert not any("resolved" in package for package in packages.values())


PURE = (
    "classify",
    "client",
    "compare-vantages",
    "fetch-failure",
    "hold-detector",
    "last-run",
    "observation-values",
    "own-request",
    "pretend",
    "records",
    "run-file",
    "run-identity",
    "sentences",
    "tab-title",
    "watch-capture",
)


def test_every_pure_module_has_tests() -> None:
    assert [file.name for file in FILES] == [f"{name}.test.mjs" for name in PURE]
