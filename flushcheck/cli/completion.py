"""`flushcheck completion SHELL`: the completion of a shell, written from the commands' own parsers.

shtab writes it; it is imported here only. The shell then completes without starting Python.
"""

from __future__ import annotations

import argparse

from flushcheck.cli.arguments import Parser
from flushcheck.cli.console import Console

SHELLS = ("bash", "zsh", "fish")

_EPILOG = """\
bash:  flushcheck completion bash > ~/.local/share/bash-completion/completions/flushcheck
zsh:   flushcheck completion zsh > "${fpath[1]}/_flushcheck"
fish:  flushcheck completion fish > ~/.config/fish/completions/flushcheck.fish
"""


def configure(parser: Parser) -> None:
    """Set the command's arguments and help."""
    parser.description = "Prints the completion for a shell."
    parser.epilog = _EPILOG
    parser.example = "flushcheck completion bash"
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=f"one of {', '.join(SHELLS)}")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print it; return the exit code."""
    import shtab

    from flushcheck.cli import parser

    console.write(shtab.complete(parser(), shell=arguments.shell).rstrip("\n") + "\n")
    return 0
