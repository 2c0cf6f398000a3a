"""The recipe "A wire format" of CONTRIBUTING.md: a step that is left out is named, with the file and the line."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from flushcheck.watching import formats
from tests.docs.pages import ROOT, TEXTS
from tests.watching.formats import test_formats

FOLDER = ROOT / "flushcheck" / "watching" / "formats"
NOT_FORMATS = {"__init__", "generic", "wire_format"}
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NOT_FORMATS)


def steps_of_a_wire_format(module: str) -> list[str]:
    """What is missing for this module of flushcheck/watching/formats."""
    known = getattr(import_module(f"flushcheck.watching.formats.{module}"), "FORMAT", None)
    if known is None:
        return [f"write FORMAT in flushcheck/watching/formats/{module}.py"]
    missing = []
    if known not in formats.FORMATS:
        missing.append(f"add {module}.FORMAT to FORMATS in flushcheck/watching/formats/__init__.py")
    fixtures = {row[0] for row in test_formats.ROWS if row[3] == known.name}
    if not any(Path(name).stem == module for name in fixtures):
        missing.append(
            f"write a response as the service sends it to tests/watching/formats/fixtures/{module}.*, and its "
            "row in ROWS, tests/watching/formats/test_formats.py"
        )
    kinds = {letter for row in test_formats.ROWS if row[3] == known.name for letter in row[4]}
    if "e" not in kinds:
        missing.append(f"write a fixture of {known.name} with an error after the first record")
    framings = ", ".join(
        framing.value for framing in sorted(known.framings, key=list(known_framings()).index)
    )
    if f"| {known.name} | {framings} | `{known.end}` |" not in TEXTS["docs/tokens.md"]:
        missing.append(f"add to the table in docs/tokens.md: | {known.name} | {framings} | `{known.end}` |")
    return missing


def known_framings() -> list[str]:
    from flushcheck.watching.framing.frame import Framing

    order = (Framing.EVENTS, Framing.LINES, Framing.VALUES)
    return [*order, *(framing for framing in Framing if framing not in order)]


@pytest.mark.parametrize("module", MODULES)
def test_no_step_is_missing(module):
    missing = steps_of_a_wire_format(module)
    assert not missing, "\n".join(["CONTRIBUTING.md, A wire format:", *missing])


def test_a_step_that_is_left_out_is_named(monkeypatch):
    monkeypatch.setattr(formats, "FORMATS", ())
    monkeypatch.setattr(test_formats, "ROWS", [])
    monkeypatch.setitem(TEXTS, "docs/tokens.md", "")
    steps = "\n".join(steps_of_a_wire_format("mcp"))
    for sentence in ("to FORMATS in", "fixtures/mcp.*", "with an error", "| MCP streamable HTTP |"):
        assert sentence in steps
    assert "write FORMAT" in steps_of_a_wire_format("generic")[0]


def test_the_recipe_names_the_files_of_each_step():
    recipe = TEXTS["CONTRIBUTING.md"].partition("### A wire format\n")[2].partition("\n### ")[0]
    for file in (
        "watching/formats/",
        "FORMATS",
        "tests/watching/formats/fixtures/",
        "ROWS",
        "docs/tokens.md",
    ):
        assert file in recipe, file
