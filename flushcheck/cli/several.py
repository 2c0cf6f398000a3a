"""Several addresses in one call: `diagnose URL URL …` and `diagnose --targets FILE`, side by side.

At most four run at the same time, and those of one host one after the other: they would share its limits.
Each has the options of the command line, then its own from the file, read by the same parser.
"""

from __future__ import annotations

import argparse
import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr
from urllib.parse import urlsplit

from flushcheck.cli.arguments import Parser
from flushcheck.cli.certificate_note import CertificateNote
from flushcheck.cli.common import observer
from flushcheck.cli.connection import add_connection_options, connection_options
from flushcheck.cli.console import Console, ProgressLine
from flushcheck.cli.report_output import write_results
from flushcheck.cli.scheme import complete_url
from flushcheck.culprits import CULPRITS
from flushcheck.diagnosis.inference import judge
from flushcheck.files.targets import MAX_TARGETS, TargetEntry, read_targets
from flushcheck.model import Report, Run, Transport, UsageError
from flushcheck.prober import gather
from flushcheck.prober.address import parse_origin
from flushcheck.prober.arguments import CLIENTS
from flushcheck.prober.watching import watch
from flushcheck.reports.results import Result

MAX_AT_ONCE = 4

# Options that make no sense for several addresses.
ALONE = ("save", "direct", "outer", "at", "config", "running", "idle")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Diagnose all of them, print the results; return the exit code of the worst.

    Raises:
        UsageError: an option is for one address alone, or the file is wrong.
    """
    for option in ALONE:
        if getattr(arguments, option):
            raise UsageError(
                f"--{option} with several addresses: expected one address, for example "
                f"flushcheck diagnose https://example.org --{option} …"
            )
    entries = _entries(arguments)
    jobs = [(entry, _namespace(entry, arguments, console)) for entry in entries]
    locks = {host_of(own.url): threading.Lock() for _, own in jobs}
    done = 0
    with ProgressLine(console) as line, ThreadPoolExecutor(MAX_AT_ONCE) as pool:
        line.update(f"0 of {len(jobs)} addresses")
        futures = [pool.submit(_measure, entry, own, locks[host_of(own.url)]) for entry, own in jobs]
        results = []
        for future in futures:
            results.append(future.result())
            done += 1
            line.update(f"{done} of {len(jobs)} addresses")
    return write_results(results, arguments, console)


def _entries(arguments: argparse.Namespace) -> list[TargetEntry]:
    urls = [url for url in (arguments.url, *arguments.others) if url]
    entries = [TargetEntry(url, url) for url in dict.fromkeys(urls)]
    entries += read_targets(arguments.targets) if arguments.targets else ()
    if len(entries) > MAX_TARGETS:
        raise UsageError(f"{len(entries)} addresses: expected at most {MAX_TARGETS}, for example 10")
    for entry in entries:
        check_allowed(entry)
    return entries


def check_allowed(entry: TargetEntry) -> None:
    """Check that what it allows are culprits.

    Raises:
        UsageError: one is not.
    """
    for culprit in entry.allowed:
        if culprit not in CULPRITS:
            raise UsageError(
                f"{entry.place}: allow: {culprit[:40]!r} is no culprit: expected ids that "
                "`flushcheck explain` lists, for example nginx-gzip"
            )


def _namespace(entry: TargetEntry, arguments: argparse.Namespace, console: Console) -> argparse.Namespace:
    """The arguments of one address: those of the command line, then its own.

    Raises:
        UsageError: its own are wrong.
    """
    own = argparse.Namespace(**vars(arguments))
    if entry.options or entry.command != "diagnose":
        own = _with_defaults(parsed_options(entry), entry, arguments)
        own.on_request, own.observer = arguments.on_request, arguments.observer
    own.url = entry.url
    try:
        complete_url(own, console)
        parse_origin(own.url if entry.command == "diagnose" else own.url.partition("?")[0])
    except UsageError as error:
        raise UsageError(f"{entry.place}: {error}" if entry.place else str(error)) from None
    return own


def _with_defaults(
    own: argparse.Namespace, entry: TargetEntry, arguments: argparse.Namespace
) -> argparse.Namespace:
    """The options of one address, and for those that it does not give the ones of the command line.

    A connection option that may be given several times, such as -H, has the values of both. A `watch` shares
    the connection options alone: its others mean something else.
    """
    unset = vars(parsed_options(TargetEntry(entry.name, entry.url, entry.command)))
    connection = _connection_names()
    shared = connection if entry.command == "watch" else unset.keys() & vars(arguments).keys()
    for name in shared - {"url", "others", "targets"}:
        here, there = getattr(own, name), getattr(arguments, name)
        if name in connection and isinstance(here, list):
            setattr(own, name, [*there, *here])
        elif here == unset[name]:
            setattr(own, name, there)
    return own


def _connection_names() -> set[str]:
    """The names of the connection options, as attributes of parsed arguments."""
    parser = Parser()
    add_connection_options(parser)
    return set(vars(parser.parse_args([])))


def parsed_options(entry: TargetEntry) -> argparse.Namespace:
    """The arguments of one address, as its command reads them.

    Raises:
        UsageError: its options are wrong.
    """
    from flushcheck.cli import parser

    errors = io.StringIO()
    try:
        with redirect_stderr(errors):
            parsed: argparse.Namespace = parser([entry.command]).parse_args(
                [entry.command, *entry.options, entry.url]
            )
    except SystemExit:
        reason = errors.getvalue().partition("\n")[0].partition(": ")[2] or "not an option"
        raise UsageError(
            f"{entry.place}: options: {reason}; expected options of flushcheck {entry.command}, "
            "for example [--quick]"
        ) from None
    return parsed


def host_of(url: str) -> str:
    """Host and port of an address, without a login. Addresses of one host are not tested side by side."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return url


def _measure(entry: TargetEntry, own: argparse.Namespace, lock: threading.Lock) -> Result:
    with lock:
        report = report_on(entry, own)
    return Result(entry.name, report, entry.expected, entry.allowed)


def report_on(entry: TargetEntry, own: argparse.Namespace) -> Report:
    """Measure one address and say what was found.

    Raises:
        UsageError: its options are not possible.
    """
    return judge(_watched(own) if entry.command == "watch" else _gathered(own))


def _gathered(own: argparse.Namespace) -> Run:
    return gather(
        own.url,
        only=own.only or tuple(Transport),
        quick=own.quick,
        timeout_s=own.timeout,
        options=connection_options(own, (own.url,)),
        clients=own.clients or CLIENTS,
        observer=observer(own),
    )


def _watched(own: argparse.Namespace) -> Run:
    from flushcheck.cli.watch import requests

    request, beside = requests(own)
    repeat = own.repeat or (request.is_safe and not own.once)
    nearest = beside[0][1].target if beside else None
    certificates = CertificateNote(request.target, nearest, time.monotonic() + own.timeout)
    watched = watch(request, at=beside, timeout_s=own.timeout, repeat=repeat, observer=observer(own))
    return certificates.added(watched)
