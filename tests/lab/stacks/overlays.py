"""Versions of libraries that decide: each laid over the virtual environment, in a folder of its own.

A folder goes in front of the import path of one app, so an overlay holds only what differs. What asks for another
Python has a virtual environment of its own. Both are kept under .venv/lab and made when a stack asks for them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import Lock

from tests.lab.setting import Missing
from tests.lab.versions import FOLDER, Unavailable, ran_pip, run_command

OVERLAYS: Mapping[str, tuple[str, ...]] = {
    "django-4.2": ("Django==4.2.*",),
    "flask-compress-1.13": ("Flask-Compress==1.13",),
    "flask-compress-1.14": ("Flask-Compress==1.14",),
    "flask-compress-1.17": ("Flask-Compress==1.17",),
    "starlette-0.45": ("starlette==0.45.3", "fastapi==0.115.12"),
    "starlette-1.4": ("starlette==1.4.0",),
}

# The same for a newer Python: what it is to be at least, and the packages beside flushcheck's own.
ENVIRONMENTS: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "django-6.1": (12, ("Django==6.1.*", "uvicorn", "waitress", "granian")),
}

_lock = Lock()


def python(name: str) -> str:
    """The Python of an overlay.

    Raises:
        Missing: there is none, or its packages cannot be had.
    """
    if name not in ENVIRONMENTS:
        return sys.executable
    minor, packages = ENVIRONMENTS[name]
    where = FOLDER / "stacks" / name
    with _lock:
        if not (where / "done").exists():
            _make_environment(where, newer_python(minor), packages)
    return str(where / "bin" / "python")


@cache
def newer_python(minor: int) -> str:
    """A Python 3 of this minor version or a later one.

    Raises:
        Missing: there is none.
    """
    names = [f"python3.{number}" for number in range(minor, minor + 4)]
    found = [path for name in names if (path := shutil.which(name))]
    found += [str(path) for name in names for path in Path.home().glob(f".pyenv/versions/*/bin/{name}")]
    for path in found:
        asked = subprocess.run([path, "-c", "import venv, ensurepip"], capture_output=True, check=False)
        if asked.returncode == 0:
            return path
    raise Missing(f"Python 3.{minor} is not installed")


def _make_environment(where: Path, interpreter: str, packages: tuple[str, ...]) -> None:
    """Make a virtual environment with flushcheck's own dependencies and these packages.

    Raises:
        Missing: that cannot be done.
    """
    own = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]["dependencies"]
    pip = [str(where / "bin" / "python"), "-m", "pip", "-qq", "--disable-pip-version-check", "install"]
    try:
        run_command([interpreter, "-m", "venv", "--clear", str(where)])
        run_command([*pip, *own, *packages])
    except Unavailable as error:
        raise Missing(f"{where.name}: {error}") from None
    (where / "done").touch()


def folder(name: str) -> Path:
    """Where an overlay is.

    Raises:
        Missing: it cannot be had.
    """
    where = FOLDER / "stacks" / name
    with _lock:
        if not where.exists():
            try:
                ran_pip(where, *OVERLAYS[name])
            except Unavailable as error:
                raise Missing(f"{name}: {error}") from None
    return where


def import_path(name: str, *, more: str = "") -> str:
    """The import path with this overlay in front; the usual one for ""."""
    root = str(Path(__file__).parents[3])
    parts = [str(folder(name)) if name in OVERLAYS else "", root, more]
    return ":".join(part for part in parts if part)
