"""`flushcheck watch URL`: follow any stream of the user's own app, live, and say what holds it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from flushcheck.cli.arguments import Parser, add_addresses, timeout
from flushcheck.cli.certificate_note import CertificateNote
from flushcheck.cli.check import add_config, check_config, read_config
from flushcheck.cli.common import add_observer, observer
from flushcheck.cli.connection import add_connection_options, connection_options
from flushcheck.cli.console import Console, ProgressLine
from flushcheck.cli.report_output import add_format_options, is_text, write_report
from flushcheck.cli.scheme import complete_url
from flushcheck.cli.watch_live import Progress, live_view
from flushcheck.diagnosis.inference import judge
from flushcheck.measurement.repeats import MAX_REPEATS
from flushcheck.model import UsageError
from flushcheck.prober import dump, saving
from flushcheck.prober.arguments import named_addresses
from flushcheck.prober.watch_request import MAX_BODY_BYTES, WatchRequest, watch_request
from flushcheck.prober.watching import (
    DEFAULT_WATCH_S,
    MAX_WATCH_S,
    watch,
)

_EPILOG = """\
examples:
  flushcheck watch https://example.org/chat -H 'Authorization: Bearer …' -d '{"stream": true}' --repeat
  flushcheck watch https://example.org/events --direct http://localhost:3000/events
  flushcheck watch -- curl -N https://example.org/chat -H 'Authorization: Bearer …' -d @body.json

Ctrl-C ends the stream; the report covers what was received until then. The records of such a stream carry
no send time, so one look rarely shows whether the app is slow or something holds the stream. After the first
look a GET is repeated, each time with one difference: without compression, over another version of HTTP, two
at once. A POST may cost money or change data: it is repeated only with --repeat. The app does its work each
time.
"""


def configure(parser: Parser) -> None:
    """Set the command's arguments and help."""
    parser.description = (
        "Follows any stream of your own app (server-sent events, JSON lines, plain chunks), shows each read "
        "live, and reports how it arrives, what holds it, and which line fixes it."
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
    add_addresses(parser, "the same stream", direct="the same stream at the app's own port")
    repeating = parser.add_mutually_exclusive_group()
    repeating.add_argument("--repeat", action="store_true", help="repeat a POST too, without asking")
    repeating.add_argument("--once", action="store_true", help="make one request, and repeat none")
    parser.add_argument(
        "-m",
        "--timeout",
        metavar="SECONDS",
        type=timeout(maximum_s=MAX_WATCH_S, example_s=DEFAULT_WATCH_S),
        default=DEFAULT_WATCH_S,
        help="time limit of each request (default: %(default)g)",
    )
    parser.add_argument(
        "--text", action="store_true", help="print the text of the stream as it arrives, not its reads"
    )
    add_format_options(parser)
    add_observer(parser)
    parser.add_argument("-s", "--save", metavar="FILE", help="save the run, for `flushcheck judge FILE`")
    add_config(parser)
    add_connection_options(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Follow the stream, print the report, save the run; return the exit code.

    Raises:
        UsageError: the URL, a header or the body is wrong, or a file cannot be read or written.
    """
    complete_url(arguments, console)
    request, beside = requests(arguments)
    files = read_config(arguments)
    names = [name for name, _ in beside]
    live = live_view(arguments, console, names)
    shows = is_text(arguments)
    repeat = may_repeat(arguments, request, console)
    with ExitStack() as stack:
        file = stack.enter_context(saving(arguments.save)) if arguments.save is not None else None
        if shows:
            live.head()
        certificates = certificate_note(request, beside, arguments.timeout)
        with ProgressLine(console) as line:
            progress = Progress(line, names, live if shows else None)
            watched = watch(
                request,
                at=beside,
                timeout_s=arguments.timeout,
                repeat=repeat,
                observer=observer(arguments),
                on_read=progress.read,
                on_repeat=lambda repeating: progress.repeat(console, repeating),
            )
        watched = certificates.added(watched)
        if shows:
            console.write("\n")
        code = write_report(judge(watched), arguments, console, check_config(files, watched))
        if file is not None:
            file.write(dump(watched))
    return code


def requests(arguments: argparse.Namespace) -> tuple[WatchRequest, list[tuple[str, WatchRequest]]]:
    """The request of the arguments, and the same at the other addresses, each with its name.

    Raises:
        UsageError: the URL, a header or the body is wrong, or a file cannot be read.
    """
    body = _body(arguments.data) if arguments.data is not None else None
    if arguments.data_raw is not None:
        body = arguments.data_raw.encode(errors="surrogateescape")
    options = connection_options(
        arguments,
        (arguments.url, arguments.direct, *(url for _, url in arguments.at)),
    )
    request = watch_request(arguments.url, method=arguments.request, body=body, options=options)
    past = options.past_proxy
    return request, [
        (address.name, watch_request(address.url, method=arguments.request, body=body, options=past))
        for address in named_addresses(arguments.direct, arguments.at)
    ]


def certificate_note(
    request: WatchRequest, beside: Sequence[tuple[str, WatchRequest]], timeout_s: float
) -> CertificateNote:
    """Begin the look at the certificate of a request, compared with the first of the addresses beside it."""
    nearest = beside[0][1].target if beside else None
    return CertificateNote(request.target, nearest, time.monotonic() + timeout_s)


def may_repeat(arguments: argparse.Namespace, request: WatchRequest, console: Console) -> bool:
    """Whether the request may be repeated. On a terminal the user is asked about one that may change data."""
    if arguments.once or arguments.repeat or request.is_safe:
        return not arguments.once
    if not (console.interactive and sys.stdin is not None and sys.stdin.isatty()):
        return False
    console.note(
        f"{request.method} may cost money or change data. Repeat it up to {MAX_REPEATS} times? [y/N]"
    )
    return sys.stdin.readline().strip().lower() in ("y", "yes")


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
