"""Versions of libraries that decide: each laid over the virtual environment, in a folder of its own.

A folder goes in front of the import path of one app, so an overlay holds only what differs. It is kept under .venv/lab
and made when a stack asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from tests.lab.setting import Missing
from tests.lab.versions import FOLDER, Unavailable, ran_pip

OVERLAYS: Mapping[str, tuple[str, ...]] = {
    "django-4.2": ("Django==4.2.*",),
    "flask-compress-1.13": ("Flask-Compress==1.13",),
    "flask-compress-1.14": ("Flask-Compress==1.14",),
    "flask-compress-1.17": ("Flask-Compress==1.17",),
    "starlette-0.45": ("starlette==0.45.3", "fastapi==0.115.12"),
    "starlette-1.4": ("starlette==1.4.0",),
}

_lock = Lock()


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
    parts = [str(folder(name)) if name else "", root, more]
    return ":".join(part for part in parts if part)
