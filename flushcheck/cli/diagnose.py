"""`flushcheck diagnose URL`: ask, judge, report."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack

from flushcheck.cli.arguments import Parser, idle_seconds, seconds, transport_names
from flushcheck.cli.check import add_config, read_config
from flushcheck.cli.console import Console, ProgressLine
from flushcheck.cli.report_output import add_format_options, write_report
from flushcheck.diagnosis.inference import judge
from flushcheck.model import Outcome, Transport
from flushcheck.prober import DEFAULT_TIMEOUT_S, Progress, dump, gather, ladder, saving, search_s

_EPILOG = """\
The service has to run where the app runs, behind the same proxies:

  flushcheck diagnose http://localhost:8000 --only chunked,events --timeout 20
"""

_STAGES = {1: "first look", 2: "experiments", 3: "silences"}


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "diagnose",
        help="look at the path to a flushcheck service",
        description="Looks at the path to a flushcheck service: how each transport flows on it, "
        "what holds it, and which line frees it.",
        epilog=_EPILOG,
        example="flushcheck diagnose http://localhost:8000",
    )
    parser.add_argument("url", metavar="URL", help="the root of the service, http:// or https://")
    add_format_options(parser)
    parser.add_argument("--save", metavar="FILE", help="keep what was seen, for `flushcheck judge FILE`")
    parser.add_argument(
        "--only",
        metavar="NAMES",
        type=transport_names,
        action="extend",
        help=f"look only at these transports: {', '.join(Transport)}",
    )
    parser.add_argument(
        "--direct",
        metavar="URL",
        default="",
        help="the app's own port, looked at beside: is the fault in the app or on the path?",
    )
    parser.add_argument(
        "--idle",
        metavar="SECONDS",
        type=idle_seconds,
        action="extend",
        help="search for time-outs: streams that are silent for so long, for example 65 or 5,30,65,130",
    )
    add_config(parser)
    parser.add_argument("--quick", action="store_true", help="leave out what only confirms a clean path")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        default=DEFAULT_TIMEOUT_S,
        help="for everything together but --idle (default: %(default)g)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Do it.

    Raises:
        UsageError: the address cannot be, or a file cannot be read or written.
    """
    checked = read_config(arguments)
    rungs_s = ladder(arguments.idle or ())
    with ExitStack() as stack:
        file = stack.enter_context(saving(arguments.save)) if arguments.save is not None else None
        if rungs_s:
            console.note(_estimate(rungs_s, arguments.timeout))
        with ProgressLine(console) as line:
            seen = gather(
                arguments.url,
                only=arguments.only or tuple(Transport),
                quick=arguments.quick,
                timeout_s=arguments.timeout,
                on_progress=lambda progress: line.update(_progress_text(progress)),
                direct=arguments.direct,
                idle_s=rungs_s,
            )
        code = write_report(judge(seen), arguments, console, checked)
        if file is not None:
            file.write(dump(seen))
    return code


def _estimate(rungs_s: Sequence[float], timeout_s: float) -> str:
    """What the search for time-outs will cost, said before it begins."""
    tried = ", ".join(f"{rung_s:g}" for rung_s in rungs_s)
    return (
        f"searching for time-outs with silences of {tried} s, side by side: takes about "
        f"{search_s(rungs_s):g} s more than the rest (which takes at most {timeout_s:g} s)"
    )


def _progress_text(progress: Progress) -> str:
    """The progress line."""
    latest = progress.latest
    said = f"{_STAGES[progress.stage]}: {progress.done} of {progress.total}"
    if latest is None:
        return said
    return f"{said} ({latest.probe.id}{'' if latest.outcome is Outcome.COMPLETE else ': ' + latest.outcome})"
