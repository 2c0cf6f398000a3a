"""What a person reads first, as text: README.md, CONTRIBUTING.md and docs/, their tables and their marked examples.

An example or table that a test checks has a mark above it: `<!-- name: tests/… runs this -->`. The tests look it up by
that name in all pages, so it may move from one page to another.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md")))
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text() for path in PAGES}

MARK = re.compile(r"^ *<!-- ([\w-]+): (tests/[\w/.]+\.py)\b", re.MULTILINE)


def after_mark(name: str) -> str:
    """The text below the mark of this name, to the end of its page. Exactly one page has that mark."""
    (found,) = (text[text.index(f"<!-- {name}: ") :] for text in TEXTS.values() if f"<!-- {name}: " in text)
    return found


def example(name: str, language: str) -> str:
    """The first code block of this language below a mark."""
    return after_mark(name).split(f"```{language}\n")[1].split("```")[0]


def examples(page: str, language: str) -> list[str]:
    """The code blocks of this language in a page, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", TEXTS[page], re.DOTALL | re.MULTILINE)


def rows(heading: str) -> list[list[str]]:
    """The rows of the table whose head begins with this heading, cell by cell. Exactly one table has it."""
    (found,) = (text[text.index(f"| {heading} |") :] for text in TEXTS.values() if f"| {heading} |" in text)
    lines = found.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))] for line in lines]


def names(cell: str) -> list[str]:
    """The names in `backticks` in a cell, without the dot in front and the brackets behind."""
    return [name.strip(".").removesuffix("[]") for name in re.findall(r"`([^`]+)`", cell)]


def shape(text: str) -> str:
    """The text without what differs from run to run: digits of measured times, nginx's version, and pieces in a cell."""
    text = re.sub(
        r"\s+", " ", text
    ).strip()  # first: a number may stand at a line's end and its unit on the next
    text = re.sub(r"http://[\w.:]+", "URL", text)
    text = re.sub(r"nginx([/ ])\d[\d.]*", r"nginx\1N", text)
    text = re.sub(
        r"measured: [\d-]+ [\d:]+ UTC, in ([\d.]+ s), from \S+, by",
        r"measured: NOW, in \1, from HOST, by",
        text,
    )
    text = re.sub(r"(nonce=|X-Request-ID: )[0-9a-f]{8}", r"\1MARKER", text)
    text = re.sub(r"\d+ ms", "N ms", text)
    text = re.sub(r"\d+\.\d+ s\b", "N s", text)
    return re.sub(r"[.|#\d]{20,}", "PICTURE", text)
