"""Several addresses in one call: `diagnose URL URL …` and `diagnose --targets FILE`, side by side.

At most four run at the same time, and those of one host one after the other: they would share its limits.
Each has the options of the command line, then its own from the file, read by the same parser: its own count
where both are given, and headers add up. An option that would have no effect is refused.
"""

from __future__ import annotations

import argparse
import io
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from flushcheck.cli.common import observer
from flushcheck.cli.console import Console, ProgressLine
from flushcheck.cli.diagnose import connections, measure
from flushcheck.cli.report_output import Format, write_results
from flushcheck.cli.scheme import complete_url
from flushcheck.culprits import CULPRITS
from flushcheck.diagnosis.inference import judge
from flushcheck.files.targets import MAX_TARGETS, TargetEntry, read_targets
from flushcheck.model import Report, Run, UsageError
from flushcheck.prober import parse_silences
from flushcheck.prober.address import parse_origin
from flushcheck.prober.arguments import named_addresses
from flushcheck.prober.watching import watch
from flushcheck.reports.results import Result

MAX_AT_ONCE = 4

# Options that make no sense for several addresses.
ALONE = ("save", "direct", "outer", "at", "config", "running", "idle")
# What the whole call has: one address of a list cannot have its own.
OF_THE_CALL = ("save", "config", "running", "others", "targets", "also", "ticket", "output", "quiet", "text")
# Selections: those of an address replace those of the command line.
_SELECTIONS = ("only", "clients")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


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
                f"{'' if option in OF_THE_CALL else '; in a list, a target has it in its options'}"
            )
    entries = _entries(arguments)
    given = given_options(arguments)
    jobs = [(entry, _namespace(entry, given, arguments, console)) for entry in entries]
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


def _namespace(
    entry: TargetEntry, given: Mapping[str, Any], arguments: argparse.Namespace, console: Console
) -> argparse.Namespace:
    """The arguments of one address: those `given` on the command line, then its own.

    Raises:
        UsageError: its own are wrong.
    """
    own = parsed_options(entry, given)
    own.on_request = arguments.on_request
    try:
        check_options(own)
        own.url = entry.url
        complete_url(own, console)
        beside = [address.url for address in named_addresses(own.direct, own.at)]
        for url in filter(None, (own.url, *beside, getattr(own, "outer", ""))):
            parse_origin(url if entry.command == "diagnose" else url.partition("?")[0])
        parse_silences(getattr(own, "idle", None) or ())
    except UsageError as error:
        raise UsageError(f"{entry.place}: {error}" if entry.place else str(error)) from None
    return own


def given_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """The options of the command line that each address has: those that are not as by default."""
    from flushcheck.cli import parser

    defaults = vars(parser(["diagnose"]).of_command("diagnose").parse_args([]))
    return {
        name: value
        for name, value in vars(arguments).items()
        if name in defaults and value != defaults[name] and name not in (*OF_THE_CALL, "url", "format", "run")
    }


def check_options(own: argparse.Namespace) -> None:
    """Refuse an option in the file that would have no effect.

    Raises:
        UsageError: there is one.
    """
    refused = next((name for name in OF_THE_CALL if getattr(own, name, None)), "")
    if getattr(own, "format", Format.TEXT) != Format.TEXT:
        refused = "format"
    if refused:
        word = "more than one address" if refused == "others" else f"--{refused}"
        raise UsageError(
            f"options: {word} for one address of a list: expected options of one measurement, for example "
            "[--quick]"
        )


def parsed_options(entry: TargetEntry, given: Mapping[str, Any] = _NOTHING) -> argparse.Namespace:
    """The arguments of one address, as its command reads them.

    Args:
        entry: with its own options.
        given: options of the command line, which its own ones override or add to.

    Raises:
        UsageError: its options are wrong.
    """
    from flushcheck.cli import parser

    errors = io.StringIO()
    added = {name: value for name, value in given.items() if name not in _SELECTIONS}
    try:
        with redirect_stderr(errors):
            command = parser([entry.command]).of_command(entry.command)
            parsed: argparse.Namespace = command.parse_args(
                [*entry.options, entry.url], argparse.Namespace(**added)
            )
    except SystemExit:
        reason = errors.getvalue().partition("\n")[0].partition(": ")[2] or "not an option"
        raise UsageError(
            f"{entry.place}: options: {reason}; expected options of flushcheck {entry.command}, "
            "for example [--quick]"
        ) from None
    for name in _SELECTIONS:
        if name in given and not getattr(parsed, name, ()):
            setattr(parsed, name, given[name])
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
    return judge(_watched(own) if entry.command == "watch" else measure(own, connections(own)))


def _watched(own: argparse.Namespace) -> Run:
    from flushcheck.cli.watch import certificate_note, requests

    request, beside = requests(own)
    repeat = own.repeat or (request.is_safe and not own.once)
    certificates = certificate_note(request, beside, own.timeout)
    watched = watch(request, at=beside, timeout_s=own.timeout, repeat=repeat, observer=observer(own))
    return certificates.added(watched)
