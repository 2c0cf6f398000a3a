"""What the first words of a command line mean: a command, or an address alone.

`flushcheck URL` needs no command: it becomes the hidden command URL (`any_url.py`). Whether a word is an
address is decided by its form alone, so that a misspelt command is never looked up in DNS.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from flushcheck.model import UsageError

ANY_URL = "URL"  # the hidden command

_ALONE = ("-h", "--help", "--version")
_EXAMPLE = "example: flushcheck http://localhost:8000"

# A host with a dot, a port or brackets, or a local name: "localhost:8000", "example.org/chat", "[::1]:8000".
_ADDRESS = re.compile(
    r"(?:localhost|\[[0-9a-fA-F:.]+\]|[\w-]+(?:\.[\w-]+)+\.?|[\w.-]+(?=:\d))(?::\d{1,5})?(?:[/?].*)?",
    re.DOTALL,
)


def is_address(word: str) -> bool:
    """Whether a word is an address to ask, with or without a scheme."""
    return "://" in word or _ADDRESS.fullmatch(word) is not None


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is most like this one; "" if none is."""
    import difflib  # here: only a mistake needs it

    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return close[0] if close else ""


def with_command(given: Sequence[str], commands: Collection[str]) -> Sequence[str]:
    """Return the arguments with the hidden command in front where they name none.

    Args:
        given: the arguments.
        commands: the names of all commands.

    Raises:
        UsageError: options stand before the command, or the first word is neither a command nor an address.
    """
    first = given[0] if given else ""
    if first == "help":
        named = with_command(given[1:2], commands) if given[1:] else []
        return [*named, "--help"]
    if not first or first in _ALONE or first in commands:
        return given
    if first.startswith("-"):
        return _with_options_first(given, commands)
    if "://" not in first and _is_file(first):
        raise UsageError(
            f"{first[:100]} is a file: expected a command in front, for example "
            f"flushcheck check {first[:100]}, or flushcheck judge for a saved run"
        )
    if is_address(first):
        return [ANY_URL, *given]
    meant = nearest(first, commands)
    did_you_mean = f"; did you mean {meant}?" if meant else ""
    raise UsageError(
        f"{first[:40]!r} is no command{did_you_mean}\nexpected: flushcheck URL, or flushcheck COMMAND with "
        f"one of {', '.join(commands)}\n{_EXAMPLE}"
    )


def _with_options_first(given: Sequence[str], commands: Collection[str]) -> Sequence[str]:
    """An address with options in front of it; argparse would take the value of an option for a command.

    Raises:
        UsageError: there is a command among the arguments, or no address.
    """
    first = given[0]
    if not any(word in commands for word in given) and any(is_address(word) for word in given):
        return [ANY_URL, *given]
    shown = first.partition("=")[0] if first.startswith("--") else first[:2]
    raise UsageError(
        f"{shown}: expected a command first, for example flushcheck diagnose http://localhost:8000"
    )


def _is_file(word: str) -> bool:
    try:
        return Path(word).exists()
    except (OSError, ValueError):
        return False
