"""The app behind a web server that passes requests on by FastCGI or CGI instead of HTTP.

Two things go wrong there for a WSGI app. Its path depends on the web server's files: with Apache's rewriting
SCRIPT_NAME contains the script's own name, and nginx's `fastcgi_params` pass no PATH_INFO at all. And the
script is a child of the web server, which ends it by a signal and reads its standard output.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.handlers import CGIHandler

from flushcheck.configs.server_setup import AppServer, ServerSetup
from flushcheck.diagnosis.app_server import examine
from flushcheck.reports.app_server import server_report_line
from flushcheck.service.serving.app_server import CONCURRENCY

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# Concurrent streams in one FastCGI process; each is a thread.
MAX_THREADS = 200
# Threads that flup keeps ready: it refuses some of more requests at the same moment. mod_fcgid gives a
# process one request at a time, and a hosting account may have few threads.
SPARE_THREADS = 20
CHILD_SPARE_THREADS = 2


def script_and_path(environ: Mapping[str, Any], mount: str = "") -> tuple[str, str]:
    """SCRIPT_NAME and PATH_INFO of a request as PEP 3333 defines them: the app's path, and the rest.

    REQUEST_URI is the path that the client requested. The part of it before PATH_INFO is the path of the app.

    Args:
        environ: from the gateway.
        mount: the path below which the operator put the app; "" to trust the web server.
    """
    script, page = str(environ.get("SCRIPT_NAME", "")), str(environ.get("PATH_INFO", ""))
    asked = _path(str(environ.get("REQUEST_URI", "")))
    mount = mount.rstrip("/")
    if mount and f"{asked}/".startswith(f"{mount}/"):
        return mount, asked[len(mount) :]
    if asked and not page:
        return "", asked
    if page and asked.endswith(page):
        return asked.removesuffix(page), page
    return script, page


def _path(uri: str) -> str:
    """The path of a REQUEST_URI, decoded as PEP 3333 decodes bytes; "" if there is none."""
    path = uri.partition("?")[0]
    if not path.startswith("/"):  # RFC 9112, section 3.2.2: a client may send the whole URL
        path = "/" + path.partition("://")[2].partition("/")[2] if "://" in path else ""
    return unquote_to_bytes(path.encode("latin-1", errors="replace")).decode("latin-1")


class Mounted:
    """A WSGI app with the right SCRIPT_NAME and PATH_INFO."""

    def __init__(self, app: Wsgi, mount: str = "", *, concurrency: int = 0) -> None:
        """Args:
        app: what to serve.
        mount: the path below which the operator put it; "" to trust the web server.
        concurrency: requests that this process serves at once; 0 if the web server decides.
        """
        self._app = app
        self._mount = mount
        self._concurrency = concurrency

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Respond to one request. The body is returned unchanged, so that it streams and is closed."""
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = script_and_path(environ, self._mount)
        environ[CONCURRENCY] = self._concurrency
        return self._app(environ, start_response)


def serve_cgi(app: Wsgi) -> None:
    """Respond to the one request for which the web server started this process."""
    handler = CGIHandler()  # it keeps the real standard output, and flushes it after each piece
    # Text that a library prints would go out before the headers, and make the response a 500.
    sys.stdout = sys.stderr
    handler.run(Mounted(app))


def serve_fastcgi(app: Wsgi, where: str = "") -> None:
    """Serve FastCGI requests until SIGTERM.

    Args:
        app: what to serve.
        where: a port on the loopback (`9000`), `address:port`, or a path for a Unix socket; "": the socket
            that the web server handed to this process as descriptor 0 (mod_fcgid, spawn-fcgi).

    Raises:
        ModuleNotFoundError: flup is not installed: `pip install 'flushcheck[fastcgi]'`.
    """
    from flup.server.fcgi import WSGIServer

    class Server(WSGIServer):  # type: ignore[misc]  # flup ships no types
        """flup's threaded server, which ends at once on SIGTERM."""

        def _installSignalHandlers(self) -> None:  # noqa: N802  # flup's own name
            # flup's handlers wait for every open stream, and mod_fcgid kills after 3 s.
            signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

        def _restoreSignalHandlers(self) -> None:  # noqa: N802  # flup's own name
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    host, _, port = where.rpartition(":")
    address = (host or "127.0.0.1", int(port)) if port.isdecimal() else where or None
    spare = SPARE_THREADS if where else CHILD_SPARE_THREADS
    concurrency = MAX_THREADS if where else 0
    # While the app was loaded it was not known yet that FastCGI would serve it.
    print(
        f"flushcheck: {server_report_line(examine(ServerSetup(AppServer.FASTCGI, concurrency=concurrency)))}",
        file=sys.stderr,
        flush=True,
    )
    # The operator sets the path of the app by the variable that gunicorn uses as well.
    mounted = Mounted(app, os.environ.get("SCRIPT_NAME", ""), concurrency=concurrency)
    Server(mounted, bindAddress=address, minSpare=spare, maxSpare=spare, maxThreads=MAX_THREADS).run()
