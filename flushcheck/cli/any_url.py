"""`flushcheck URL`: asks what is there, then diagnoses it, watches it, or says what it is.

A flushcheck service or an origin is diagnosed. Anything else is requested once, as a browser would: a stream
is watched on, and any other response is described in one sentence. Such a site has no culprit, and the exit
status is 3.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import replace

from flushcheck.cli import diagnose
from flushcheck.cli.arguments import Parser
from flushcheck.cli.check import check_config, read_config
from flushcheck.cli.common import observer
from flushcheck.cli.connection import connection_options
from flushcheck.cli.console import Console, ProgressLine
from flushcheck.cli.report_output import write_report
from flushcheck.cli.scheme import complete_url
from flushcheck.cli.watch_live import Progress
from flushcheck.diagnosis.inference import judge, with_provenance
from flushcheck.diagnosis.service_absent import absence_at_url, report_at_url
from flushcheck.measurement.own_streams import may_be_stream
from flushcheck.model import Report, Run, UsageError
from flushcheck.prober import dump, saving
from flushcheck.prober.recognition import is_flushcheck
from flushcheck.prober.target import ConnectionOptions
from flushcheck.prober.watch_request import watch_request
from flushcheck.prober.watching import watch

# The first request is over by then; a stream without an end shows how it arrives in less.
MAX_LOOK_S = 15.0


def configure(parser: Parser) -> None:
    """Set the command's arguments and help: those of `diagnose`."""
    diagnose.configure(parser)
    parser.description = (
        "Asks what is at an address. A flushcheck service or origin is diagnosed; a stream of your own is "
        "watched; any other response is described."
    )
    parser.example = "flushcheck http://localhost:8000"


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Ask, and go on; return the exit code.

    Raises:
        UsageError: the URL is wrong, or a file cannot be read or written.
    """
    if arguments.others or arguments.targets:
        return diagnose.run(arguments, console)
    if not arguments.url:
        raise UsageError("no address: expected one, for example flushcheck http://localhost:8000")
    complete_url(arguments, console)
    options = connection_options(arguments, (arguments.url, arguments.direct))
    # Before anything is sent: a wrong address is wrong usage.
    watch_request(arguments.url.partition("#")[0], options=options)
    with ProgressLine(console) as line:
        line.update("asking what is there")
        if is_flushcheck(arguments.url, options, arguments.timeout):
            line.close()
            return diagnose.run(arguments, console)
    return _without_service(arguments, console, options)


def _without_service(arguments: argparse.Namespace, console: Console, options: ConnectionOptions) -> int:
    """Request the address once, and watch it on if it streams; return the exit code."""
    request = watch_request(arguments.url, options=options)
    files = read_config(arguments)
    with ExitStack() as stack:
        file = stack.enter_context(saving(arguments.save)) if arguments.save is not None else None
        with ProgressLine(console) as line:
            progress = Progress(line, (), None)
            watched = watch(
                request,
                timeout_s=min(arguments.timeout, MAX_LOOK_S),
                repeat=True,
                repeat_if=may_be_stream,
                observer=observer(arguments),
                on_read=progress.read,
                on_repeat=lambda repeating: progress.repeat(console, repeating),
            )
        report = report_of(watched)
        checked = check_config(files, watched) if report.transports else None
        code = write_report(report, arguments, console, checked)
        if file is not None:
            file.write(dump(watched))
    return code


def report_of(watched: Run) -> Report:
    """The Report on a request to an address without flushcheck."""
    first = watched.observations[0]
    if not may_be_stream(first):
        return with_provenance(report_at_url(watched), watched)
    report = judge(watched)
    sentence = absence_at_url(watched.target, first, proxied=bool(watched.proxy)).partition(". ")[0]
    return replace(report, notes=(f"{sentence}; the response streams, so it was watched", *report.notes))
