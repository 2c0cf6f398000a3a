"""Serve the WSGI app by FastCGI: `python fcgi_app.py wsgi:app 9000` (or a path, for a Unix socket).

flup 1.0.3 is a real FastCGI server: threads, one record per piece, and it sees the client's abort.
"""

import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

from flup.server.fcgi import WSGIServer


class Server(WSGIServer):  # type: ignore[misc]  # flup ships no types
    """flup's threaded server, that ends when told to."""

    def _installSignalHandlers(self) -> None:  # noqa: N802  # flup's own name
        # flup's handlers wait up to a second for the next turn of its loop, then for every open stream.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

    def _restoreSignalHandlers(self) -> None:  # noqa: N802  # flup's own name
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def main() -> None:
    """Load the app named in the first argument and serve it on the port or path in the second."""
    module, _, name = sys.argv[1].partition(":")
    where = sys.argv[2]
    sys.path.insert(0, str(Path.cwd()))
    app: Any = getattr(importlib.import_module(module), name)
    # Threads: as many streams at once as a test may ask for. The spare ones stand by: flup starts another only when none
    # is idle, so that of two requests within one instant the second would wait for the end of the first.
    Server(
        app,
        bindAddress=("127.0.0.1", int(where)) if where.isdigit() else where,
        minSpare=50,
        maxSpare=200,
        maxThreads=200,
    ).run()


if __name__ == "__main__":
    main()
