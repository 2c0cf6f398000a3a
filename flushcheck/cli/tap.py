"""`flushcheck tap URL`: one request of the user's own stream, and what each layer of the app did with it."""

from __future__ import annotations

import argparse
import os
import secrets
from contextlib import ExitStack
from dataclasses import replace

from flushcheck.cli import watch as watch_command
from flushcheck.cli.arguments import Parser
from flushcheck.cli.check import check_config, read_config
from flushcheck.cli.console import Console
from flushcheck.cli.report_output import is_text
from flushcheck.cli.tap_output import check_format, report_on, why_not, write_tap
from flushcheck.cli.watch_live import announce, live_view
from flushcheck.model import Run, TapRequest, UsageError
from flushcheck.prober import dump, saving
from flushcheck.prober.tapping import fetch_notes, in_parts, tapped_request
from flushcheck.prober.watch_request import WatchRequest
from flushcheck.prober.watching import watch
from flushcheck.tapping.judge import without_notes
from flushcheck.tapping.notes import NotesError
from flushcheck.tapping.report import TapPlace, TapReport
from flushcheck.taps.live import TOKEN_VARIABLE

_EPILOG = f"""\
examples:
  flushcheck tap https://example.org/chat -H 'Authorization: Bearer …' -d '{{"stream": true}}'
  flushcheck tap http://localhost:8000/events --token 0123456789abcdef0123456789abcdef
  flushcheck tap -- curl -N https://example.org/chat -d @body.json

The app needs taps: `from flushcheck.taps import install` and `app = install(app)`, with the same token in
{TOKEN_VARIABLE} on both sides. docs/taps.md has the lines of each framework. The request is made once.
Where the fault is on the path and the request may be repeated, the report of `flushcheck watch` follows.
"""


def configure(parser: Parser) -> None:
    """Set the command's arguments and help: those of `watch`, and the token."""
    watch_command.configure(parser)
    parser.description = (
        "Makes one request of your own stream, and shows what each layer of your app did with it: which one "
        "joins, delays or compresses it, or whether the app is clean and the path holds it."
    )
    parser.epilog = _EPILOG
    parser.example = "flushcheck tap http://localhost:8000/chat"
    parser.add_argument(
        "--token",
        metavar="TOKEN",
        default="",
        help=f"the token of the app's taps (default: that of {TOKEN_VARIABLE}, which other users cannot see)",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Make the request, fetch the notes, print the ladder; return the exit code.

    Raises:
        UsageError: there is no token, or an argument is wrong.
    """
    check_format(arguments)
    token = arguments.token or os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        raise UsageError(
            f"no token: expected that of the app's taps in {TOKEN_VARIABLE} or --token, for example --token "
            "0123456789abcdef0123456789abcdef"
        )
    plain, beside = watch_command.requests(arguments)
    tap_id = secrets.token_hex(16)
    request = tapped_request(plain, tap_id, token)
    files = read_config(arguments)
    shows = is_text(arguments)
    names = [name for name, _ in beside]
    live = live_view(arguments, console, names)
    with ExitStack() as stack:
        file = stack.enter_context(saving(arguments.save)) if arguments.save is not None else None
        if shows:
            live.head()
        certificates = watch_command.certificate_note(request, beside, arguments.timeout)
        watched = watch(
            request,
            at=beside,
            timeout_s=arguments.timeout,
            on_read=live.show if shows else None,
        )
        certificates.write(console)
        first = watched.observations[0]
        tapped: TapRequest | None = None
        try:
            tapped = TapRequest(in_parts(fetch_notes(request, tap_id)), first)
            report = report_on(plain.shown_url, tapped)
        except NotesError as error:
            report = without_notes(plain.shown_url, why_not(first, error))
        watched = _repeated(arguments, report, plain, watched, beside, console)
        if file is not None:
            file.write(dump(replace(watched, tapped=tapped)))
    console.write("\n" if shows else "")
    return write_tap(report, watched, arguments, console, check_config(files, watched))


def _repeated(
    arguments: argparse.Namespace,
    report: TapReport,
    plain: WatchRequest,
    watched: Run,
    beside: list[tuple[str, WatchRequest]],
    console: Console,
) -> Run:
    """The run of `watch` where the path is at fault: its repeats name the hop. Else the first look."""
    if report.place is not TapPlace.PATH or not watch_command.may_repeat(arguments, plain, console):
        return watched
    return watch(
        plain,
        at=beside,
        timeout_s=arguments.timeout,
        repeat=True,
        on_repeat=lambda repeating: console.note(announce(repeating)),
    )
