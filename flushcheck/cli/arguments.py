"""argparse with errors that say what was given, what is expected, and an example."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from flushcheck.model import Transport, UsageError

MAX_USAGE = 300  # characters of the usage below an error


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of a text that has them, and wraps any other."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return super()._fill_text(text, width, indent)
        return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent)


class Parser(argparse.ArgumentParser):
    """A parser that shows an example with its errors, and keeps the line breaks of its epilog."""

    def __init__(self, *args: Any, example: str = "", **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", HelpFormatter)
        # A prefix that means --save today may be ambiguous tomorrow.
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)
        self.example = example

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse all arguments. What is left over may be half of a header whose quotes were forgotten: of
        such arguments, only options and URLs are shown.
        """
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            command = self.of_command(getattr(parsed, "command", None))
            shown = " ".join(map(_shown, unknown))
            command.error(f"unrecognized arguments: {shown}{command.did_you_mean(unknown)}")
        return parsed

    def of_command(self, name: str | None) -> Parser:
        """The parser of a command, whose usage line says more than that of the root; this one without it."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction) and name in action.choices:
                chosen: Parser = action.choices[name]
                return chosen
        return self

    def did_you_mean(self, unknown: Sequence[str]) -> str:
        """The option that is most like the first unknown one, as the end of a sentence; "" if none is."""
        from flushcheck.cli.first_words import nearest

        option = next((word.partition("=")[0] for word in unknown if word.startswith("--")), "")
        meant = nearest(option, [name for name in self._option_string_actions if name.startswith("--")])
        return f"; did you mean {meant}?" if option and meant else ""

    def error(self, message: str) -> NoReturn:
        lines = self.format_usage().removeprefix("usage: ").split("\n       flushcheck")
        usage = "\n      or: flushcheck ".join(" ".join(line.split()) for line in lines)
        if len(usage) > MAX_USAGE:
            usage = self._usage_without_options()
        example = f"\nexample: {self.example}" if self.example else ""
        self.exit(2, f"{self.prog}: {message}\nexpected: {usage}{example}\n")

    def _usage_without_options(self) -> str:
        """The usage of a command with so many options that the error above them would be lost."""
        formatter = self._get_formatter()
        formatter.add_usage(None, self._get_positional_actions(), [], prefix="")
        usage = " ".join(formatter.format_help().split())
        # An address alone takes the options of `diagnose`.
        command = self.prog.partition(" ")[2] or "diagnose"
        return f"{usage} [options]\noptions: flushcheck help {command} lists them"


def _shown(argument: str) -> str:
    if argument.startswith("--"):
        return argument.partition("=")[0]
    if argument.startswith("-"):
        return argument[:2]
    if not argument.startswith(("http://", "https://")):
        return "…"
    from flushcheck.prober.address import without_login

    return without_login(argument)


# What people call the transports elsewhere.
TRANSPORT_ALIASES = {
    "poll": "polling",
    "xhr": "polling",
    "fetch": "chunked",
    "http": "chunked",
    "stream": "chunked",
    "event": "events",
    "eventsource": "events",
    "sse": "events",
    "ws": "websocket",
    "wss": "websocket",
    "websockets": "websocket",
}


def transport_names(given: str) -> list[str]:
    """A comma-separated list of transports, by their own names or by those that people use for them.

    Raises:
        argparse.ArgumentTypeError: a name is unknown.
    """
    meant = ",".join(TRANSPORT_ALIASES.get(name.strip().lower(), name) for name in given.split(","))
    return _names(meant, tuple(Transport), "a transport", "--only chunked,events")


def client_list(given: str) -> list[str]:
    """A comma-separated list of clients.

    Raises:
        argparse.ArgumentTypeError: a name is unknown.
    """
    from flushcheck.prober.arguments import CLIENTS

    return _names(given, CLIENTS, "a client", "--clients browser")


def _names(given: str, known: Sequence[str], kind: str, example: str) -> list[str]:
    names = [name.strip() for name in given.split(",")]
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(
                f"{name!r} is not {kind}: expected one or more of {', '.join(known)}, for example {example}"
            )
    return names


def idle_seconds(given: str) -> list[float]:
    """A comma-separated list of silences, in seconds.

    Raises:
        argparse.ArgumentTypeError: an entry is not a number, or out of bounds.
    """
    from flushcheck.prober import parse_silences

    try:
        return list(parse_silences(float(entry) for entry in given.split(",")))
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{given!r}: expected one or more numbers of seconds, for example 65 or 5,30,65,130"
        ) from None


def add_addresses(parser: Parser, what: str, *, direct: str) -> None:
    """Add `--direct` and `--at`: the addresses that are asked beside the public one.

    Args:
        parser: of a command.
        what: is asked for there, for example "the same stream".
        direct: the help of `--direct`.
    """
    parser.add_argument("--direct", metavar="URL", default="", help=direct)
    parser.add_argument(
        "--at",
        metavar="NAME=URL",
        action="append",
        default=[],
        type=named_address,
        help=f"{what} behind one hop more; from the app outwards, as often as there are hops",
    )


def named_address(given: str) -> tuple[str, str]:
    """A name and a URL.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    from flushcheck.prober.address import without_login
    from flushcheck.prober.arguments import MAX_NAME

    name, equals, url = given.partition("=")
    if not equals or not name.isprintable() or not 0 < len(name) <= MAX_NAME or "/" in name:
        raise argparse.ArgumentTypeError(
            f"{without_login(given)[:60]}: expected a name and a URL, for example ingress=http://10.0.0.5/chat"
        )
    return name, url


def timeout(*, maximum_s: float, example_s: float) -> Callable[[str], float]:
    """The argparse type of a `--timeout` option: a number of seconds above 0, at most `maximum_s`.

    It raises argparse.ArgumentTypeError for anything else.
    """

    def read(given: str) -> float:
        try:
            value = float(given)
        except ValueError:
            value = 0.0
        if not 0 < value <= maximum_s:
            raise argparse.ArgumentTypeError(
                f"{given!r}: expected more than 0 and at most {maximum_s:g} seconds, "
                f"for example --timeout {example_s:g}"
            )
        return value

    return read
