"""`flushcheck watch URL`: follow any stream of the user's own app, and say what its arrivals show."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from flushcheck.cli.arguments import Parser
from flushcheck.cli.console import Console
from flushcheck.cli.verdicts import EXIT
from flushcheck.model import UsageError
from flushcheck.prober.watch_request import MAX_BODY_BYTES, watch_request
from flushcheck.prober.watching import DEFAULT_WATCH_S, MAX_WATCH_S, ReadEvent, watch
from flushcheck.reports.watch import read_head, read_line, watch_document, watch_text
from flushcheck.watching.verdict import assess

_EPILOG = """\
examples:
  flushcheck watch https://example.org/chat -H 'Authorization: Bearer …' -d '{"stream": true}'
  flushcheck watch https://example.org/events --direct http://localhost:3000/events

Ctrl-C stops the watching; the result covers what arrived until then. The records of such a stream carry no
send time: one stream alone seldom shows whether a proxy or the app causes a delay. With --direct, both
addresses get the request at the same time, so the app does its work twice.
"""

LABELS = ("", "")
TWO_LABELS = ("public ", "direct ")


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "watch",
        help="follow any stream of your own app live",
        description="Follows any stream of your own app (server-sent events, JSON lines, plain chunks), "
        "shows each read live, and says what the arrivals show.",
        epilog=_EPILOG,
        example="flushcheck watch https://example.org/chat",
    )
    parser.add_argument("url", metavar="URL", help="the stream's own address, query included")
    parser.add_argument(
        "-H", "--header", metavar="LINE", action="append", default=[], help="a header, for example 'A: b'"
    )
    parser.add_argument(
        "-d",
        "--data",
        metavar="DATA",
        help="the request body, sent with POST; @FILE reads a file, @- standard input",
    )
    parser.add_argument(
        "-X", "--request", metavar="METHOD", default="", help="the method, if it is not GET or POST"
    )
    parser.add_argument("--direct", metavar="URL", default="", help="the same stream at the app's own port")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        default=DEFAULT_WATCH_S,
        help="when to stop a stream that has not ended (default: %(default)g)",
    )
    parser.add_argument("--json", action="store_true", help="no live view; the result as JSON, for scripts")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Run the command and return its exit code.

    Raises:
        UsageError: the request is not possible.
    """
    body = _body(arguments.data) if arguments.data is not None else None
    headers = [_header(line) for line in arguments.header]
    urls = [arguments.url, *([arguments.direct] if arguments.direct else [])]
    requests = [watch_request(url, method=arguments.request, headers=headers, body=body) for url in urls]
    labels = TWO_LABELS if len(requests) > 1 else LABELS
    last_s = [0.0] * len(requests)

    def show(read: ReadEvent) -> None:
        gap_s, last_s[read.index] = read.at_s - last_s[read.index], read.at_s
        line = read_line(
            read.at_s, gap_s, read.size_bytes, read.records, label=labels[read.index], width=console.width
        )
        console.write(line + "\n")

    if not arguments.json:
        console.write(read_head(labels[0]) + "\n")
    captures = watch(requests, timeout_s=arguments.timeout, on_read=None if arguments.json else show)
    report = assess(*captures)
    if arguments.json:
        # ASCII: nothing that a peer sent can then reach the terminal unescaped.
        console.write(json.dumps(watch_document(report), indent=2) + "\n")
    else:
        console.write("\n" + watch_text(report, width=console.width, color=console.color))
    return EXIT[report.verdict]


def _header(line: str) -> tuple[str, str]:
    """Split a header line, as curl takes it.

    Raises:
        UsageError: it has no colon.
    """
    name, colon, value = line.partition(":")
    if not colon:
        raise UsageError(
            f"header {name[:40]!r}: expected a name, a colon and a value, for example 'Accept: */*'"
        )
    return name, value


def _body(data: str) -> bytes:
    """Return the request body: the text itself, or the contents of a file.

    Raises:
        UsageError: the file cannot be read, or is too large.
    """
    if not data.startswith("@"):
        return data.encode(errors="surrogateescape")
    name = data[1:]
    try:
        if name == "-":
            body = sys.stdin.buffer.read(MAX_BODY_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                body = file.read(MAX_BODY_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--data {data}: {reason}; expected a file, for example --data @body.json") from None
    if len(body) > MAX_BODY_BYTES:
        raise UsageError(f"--data {data}: expected at most {MAX_BODY_BYTES} bytes, for example --data '{{}}'")
    return body


def _seconds(given: str) -> float:
    """Return a timeout.

    Raises:
        argparse.ArgumentTypeError: it is not a number above 0, or above the limit.
    """
    try:
        value = float(given)
    except ValueError:
        value = 0.0
    if not 0 < value <= MAX_WATCH_S:
        raise argparse.ArgumentTypeError(
            f"{given!r}: expected more than 0 and at most {MAX_WATCH_S:g} seconds, for example "
            f"--timeout {DEFAULT_WATCH_S:g}"
        )
    return value
