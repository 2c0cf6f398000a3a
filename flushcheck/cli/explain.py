"""`flushcheck explain [ID]`: the catalogue, for a person."""

from __future__ import annotations

import argparse
import json

from flushcheck.cli.arguments import Parser
from flushcheck.cli.console import Console
from flushcheck.culprits.catalogue import ENTRIES, find
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
        help="say what a culprit is, how it shows, and what frees it",
        description="Says what a culprit is, how it shows, how flushcheck tells it, what frees it and at "
        "what price. Without ID: lists all.",
        example="flushcheck explain nginx-proxy-buffering",
    )
    parser.add_argument("id", metavar="ID", nargs="?", help="as a report has it; left out: list all")
    parser.add_argument("--json", action="store_true", help="the same as JSON, for scripts")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Do it.

    Raises:
        UsageError: no Culprit has this id.
    """
    entry = find(arguments.id) if arguments.id is not None else None
    if arguments.json:
        data = explanation_document(entry) if entry else catalogue_document(ENTRIES)
        console.write(json.dumps(data, indent=2) + "\n")
    elif entry:
        console.write(explanation_text(entry, width=console.width, color=console.color))
    else:
        console.write(catalogue_text(ENTRIES, width=console.width, color=console.color))
    return 0
