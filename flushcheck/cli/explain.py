"""`flushcheck explain [ID]`: the catalogue, for a person."""

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


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "explain",
        help="explain a culprit: how it shows and how to fix it",
        description="Explains a culprit: what it is, how it shows, how flushcheck detects it, how to fix it "
        "and what the fix costs. Without ID: lists all.",
        example="flushcheck explain nginx-proxy-buffering",
    )
    parser.add_argument("id", metavar="ID", nargs="?", help="the id, as in a report; default: list all")
    parser.add_argument("--json", action="store_true", help="the same as JSON, for scripts")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Do it.

    Raises:
        UsageError: no Culprit has this id.
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
