"""`flushcheck manual`: the manual page in man's own format, written from the commands' own parsers."""

from __future__ import annotations

import argparse
import re

from flushcheck.cli.arguments import Parser
from flushcheck.cli.console import Console


def configure(parser: Parser) -> None:
    """Set the command's arguments and help."""
    parser.description = "Prints the manual page, for man."
    parser.epilog = "flushcheck manual > ~/.local/share/man/man1/flushcheck.1\n"
    parser.example = "flushcheck manual"


def run(_arguments: argparse.Namespace, console: Console) -> int:
    """Print it; return the exit code."""
    from flushcheck.cli import parser
    from flushcheck.version import VERSION

    console.write(manual(parser(), VERSION))
    return 0


def manual(root: Parser, version: str) -> str:
    """The page, ending in a newline. Source of the macros: man(7)."""
    lines = [
        f'.TH FLUSHCHECK 1 "" "flushcheck {_text(version)}" "User Commands"',
        ".SH NAME",
        "flushcheck \\- tests whether streamed responses arrive piece by piece",
        ".SH SYNOPSIS",
        ".B flushcheck",
        "URL [options]",
        ".br",
        ".B flushcheck",
        "COMMAND [options]",
        ".SH DESCRIPTION",
        _text(root.description or ""),
    ]
    for action in root._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                lines += _command(action.choices[choice.dest], choice.help or "")
    lines += [".SH NOTES", *_preformatted(root.epilog or "")]
    return "\n".join(lines) + "\n"


def _command(parser: argparse.ArgumentParser, summary: str) -> list[str]:
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    lines = [
        f'.SH "{_text(parser.prog.upper())}"',
        _text(f"{summary[:1].upper()}{summary[1:]}."),
        ".PP",
        _text(usage),
    ]
    if parser.description:
        lines += [".PP", _text(" ".join(parser.description.split()))]
    for action in parser._actions:
        if action.help == argparse.SUPPRESS or isinstance(action, argparse._SubParsersAction):
            continue
        names = ", ".join(action.option_strings) or str(action.metavar or action.dest)
        value = f" {action.metavar}" if action.option_strings and isinstance(action.metavar, str) else ""
        lines += [".TP", f'.B "{_text(names + value)}"', _text(_help(parser, action))]
    if parser.epilog:
        lines += [".PP", *_preformatted(parser.epilog)]
    return lines


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    if not action.help:
        return "\\&"
    values = {**vars(action), "prog": parser.prog}
    return " ".join((action.help % values).split())


def _preformatted(text: str) -> list[str]:
    return [".nf", *(_text(line) for line in text.rstrip().splitlines()), ".fi"]


def _text(text: str) -> str:
    """Text that troff shows as it is: no line begins a request, and hyphens can be copied."""
    shown = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    shown = shown.replace("…", "...").replace("\\e&", "\\&")
    return re.sub(r"^(?=[.'])", r"\\&", shown)
