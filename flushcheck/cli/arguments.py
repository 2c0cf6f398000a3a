"""argparse, made to say three things when it is misused: what was given, what is expected, an example."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from flushcheck.model import Transport, UsageError
from flushcheck.prober import DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S, ladder


class Parser(argparse.ArgumentParser):
    """A parser that shows an example with its errors, and keeps the lines of its epilog."""

    def __init__(self, *args: Any, example: str = "", **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        # A prefix that means --save today may mean two things tomorrow.
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)
        self._example = example

    def error(self, message: str) -> NoReturn:
        usage = " ".join(self.format_usage().removeprefix("usage: ").split())
        example = f"\nexample: {self._example}" if self._example else ""
        self.exit(2, f"{self.prog}: {message}\nexpected: {usage}{example}\n")


def transport_names(given: str) -> list[str]:
    """A comma-separated list of Transports.

    Raises:
        argparse.ArgumentTypeError: a name is not one of theirs.
    """
    names = [name.strip() for name in given.split(",")]
    for name in names:
        if name not in set(Transport):
            raise argparse.ArgumentTypeError(
                f"{name!r} is no transport: expected one or more of {', '.join(Transport)}, "
                f"for example --only chunked,events"
            )
    return names


def idle_seconds(given: str) -> list[float]:
    """A comma-separated list of silences.

    Raises:
        argparse.ArgumentTypeError: one is not a number of seconds that can be tried.
    """
    try:
        return list(ladder(float(one) for one in given.split(",")))
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{given!r}: expected seconds, one or more, for example --idle 65 or --idle 5,30,65,130"
        ) from None


def seconds(given: str) -> float:
    """A time-out.

    Raises:
        argparse.ArgumentTypeError: it is not a number above 0, or it is beyond all patience.
    """
    try:
        value = float(given)
    except ValueError:
        value = 0.0
    if not 0 < value <= MAX_TIMEOUT_S:
        raise argparse.ArgumentTypeError(
            f"{given!r}: expected more than 0 and at most {MAX_TIMEOUT_S:g} seconds, "
            f"for example --timeout {DEFAULT_TIMEOUT_S:g}"
        )
    return value
