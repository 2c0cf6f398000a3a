"""The libraries of the extra `serve`: what the service needs, and `pip install flushcheck` does not bring.

`require` runs before the first of them is imported, so that the error names the line that installs them.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

INSTALL = "pip install 'flushcheck[serve]'"

# Modules that the app imports. gunicorn and gevent run it and are not among them: any WSGI server may.
MODULES = ("flask", "flask_sock", "simple_websocket", "prometheus_client")


class MissingLibraries(ModuleNotFoundError):
    """Libraries of the extra `serve` are not installed; the message names them and says what to run."""


def require(modules: Iterable[str] = MODULES) -> None:
    """Check that these modules can be imported.

    Raises:
        MissingLibraries: some cannot.
    """
    missing = [name for name in modules if not _is_found(name)]
    if missing:
        raise MissingLibraries(
            f"the service needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not "
            f"installed: {INSTALL} (in a checkout: make install)",
            name=missing[0],
        )


def _is_found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # what looks for modules may raise it itself
        return False
