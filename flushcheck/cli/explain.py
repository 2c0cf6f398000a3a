"""`flushcheck explain [ID]`: the catalogue of culprits, as text or JSON."""

from __future__ import annotations

import argparse
import json

from flushcheck.cli.arguments import Parser
from flushcheck.cli.console import Console
from flushcheck.culprits import CULPRITS
from flushcheck.culprits.catalogue import find
from flushcheck.reports.explain import (
    catalogue_document,
    catalogue_text,
    explanation_document,
    explanation_text,
)


def configure(parser: Parser) -> None:
    """Set the command's arguments and help."""
    parser.description = (
        "Explains a culprit: what it is, how it shows, how flushcheck detects it, and how to fix it. "
        "Without ID: lists all culprits."
    )
    parser.example = "flushcheck explain nginx-proxy-buffering"
    parser.add_argument("id", metavar="ID", nargs="?", help="the id in a report; without it: list all")
    parser.add_argument("-j", "--json", action="store_true", help="print JSON, for scripts")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print the explanation; return the exit code.

    Raises:
        UsageError: no culprit has this id.
    """
    culprit = find(arguments.id) if arguments.id is not None else None
    if arguments.json:
        data = explanation_document(culprit) if culprit else catalogue_document(CULPRITS.values())
        console.write(json.dumps(data, indent=2) + "\n")
    elif culprit:
        console.write(explanation_text(culprit, width=console.width, color=console.color))
    else:
        console.write(catalogue_text(CULPRITS.values(), width=console.width, color=console.color))
    return 0
