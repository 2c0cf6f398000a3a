"""`flushcheck diagnose URL`: make a run, analyze it, write the report."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib import import_module

from flushcheck.cli.arguments import (
    Parser,
    add_addresses,
    client_list,
    idle_seconds,
    timeout,
    transport_names,
)
from flushcheck.cli.check import add_config, check_config, read_config
from flushcheck.cli.common import add_observer, observer
from flushcheck.cli.connection import add_connection_options, connection_options
from flushcheck.cli.console import Console, ProgressLine
from flushcheck.cli.report_output import add_format_options, write_report
from flushcheck.cli.scheme import complete_url
from flushcheck.diagnosis.inference import judge
from flushcheck.model import (
    Client,
    Outcome,
    Probe,
    Run,
    Scenario,
    Transport,
    UsageError,
    Vantage,
    Variant,
)
from flushcheck.prober import (
    DEFAULT_TIMEOUT_S,
    MAX_TIMEOUT_S,
    RunProgress,
    dump,
    gather,
    parse_silences,
    saving,
    search_s,
)
from flushcheck.prober.arguments import CLIENTS, DIRECT_NAME, named_addresses
from flushcheck.prober.target import ConnectionOptions
from flushcheck.reports.text_writer import printable

_EPILOG = """\
The service must run where the app runs, behind the same proxies:

  flushcheck diagnose http://localhost:8000 --only chunked,events --timeout 20
"""

# The words of the progress line.
_STAGES = {1: "first look", 2: "experiments", 3: "idle timeouts"}
_SCENARIOS = {
    Scenario.TOKEN: "small pieces",
    Scenario.KILO: "1 kB pieces",
    Scenario.BIG: "16 kB pieces",
    Scenario.IDLE: "silent for {:g} s",
    Scenario.STEADY: "never silent for {:g} s",
    Scenario.OWN: "",
}
_VARIANTS = {
    Variant.BASELINE: "",
    Variant.XAB: "with X-Accel-Buffering: no",
    Variant.NO_TRANSFORM: "with Cache-Control: no-transform",
    Variant.NOSNIFF: "with nosniff",
    Variant.PADDED: "with padding",
    Variant.IDENTITY: "without compression",
    Variant.HTTP10: "over HTTP/1.0",
    Variant.OTHER_TYPE: "with another content type",
    Variant.TOGETHER: "several at once",
    Variant.GZIP: "with gzip alone",
    Variant.DEFLATE: "with deflate alone",
    Variant.BR: "with br alone",
    Variant.ZSTD: "with zstd alone",
    Variant.EVENT_STREAM: "with Accept: text/event-stream",
    Variant.NO_FLUSH: "without a flush",
    Variant.FLUSH: "with flush()",
    Variant.OB_FLUSH: "with ob_flush() and flush()",
}
_CLIENTS = {
    Client.BROWSER: "",
    Client.HTTP1: "as an HTTP/1.1 client",
    Client.HTTP3: "over HTTP/3",
}
_VANTAGES = {
    Vantage.PATH: "",
    Vantage.LOOPBACK: "control",
    Vantage.DIRECT: "direct",
    Vantage.UNPROXIED: "past the proxy",
    Vantage.OUTER: "at the outermost mount",
}


def configure(parser: Parser) -> None:
    """Set the command's arguments and help."""
    parser.description = (
        "Tests the path to a flushcheck service: how each transport flows on it, what holds it, and which "
        "line fixes it."
    )
    parser.epilog = _EPILOG
    parser.example = "flushcheck diagnose http://localhost:8000"
    parser.add_argument(
        "url", metavar="URL", nargs="?", default="", help="the root of the service, http:// or https://"
    )
    parser.add_argument("others", metavar="URL", nargs="*", help="more of them, tested side by side")
    parser.add_argument(
        "-T",
        "--targets",
        metavar="FILE",
        default="",
        help="a list of URLs, with what is expected of each (YAML)",
    )
    add_format_options(parser)
    add_observer(parser)
    parser.add_argument("-s", "--save", metavar="FILE", help="save the run, for `flushcheck judge FILE`")
    parser.add_argument(
        "-t",
        "--only",
        metavar="NAMES",
        type=transport_names,
        action="extend",
        help=f"test only these transports: {', '.join(Transport)}",
    )
    parser.add_argument(
        "--clients",
        metavar="NAMES",
        type=client_list,
        action="extend",
        help=(
            f"test only as these clients: {', '.join(CLIENTS)} (default: browser, http1 too where a "
            "browser gets HTTP/2, and http3 where it is offered)"
        ),
    )
    add_addresses(
        parser,
        "the same app",
        direct="the app's own port, tested for comparison: is the fault in the app or on the path?",
    )
    parser.add_argument(
        "--outer",
        metavar="URL",
        default="",
        help=(
            "a second mount of the origin, outside of the app's layers, where URL is inside of them: is the "
            "fault in the app's own layers, or in front of them?"
        ),
    )
    parser.add_argument(
        "--idle",
        metavar="SECONDS",
        type=idle_seconds,
        action="extend",
        help="search for idle timeouts with silences of these lengths, for example 65 or 5,30,65,130",
    )
    add_config(parser)
    parser.add_argument(
        "-Q", "--quick", action="store_true", help="a first verdict, from short streams: about 1 s"
    )
    parser.add_argument(
        "-m",
        "--timeout",
        metavar="SECONDS",
        type=timeout(maximum_s=MAX_TIMEOUT_S, example_s=DEFAULT_TIMEOUT_S),
        default=DEFAULT_TIMEOUT_S,
        help="total time limit, without --idle (default: %(default)g)",
    )
    add_connection_options(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Diagnose the path, print the report, save the run; return the exit code.

    Raises:
        UsageError: the URL is wrong, or a file cannot be read or written.
    """
    if arguments.others or arguments.targets:
        # By name: it imports other commands, which import this one for the words of probes.
        code: int = import_module("flushcheck.cli.several").run(arguments, console)
        return code
    if not arguments.url:
        raise UsageError(
            "the following arguments are required: URL; expected one or more, for example flushcheck "
            "diagnose http://localhost:8000"
        )
    complete_url(arguments, console)
    files = read_config(arguments)
    silences_s = parse_silences(arguments.idle or ())
    options = connections(arguments)
    names = [address.name for address in named_addresses(arguments.direct, arguments.at)]
    with ExitStack() as stack:
        file = stack.enter_context(saving(arguments.save)) if arguments.save is not None else None
        if silences_s:
            console.note(_estimate(silences_s, arguments.timeout))
        with ProgressLine(console) as line:
            gathered = measure(
                arguments, options, lambda progress: line.update(progress_text(progress, names))
            )
        code = write_report(judge(gathered), arguments, console, check_config(files, gathered))
        if file is not None:
            file.write(dump(gathered))
    return code


def connections(arguments: argparse.Namespace) -> ConnectionOptions:
    """How the addresses of the arguments are connected to.

    Raises:
        UsageError: an option is wrong, or a file cannot be read.
    """
    return connection_options(
        arguments,
        (arguments.url, arguments.direct, arguments.outer, *(url for _, url in arguments.at)),
    )


def measure(
    arguments: argparse.Namespace,
    options: ConnectionOptions,
    on_progress: Callable[[RunProgress], None] | None = None,
) -> Run:
    """Make the run that the arguments of one address ask for.

    Args:
        arguments: the address, those to compare it with, and what to ask for.
        options: of `connections`.
        on_progress: called as the run goes on.

    Raises:
        UsageError: an address is wrong, or the options contradict each other.
    """
    return gather(
        arguments.url,
        only=arguments.only or tuple(Transport),
        quick=arguments.quick,
        timeout_s=arguments.timeout,
        on_progress=on_progress,
        direct=arguments.direct,
        at=arguments.at,
        outer=arguments.outer,
        idle_s=parse_silences(arguments.idle or ()),
        options=options,
        clients=arguments.clients or CLIENTS,
        observer=observer(arguments),
    )


def _estimate(silences_s: Sequence[float], timeout_s: float) -> str:
    """How long the search for idle timeouts takes, for the reader to know before it starts."""
    lengths = ", ".join(f"{silence_s:g}" for silence_s in silences_s)
    return (
        f"searching for idle timeouts with silences of {lengths} s, all at the same time: takes about "
        f"{search_s(silences_s):g} s more than the rest (at most {timeout_s:g} s)"
    )


def progress_text(progress: RunProgress, names: Sequence[str] = ()) -> str:
    """The progress line: the stage, how many of its probes are done, and the last of them.

    Args:
        progress: how far the run is.
        names: of the addresses beside the public one.
    """
    text = f"{_STAGES[progress.stage]}: {progress.done} of {progress.total}"
    latest = progress.latest
    if latest is None:
        return text
    failure = "" if latest.outcome is Outcome.COMPLETE else f": {latest.outcome}"
    return f"{text} ({probe_text(latest.probe, names)}{failure})"


def probe_text(probe: Probe, names: Sequence[str] = ()) -> str:
    """A probe in plain words, for example "chunked, small pieces, over HTTP/1.0".

    Args:
        probe: what is asked for.
        names: of the addresses beside the public one.
    """
    name = names[probe.run] if probe.vantage is Vantage.DIRECT and probe.run < len(names) else ""
    is_named = name not in ("", DIRECT_NAME)
    words = (
        "" if probe.scenario is Scenario.OWN else probe.transport,
        _SCENARIOS[probe.scenario].format(probe.lasts_s),
        _VARIANTS[probe.variant],
        _CLIENTS[probe.client],
        f"at {printable(name)}" if is_named else _VANTAGES[probe.vantage],
        "repeated" if probe.run and probe.vantage is Vantage.PATH else "",
    )
    return ", ".join(word for word in words if word)
