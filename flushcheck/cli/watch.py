"""`flushcheck watch URL`: follow any stream of the user's own app, live, and report what its timing shows."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from flushcheck.cli.arguments import Parser, timeout
from flushcheck.cli.connection import add_connection_options, connection_options
from flushcheck.cli.console import Console
from flushcheck.cli.report_output import EXIT_CODES
from flushcheck.model import UsageError
from flushcheck.prober.watch_request import MAX_BODY_BYTES, watch_request
from flushcheck.prober.watching import DEFAULT_WATCH_S, MAX_WATCH_S, ReadEvent, watch
from flushcheck.reports.watch import read_head, read_line, watch_document, watch_text
from flushcheck.watching.verdict import assess

_EPILOG = """\
examples:
  flushcheck watch https://example.org/chat -H 'Authorization: Bearer …' -d '{"stream": true}'
  flushcheck watch https://example.org/events --direct http://localhost:3000/events

Ctrl-C ends the stream; the report covers what was received until then. The records of such a stream carry no
send time: one stream alone rarely shows whether the app is slow or a proxy buffers. With --direct, both
addresses are requested at the same time, and comparing them shows it. The app then does its work twice.
"""

LABELS = ("", "")
TWO_LABELS = ("public ", "direct ")


def configure(parser: Parser) -> None:
    """Set the command's arguments and help."""
    parser.description = (
        "Follows any stream of your own app (server-sent events, JSON lines, plain chunks), shows each read "
        "live, and reports what the times of arrival show."
    )
    parser.epilog = _EPILOG
    parser.example = "flushcheck watch https://example.org/chat"
    parser.add_argument("url", metavar="URL", help="the URL of the stream, with its query")
    parser.add_argument(
        "-d",
        "--data",
        metavar="DATA",
        help="a request body, sent with POST; @FILE reads a file, @- standard input",
    )
    parser.add_argument("--data-raw", metavar="DATA", help="the same without a meaning of @, as curl has it")
    parser.add_argument(
        "-X", "--request", metavar="METHOD", default="", help="the request method, if neither GET nor POST"
    )
    parser.add_argument("--direct", metavar="URL", default="", help="the same stream at the app's own port")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=timeout(maximum_s=MAX_WATCH_S, example_s=DEFAULT_WATCH_S),
        default=DEFAULT_WATCH_S,
        help="total time limit (default: %(default)g)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the report as JSON, without the live view, for scripts"
    )
    add_connection_options(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Follow the stream, print the report; return the exit code.

    Raises:
        UsageError: the URL, a header or the body is wrong.
    """
    body = _body(arguments.data) if arguments.data is not None else None
    if arguments.data_raw is not None:
        body = arguments.data_raw.encode(errors="surrogateescape")
    options = connection_options(arguments, (arguments.url, arguments.direct))
    requests = [watch_request(arguments.url, method=arguments.request, body=body, options=options)]
    if arguments.direct:
        past = options.past_proxy
        requests.append(watch_request(arguments.direct, method=arguments.request, body=body, options=past))
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
        # ASCII: no control character from the other side reaches the terminal.
        console.write(json.dumps(watch_document(report), indent=2) + "\n")
    else:
        console.write("\n" + watch_text(report, width=console.width, color=console.color))
    return EXIT_CODES[report.verdict]


def _body(data: str) -> bytes:
    """The request body: the text itself, or the content of a file.

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
