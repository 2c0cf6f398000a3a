"""`flushcheck watch URL`: follow any stream of the user's own app, and say what can be said of it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from flushcheck.cli.arguments import Parser
from flushcheck.cli.console import Console
from flushcheck.cli.report_output import EXIT_CODES
from flushcheck.model import UsageError
from flushcheck.prober.watching import DEFAULT_WATCH_S, MAX_BODY_BYTES, MAX_WATCH_S, Came, ask, watch
from flushcheck.reports.watch import came_head, came_line, watch_document, watch_text
from flushcheck.watching.watch import judge

_EPILOG = """\
examples:
  flushcheck watch https://example.org/chat -H 'Authorization: Bearer …' -d '{"stream": true}'
  flushcheck watch https://example.org/events --direct http://localhost:3000/events

Ctrl-C ends the watching; what was seen until then is told. The records of such a stream do not say when they
were sent: one stream alone tells a slow app from a hold only seldom, two addresses side by side do. Both are
asked at the same time, so the app does its work twice.
"""

LABELS = ("", "")
TWO_LABELS = ("asked  ", "beside ")


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "watch",
        help="follow any stream of your own app, as it comes",
        description="Follows any stream of your own app (server-sent events, JSON lines, plain chunks), "
        "shows each read as it comes, and says what its arrivals tell.",
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
        help="what to send, with POST; @FILE for what is in a file, @- for stdin",
    )
    parser.add_argument(
        "-X", "--request", metavar="METHOD", default="", help="another method than GET or POST"
    )
    parser.add_argument("--direct", metavar="URL", default="", help="the same stream at the app's own port")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        default=DEFAULT_WATCH_S,
        help="when to stop, if it has not ended (default: %(default)g)",
    )
    parser.add_argument(
        "--json", action="store_true", help="no live view; what was seen as JSON, for scripts"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Do it.

    Raises:
        UsageError: the request cannot be.
    """
    body = _body(arguments.data) if arguments.data is not None else None
    headers = [_header(line) for line in arguments.header]
    urls = [arguments.url, *([arguments.direct] if arguments.direct else [])]
    asks = [ask(url, method=arguments.request, headers=headers, body=body) for url in urls]
    labels = TWO_LABELS if len(asks) > 1 else LABELS
    last_s = [0.0] * len(asks)

    def show(came: Came) -> None:
        gap_s, last_s[came.index] = came.at_s - last_s[came.index], came.at_s
        line = came_line(
            came.at_s, gap_s, came.size_bytes, came.records, label=labels[came.index], width=console.width
        )
        console.write(line + "\n")

    if not arguments.json:
        console.write(came_head(labels[0]) + "\n")
    seen = watch(asks, timeout_s=arguments.timeout, on_came=None if arguments.json else show)
    said = judge(*seen)
    if arguments.json:
        # ASCII: nothing that a far side sent can then reach the terminal as it is.
        console.write(json.dumps(watch_document(said), indent=2) + "\n")
    else:
        console.write("\n" + watch_text(said, width=console.width, color=console.color))
    return EXIT_CODES[said.health]


def _header(line: str) -> tuple[str, str]:
    """A header line as curl takes it.

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
    """What to send: the text itself, or what is in a file.

    Raises:
        UsageError: the file cannot be read, or holds too much.
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
    """A time-out.

    Raises:
        argparse.ArgumentTypeError: it is not a number above 0, or it is beyond all patience.
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
