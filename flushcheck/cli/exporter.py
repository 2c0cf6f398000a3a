"""`flushcheck exporter`: the diagnoses of a list of targets on a schedule, as metrics for Prometheus."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import flushcheck
from flushcheck.cli.arguments import Parser
from flushcheck.cli.console import Console
from flushcheck.exporter.exporter import Exporter
from flushcheck.exporter.http_server import HttpServer
from flushcheck.exporter.pages import Pages
from flushcheck.exporter.schedule import DEFAULT_INTERVAL_S, INTERVALS, MAX_AT_ONCE, is_interval
from flushcheck.files.targets import interval_s
from flushcheck.model import UsageError

# Not among Prometheus' default port allocations, as far as known: its range, 9100 to 9999, is full, and the
# ports that were given since then begin at 10000 and end well below.
DEFAULT_LISTEN = "127.0.0.1:10925"
DEFAULT_AT_ONCE = 2

# Loads the run of the very package that this is, also out of a checkout or an archive (-P: nothing of the
# current folder).
_LOADER = (
    "import sys; sys.path[0:0] = [p for p in sys.argv[1:] if p not in sys.path]; "
    "from flushcheck.cli.exporter_run import main; main()"
)

_EPILOG = """\
examples:
  flushcheck exporter --targets targets.yaml
  flushcheck exporter --targets targets.yaml --listen :10925 --interval 10m

Pages: /metrics, /probe?target=NAME, /-/healthy. SIGHUP reads the file again. Prometheus' side (scrape
configuration, alerts, a dashboard) is in deploy/monitoring.
"""


def configure(parser: Parser) -> None:
    """Set the command's arguments and help."""
    parser.description = (
        "Tests the addresses of a list on a schedule, and serves what it finds as metrics for Prometheus, by "
        "the conventions of blackbox_exporter."
    )
    parser.epilog = _EPILOG
    parser.example = "flushcheck exporter --targets targets.yaml"
    parser.add_argument(
        "-T", "--targets", metavar="FILE", required=True, help="the list, as for `flushcheck diagnose` (YAML)"
    )
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        type=_listen,
        default=DEFAULT_LISTEN,
        help="to listen on; without HOST, on all addresses (default: %(default)s)",
    )
    parser.add_argument(
        "--interval",
        metavar="TIME",
        type=_interval,
        default=f"{DEFAULT_INTERVAL_S:g}",
        help="between two runs of a target that has none in the file: seconds, or 5m, 1h; 0: only on request "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--at-once",
        metavar="N",
        type=int,
        choices=range(1, MAX_AT_ONCE + 1),
        default=DEFAULT_AT_ONCE,
        help=f"how many targets are tested at the same time, 1 to {MAX_AT_ONCE} (default: %(default)s)",
    )


def _listen(given: str) -> tuple[str, int]:
    host, colon, port = given.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    is_port = port.isascii() and port.isdecimal() and int(port[:6]) <= 65535
    if not colon or not is_port or (":" in bare) != (host != bare):
        raise argparse.ArgumentTypeError(
            f"{given[:60]!r}: expected a host and a port, for example --listen {DEFAULT_LISTEN}"
        )
    return bare, int(port)


def _interval(given: str) -> float:
    value_s = interval_s(given)
    if value_s is None or not is_interval(value_s):
        raise argparse.ArgumentTypeError(f"{given[:40]!r}: expected {INTERVALS}, for example --interval 5m")
    return value_s


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Serve until SIGTERM or Ctrl-C; return 0.

    Raises:
        UsageError: the list is wrong, or the address cannot be listened on.
    """
    from flushcheck.cli.exporter_targets import load

    exporter = Exporter(
        lambda: load(arguments.targets, arguments.interval),
        [sys.executable, "-P", "-c", _LOADER, *_import_path()],
        at_once=arguments.at_once,
        log=_log,
    )
    host, port = arguments.listen
    pages = Pages(exporter, lambda: server.responses())
    try:
        server = HttpServer(host, port, pages.respond)
    except OSError as error:
        raise UsageError(
            f"--listen {host}:{port}: {error.strerror or error}; expected a free port of this machine, "
            f"for example --listen {DEFAULT_LISTEN}"
        ) from None
    with _signals(exporter), closing(server):
        server.start()
        shown = f"port {server.port} of {host or 'all addresses'}"
        _log(f"listening on {shown}; targets: {len(exporter.status.intervals_s)}")
        exporter.run()
    _log("stopped")
    return 0


def _import_path() -> list[str]:
    """Where this package and its libraries are: a run finds the same ones."""
    return list(dict.fromkeys([str(Path(flushcheck.__file__).parents[1]), *filter(None, sys.path)]))


@contextmanager
def _signals(exporter: Exporter) -> Iterator[None]:
    """Pass signals on to the exporter.

    A thread does it, which reads what Python's own handler writes to a socket. A handler in Python would run
    only when the main thread does; one that comes just before the main thread waits would come too late.
    """
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    reloading = [signal.SIGHUP] if hasattr(signal, "SIGHUP") else []

    def follow() -> None:
        while number := reading.recv(1):
            if number[0] in reloading:
                exporter.reload()
            else:
                exporter.stop()

    before = signal.set_wakeup_fd(writing.fileno())
    handlers = {
        number: signal.signal(number, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, *reloading)
    }
    thread = threading.Thread(target=follow, name="signals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        writing.close()
        thread.join()
        reading.close()


def _log(line: str) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with suppress(OSError, ValueError):  # the other end of the pipe is closed
        print(f"{now} {line}", file=sys.stderr, flush=True)
