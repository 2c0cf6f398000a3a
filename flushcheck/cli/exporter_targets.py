"""The targets of `flushcheck exporter`, from the file to what a run is given.

Everything is checked before the exporter starts, and again before a reload takes effect: names, addresses,
options, and the files that options name. The file may hold secrets (headers, logins, tokens in addresses). So
errors show no value of an option and no query, and a target whose address could show one needs a name.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from flushcheck.cli.connection import connection_options
from flushcheck.cli.several import ALONE, check_allowed, check_options, host_of, parsed_options
from flushcheck.cli.watch import requests
from flushcheck.exporter.runs import Target
from flushcheck.exporter.schedule import INTERVALS, is_interval
from flushcheck.files.targets import TargetEntry, read_targets
from flushcheck.model import UsageError, Verdict
from flushcheck.prober.address import parse_origin

MIN_SECRET = 4  # characters: what is shorter stands in any sentence

# The options whose values an error may show. A value of any other one, known or misspelt, may be a secret.
_PLAIN = (
    *("-t", "--only", "--clients", "-m", "--timeout", "-X", "--request", "--max-redirects"),
    *("--resolve", "--connect-to", "--cacert", "--key", "--unix-socket"),
)


def load(path: str, default_interval_s: float) -> tuple[Target, ...]:
    """Read and check the targets.

    Args:
        path: of the file.
        default_interval_s: of a target that has none.

    Raises:
        UsageError: the file cannot be read, or a target is wrong: says where, without secrets.
    """
    with _no_terminal():
        return tuple(_target(entry, default_interval_s) for entry in read_targets(path))


@contextmanager
def _no_terminal() -> Iterator[None]:
    """Without standard input: a password that is missing is an error, since a run has no one to ask."""
    stdin, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO())
    try:
        yield
    finally:
        sys.stdin = stdin


def _target(entry: TargetEntry, default_interval_s: float) -> Target:
    try:
        timeout_s = _check(entry)
    except UsageError as error:
        message = redacted(str(error).removeprefix(f"{entry.place}: "), secrets(entry))
        raise UsageError(f"{entry.place}: {message}") from None
    interval_s = default_interval_s if entry.interval_s is None else entry.interval_s
    if not is_interval(interval_s):
        raise UsageError(
            f"{entry.place}: interval: {interval_s:g} s: expected {INTERVALS}, for example interval: 5m"
        )
    return Target(entry.name, host_of(entry.url), interval_s, timeout_s, task_of(entry))


def _check(entry: TargetEntry) -> float:
    """Check everything that can be checked without a connection; return the time limit of a run."""
    if not entry.url.startswith(("http://", "https://")):
        raise UsageError("url: expected http:// or https:// in front, for example url: https://example.org")
    parts = _parts(entry.url)
    if entry.name == entry.url and ("@" in parts[0] or parts[1]):
        raise UsageError(
            "an address with a login or a query, without a name: expected one, which metrics and logs can "
            "show, for example name: shop"
        )
    check_allowed(entry)
    own = parsed_options(entry)
    check_options(own)
    own.url = entry.url
    if entry.command == "watch":
        requests(own)
    else:
        for option in ALONE:
            if getattr(own, option):
                raise UsageError(
                    f"options: --{option} has no effect here; expected options of one diagnosis, "
                    "for example [--quick]"
                )
        parse_origin(own.url)
        connection_options(own, (own.url,))
    return float(own.timeout)


def _parts(url: str) -> tuple[str, str]:
    """Host with login, and the query.

    Raises:
        UsageError: it is no URL.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UsageError("url: expected an address, for example url: https://example.org") from None
    return parts.netloc, parts.query


def secrets(entry: TargetEntry) -> frozenset[str]:
    """What no error may show: values of options and their parts, the login and the query of the address."""
    login = entry.url.rpartition("@")[0].rpartition("//")[2]
    options = [
        word.partition("=")[2] if word.startswith("--") else word
        for before, word in zip(("", *entry.options), entry.options, strict=False)
        if before not in _PLAIN and word.partition("=")[0] not in _PLAIN
    ]
    # A short option may have its value attached: -ualice:password.
    values = [*options, *(word[2:] for word in options if word.startswith("-")), login]
    values.append(entry.url.partition("?")[2])
    parts = [part for value in values for part in re.split(r"[\s:=&;,]+", value)]
    return frozenset(word for word in (*values, *parts) if len(word) >= MIN_SECRET)


def redacted(text: str, hidden: Iterable[str]) -> str:
    """The text with … for each of these words."""
    for word in sorted(hidden, key=len, reverse=True):
        text = text.replace(word, "…")
    return text


def task_of(entry: TargetEntry) -> str:
    """What a run is given, as JSON."""
    return json.dumps(
        {
            "name": entry.name,
            "url": entry.url,
            "command": entry.command,
            "options": entry.options,
            "expect": entry.expected,
            "allow": entry.allowed,
        }
    )


def entry_of(task: str) -> TargetEntry:
    """The target of a task."""
    members = json.loads(task)
    expected = members["expect"]
    return TargetEntry(
        members["name"],
        members["url"],
        members["command"],
        tuple(members["options"]),
        Verdict(expected) if expected else None,
        tuple(members["allow"]),
    )
