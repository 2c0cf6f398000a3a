"""Files with an origin, which need nothing installed: one to upload, with its own token and date.

The files for Python are put together from the modules of this package and of `protocol`, so that there is one
source. Those of other languages lie in `files/`: the part of a name before the dot is its kind. In each,
`@@TOKEN@@` and `@@UNTIL@@` stand once; a file that still has them serves nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

TAPS = frozenset({"node-taps"})  # kinds of file that put taps into an app, for `flushcheck tap`
FILES = Path(__file__).parent / "files"
TOKEN, UNTIL = "@@TOKEN@@", "@@UNTIL@@"

_HERE = Path(__file__).parent
_PROTOCOL = _HERE.parent / "protocol" / "origin.py"

_NOT_FOUND_WSGI = '''
def not_found(environ, start_response):
    """What everything else gets. Wrap your own app instead, to see the path through it."""
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"Not Found"]


application = FlushcheckWSGI(not_found, path=None, token=TOKEN, until=UNTIL, program="flushcheck.{kind}")
'''

_NOT_FOUND_ASGI = '''
async def not_found(scope, receive, send):
    """What everything else gets. Wrap your own app instead, to see the path through it."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
    elif scope["type"] == "http":
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 404, "headers": headers})
        await send({"type": "http.response.body", "body": b"Not Found"})


application = FlushcheckASGI(not_found, path=None, token=TOKEN, until=UNTIL)
'''

_CGI = """

if __name__ == "__main__":
    from wsgiref.handlers import CGIHandler

    CGIHandler().run(application)
"""

# The module with the mount, how the file is used, and what stands at its end.
_PYTHON = {
    "wsgi": ("wsgi.py", "gunicorn --threads 8 flushcheck_origin:application", _NOT_FOUND_WSGI),
    "asgi": ("asgi.py", "uvicorn flushcheck_origin:application", _NOT_FOUND_ASGI),
    "cgi": (
        "wsgi.py",
        "put it where the web server runs CGI scripts, and make it executable",
        _NOT_FOUND_WSGI + _CGI,
    ),
}


def kinds() -> tuple[str, ...]:
    """The kinds of file that can be written."""
    others = {path.name.partition(".")[0] for path in FILES.iterdir() if path.suffix not in ("", ".py")}
    return (*_PYTHON, *sorted(others))


def origin_file(kind: str, token: str, until: str) -> str:
    """Return the text of a file.

    Args:
        kind: one of `kinds`.
        token: that it asks for.
        until: the last day on which it responds, YYYY-MM-DD.
    """
    if kind in _PYTHON:
        text = _python_file(kind)
    else:
        text = next(path for path in FILES.iterdir() if path.name.partition(".")[0] == kind).read_text(
            encoding="utf-8"
        )
    return text.replace(TOKEN, token).replace(UNTIL, until)


def _python_file(kind: str) -> str:
    module, use, tail = _PYTHON[kind]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (_PROTOCOL, _HERE / module)]
    parts = [
        _code(path.read_text(encoding="utf-8"), tree)
        for path, tree in zip((_PROTOCOL, _HERE / module), trees, strict=True)
    ]
    shebang = "#!/usr/bin/env python3\n" if kind == "cgi" else ""
    return (
        f'{shebang}"""{ast.get_docstring(trees[0])}\n\nTo use this file: {use}. Python 3.9 or newer.\n"""\n\n'
        f"from __future__ import annotations\n\n{_imports(trees)}\n\n"
        f'TOKEN = "{TOKEN}"\nUNTIL = "{UNTIL}"\n\n'
        f"{parts[0]}\n\n\n{parts[1]}\n\n{tail.replace('{kind}', kind)}"
    )


def _code(source: str, tree: ast.Module) -> str:
    """What stands behind the imports of a module."""
    ends = [node.end_lineno or 0 for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(source.splitlines()[max(ends) :]).strip()


def _imports(trees: Iterable[ast.Module]) -> str:
    """The imports of several modules as those of one file, without those of flushcheck."""
    whole: set[str] = set()
    names: dict[str, set[str]] = {}
    for node in (node for tree in trees for node in tree.body):
        if isinstance(node, ast.Import):
            whole |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module not in (None, "__future__"):
            module = str(node.module)
            if module.partition(".")[0] != "flushcheck":
                names.setdefault(module, set()).update(alias.name for alias in node.names)
    lines = [f"import {module}" for module in sorted(whole)]
    lines += [f"from {module} import {', '.join(sorted(names[module]))}" for module in sorted(names)]
    return "\n".join(lines)
