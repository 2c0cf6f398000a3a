"""The files of the page, read once, and `client.js`, which is one file for other pages and several here.

`client.js` and its parts are modules that import each other. A page of another site imports a single file
without dependencies, or its author saves it, so the service joins the parts. It rewrites nothing but the
import lines: the parts import nothing else, no two of them declare the same name (a browser refuses that),
and none uses another one before all are loaded.
"""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "page"
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}

CLIENT = "client.js"  # other pages import this file, so it has its own path
CLIENT_PARTS = ("client.js", "client-attempt.js", "client-connections.js", "hold-detector.js")
_IMPORT = re.compile(r'^import [^;]+ from "\./([^"]+)";\n+', re.MULTILINE)


def read_page_files() -> dict[str, bytes]:
    """The files that the page loads, by name."""
    return {file.name: file.read_bytes() for file in sorted(FOLDER.iterdir()) if file.suffix in TYPES}


def join_client(files: dict[str, bytes]) -> bytes:
    """`client.js` with its parts in one module that imports nothing."""
    return b"\n".join(_IMPORT.sub("", files[name].decode()).encode() for name in CLIENT_PARTS)
