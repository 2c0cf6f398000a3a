"""The app where a web server hands requests over by another protocol than HTTP: FastCGI and CGI.

Two things go wrong there for a WSGI app. Its address comes in the words of the web server's files: below
Apache's rewriting the script's own name stands in SCRIPT_NAME, and nginx's `fastcgi_params` pass no
PATH_INFO at all. And the script runs as a child of the web server, which ends it by a signal and reads its
standard output.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.handlers import CGIHandler

from flushcheck.diagnosis.app_server import AppServer, ServerSetup, examine
from flushcheck.reports.app_server import server_report_line
from flushcheck.service.serving.app_server import CONCURRENCY

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# Streams at once in one FastCGI process; each is a thread.
MAX_THREADS = 200
# flup keeps so many threads ready: of more requests within one instant some would be refused. mod_fcgid gives
# a process one request at a time, and a hosting account may have few threads.
SPARE_THREADS = 20
CHILD_SPARE_THREADS = 2


def script_and_path(environ: Mapping[str, Any], mount: str = "") -> tuple[str, str]:
    """SCRIPT_NAME and PATH_INFO of a request as PEP 3333 means them: where the app is, and which page of it.

    REQUEST_URI is what the client asked for. Whatever of it is not the page's own path is the way to the app.

    Args:
        environ: as the gateway gave it.
        mount: the path below which the operator put the app; "" where the web server's word is enough.
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
    """The path of a REQUEST_URI, decoded to what PEP 3333 has for bytes; "" if there is none."""
    path = uri.partition("?")[0]
    if not path.startswith("/"):  # RFC 9112, section 3.2.2: a client may send the whole address
        path = "/" + path.partition("://")[2].partition("/")[2] if "://" in path else ""
    return unquote_to_bytes(path.encode("latin-1", errors="replace")).decode("latin-1")


class Mounted:
    """A WSGI app, told rightly where it is."""

    def __init__(self, app: Wsgi, mount: str = "", *, places: int = 0) -> None:
        """Args:
        app: what to serve.
        mount: the path below which the operator put it; "" where the web server's word is enough.
        places: requests that this process takes at once; 0 if that is the web server's affair.
        """
        self._app = app
        self._mount = mount
        self._places = places

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request. The body is passed on as it is, so that it streams and is closed."""
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = script_and_path(environ, self._mount)
        environ[CONCURRENCY] = self._places
        return self._app(environ, start_response)


def serve_cgi(app: Wsgi) -> None:
    """Answer the one request for which the web server started this process."""
    handler = CGIHandler()  # it holds the real standard output from now on, and flushes it after each piece
    # What a library prints would come before the headers, and make the answer a 500.
    sys.stdout = sys.stderr
    handler.run(Mounted(app))


def serve_fastcgi(app: Wsgi, where: str = "") -> None:
    """Answer FastCGI requests until told to end.

    Args:
        app: what to serve.
        where: a port on the loopback (`9000`), `address:port`, or a path for a Unix socket; "": the socket
            that the web server handed to this process as descriptor 0 (mod_fcgid, spawn-fcgi).

    Raises:
        ModuleNotFoundError: flup is not installed: `pip install 'flushcheck[fastcgi]'`.
    """
    from flup.server.fcgi import WSGIServer

    class Server(WSGIServer):  # type: ignore[misc]  # flup ships no types
        """flup's threaded server, that ends when told to."""

        def _installSignalHandlers(self) -> None:  # noqa: N802  # flup's own name
            # flup's handlers wait for every open stream, and mod_fcgid kills after 3 s.
            signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

        def _restoreSignalHandlers(self) -> None:  # noqa: N802  # flup's own name
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    host, _, port = where.rpartition(":")
    address = (host or "127.0.0.1", int(port)) if port.isdecimal() else where or None
    spare = SPARE_THREADS if where else CHILD_SPARE_THREADS
    places = MAX_THREADS if where else 0
    # The app was loaded before anybody knew that it would be served here.
    print(
        f"flushcheck: {server_report_line(examine(ServerSetup(AppServer.FASTCGI, concurrency=places)))}",
        file=sys.stderr,
        flush=True,
    )
    # The operator's own word for where the app is: what gunicorn takes from this name as well.
    mounted = Mounted(app, os.environ.get("SCRIPT_NAME", ""), places=places)
    Server(mounted, bindAddress=address, minSpare=spare, maxSpare=spare, maxThreads=MAX_THREADS).run()
