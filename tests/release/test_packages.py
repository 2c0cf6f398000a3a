"""The wheel, the sdist and the zipapp: built as they are published, and used in an environment that has nothing else.

Packages come from where pip gets them on this machine, as for `make`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from release.steps import current_version
from tests.deploy.bench import LONG
from tests.deploy.conftest import need
from tests.deploy.test_clean_clone import empty_environment
from tests.live.servers import ROOT

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(600)]

SOURCE = ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md")
# What the build backend does for `pip wheel` and `python -m build`.
HOOK = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"
DAY = {"SOURCE_DATE_EPOCH": "1796083200"}
NGINX = "location / {\n  proxy_pass http://127.0.0.1:8000;\n}\n"

# What only the extra `serve` brings.
SERVERS = {"flask", "gunicorn", "gevent", "flask_sock", "simple_websocket", "prometheus_client", "werkzeug"}


def run(*command: object, where: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=where, env={**empty_environment(), **DAY, **more}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def done(*command: object, where: Path, **more: str) -> str:
    """What a command printed that must succeed."""
    result = run(*command, where=where, **more)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@dataclass(frozen=True)
class Built:
    """What was built, and the folders it was built in."""

    wheel: Path
    sdist: Path
    wheel_of_sdist: Path
    zipapp: Path
    bare: Path  # an environment with the wheel and what it needs


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    top = tmp_path_factory.mktemp("packages")
    tools, bare, source = top / "tools", top / "bare", top / "source"
    done(sys.executable, "-m", "venv", "--without-pip", bare, where=top)
    pip = (sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check")
    done(*pip, "install", "--target", tools, "setuptools>=77", "shiv>=1.0.8", where=top)
    shutil.copytree(ROOT / "flushcheck", source / "flushcheck", ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCE:
        shutil.copy2(ROOT / name, source / name)
    out = top / "out"
    out.mkdir()
    wheel = out / built_by(tools, "build_wheel", source, out)
    sdist = out / built_by(tools, "build_sdist", source, out)
    with tarfile.open(sdist) as archive:
        archive.extractall(top, filter="data")
    again = top / "again"
    again.mkdir()
    unpacked = top / sdist.name.removesuffix(".tar.gz")
    wheel_of_sdist = again / built_by(tools, "build_wheel", unpacked, again)
    done(*pip, "--python", bare / "bin/python", "install", wheel, where=top)
    (packages,) = bare.glob("lib/python*/site-packages")
    zipapp = out / "flushcheck.pyz"
    shiv = (sys.executable, "-c", "from shiv.cli import main; main()")
    done(*shiv, "--quiet", "--reproducible", "--site-packages", packages, "--console-script", "flushcheck",
         "--output-file", zipapp, "--no-deps", wheel, where=top, PYTHONPATH=str(tools))  # fmt: skip
    return Built(wheel, sdist, wheel_of_sdist, zipapp, bare)


def built_by(tools: Path, hook: str, source: Path, out: Path) -> str:
    printed = done(sys.executable, "-c", HOOK, hook, out, where=source, PYTHONPATH=str(tools))
    return printed.splitlines()[-1]


# What checks the page's JavaScript.
NOT_SHIPPED = {"flushcheck/service/page/package.json", "flushcheck/service/page/types.d.ts"}
FILES = {
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "flushcheck").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
} - NOT_SHIPPED


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(built):
    with zipfile.ZipFile(built.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == FILES
    assert {
        "flushcheck/service/page/page.html",
        "flushcheck/origins/files/php.php",
        "flushcheck/py.typed",
    } < FILES


def test_the_sdist_has_them_too_with_what_builds_them(built):
    with tarfile.open(built.sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    assert FILES | set(SOURCE) <= names
    assert not [name for name in names if name.startswith(("tests/", "deploy/", "bench/"))]


def test_the_sdist_builds_the_same_wheel_byte_by_byte(built):
    assert built.wheel_of_sdist.name == built.wheel.name
    assert built.wheel_of_sdist.read_bytes() == built.wheel.read_bytes()


def test_the_bare_environment_has_no_server(built):
    code = f"import importlib.util as u; print([name for name in {sorted(SERVERS)} if u.find_spec(name)])"
    assert done(built.bare / "bin/python", "-c", code, where=built.bare) == "[]\n"


def test_the_version_imports_next_to_nothing(built):
    code = (
        "import sys; from flushcheck.cli import main; main(['--version'])\n"
        "print(sorted(name for name in sys.modules if name.startswith(('requests', 'h2', 'yaml', 'ssl', 'flushcheck.'))))"
    )
    version, modules = done(built.bare / "bin/python", "-c", code, where=built.bare).splitlines()
    assert version == f"flushcheck {built.wheel.name.split('-')[1]}"
    assert {name.split(".")[1].strip("',] ") for name in modules.split(", ")} <= {"cli", "model", "version"}


# `flushcheck` of the wheel, and of the zipapp.
PROGRAMS = {
    "the wheel": lambda built: (built.bare / "bin/flushcheck",),
    "the zipapp": lambda built: (sys.executable, "-I", "-S", built.zipapp),  # without any installed package
}


@pytest.fixture(params=PROGRAMS)
def flushcheck(request, built, tmp_path):
    (tmp_path / "nginx.conf").write_text(NGINX)
    program = PROGRAMS[request.param](built)
    root = str(built.zipapp.parent / "unpacked")  # in place of ~/.shiv
    return lambda *arguments: run(*program, *arguments, where=tmp_path, SHIV_ROOT=root)


def test_the_program_diagnoses_a_service(flushcheck, origin):
    result = flushcheck("diagnose", origin.url, "--quick", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    assert json.loads(result.stdout)["verdict"] == "flowing"


ALONE = [
    # arguments                      exit code, on standard output, on standard error
    (["check", "nginx.conf"],        1, "nginx-proxy-buffering", ""),
    (["origin", "write", "php"],     0, "<?php",                 ""),
    (["manual"],                     0, ".TH",                   ""),
    (["completion", "zsh"],          0, "flushcheck",            ""),
    (["serve"],                      2, "",                      "pip install 'flushcheck[serve]'"),
]  # fmt: skip


def test_the_program_works_without_a_server(flushcheck):
    for arguments, code, output, error in ALONE:
        result = flushcheck(*arguments)
        assert result.returncode == code, (arguments, result.stderr)
        assert output in result.stdout, arguments
        assert error in result.stderr, arguments
        assert "Traceback" not in result.stderr


@pytest.mark.skipif(not LONG, reason="40 s: LONG=1")
def test_make_release_in_a_clone_with_the_real_tools(tmp_path, origin):
    need("git", "make")
    where = tmp_path / "clone"
    done("git", "-c", "safe.directory=*", "clone", "--quiet", ROOT, where, where=tmp_path)
    who = {f"GIT_{role}_{field}": value for role in ("AUTHOR", "COMMITTER")
           for field, value in (("NAME", "A Test"), ("EMAIL", "test@example.org"))}  # fmt: skip
    changelog = where / "CHANGELOG.md"
    text = changelog.read_text()
    changelog.write_text(text.replace("## [Unreleased]\n", "## [Unreleased]\n\n### Fixed\n\n- X.\n", 1))
    done("git", "commit", "--quiet", "-am", "A change", where=where, **who)
    major = int(current_version((where / "pyproject.toml").read_text()).split(".")[0])
    version = f"{major + 1}.0.0"
    output = done("make", "release", f"VERSION={version}", where=where, **who)
    assert f"git push origin HEAD v{version}" in output
    assert f"twine upload dist/{version}/*.whl" in output
    assert done("git", "status", "--porcelain", where=where) == ""
    assert done("git", "describe", "--exact-match", where=where) == f"v{version}\n"
    dist = where / "dist" / version
    assert "FAILED" not in done("sha256sum", "--check", "SHA256SUMS", where=dist)
    bom = json.loads((dist / f"flushcheck-{version}.cdx.json").read_text())
    assert bom["metadata"]["component"]["version"] == version
    locked = {
        line.split("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line
    }
    assert {component["name"] for component in bom["components"]} == locked
    (zipapp,) = dist.glob("*.pyz")
    assert (
        done(sys.executable, "-I", zipapp, "--version", where=dist, SHIV_ROOT=str(tmp_path))
        == f"flushcheck {version}\n"
    )
    assert run("make", "release", f"VERSION={version}", where=where, **who).returncode == 2
