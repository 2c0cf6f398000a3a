"""uWSGI's settings in any of its formats, as the one tree that the check reads."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs.tree import Directive, Parsed
from flushcheck.configs.uwsgi import parse_text, section_of
from flushcheck.configs.uwsgi.parser import option
from flushcheck.files.xml_tree import TEXT, parse_xml

_YAML = re.compile(
    r"(?:\s*(?:#[^\n]*)?\n)*(?:---[^\n]*\n(?:\s*(?:#[^\n]*)?\n)*)?(?:[\w.-]{1,60}:\s*$|\{)", re.MULTILINE
)


def parse_uwsgi(text: str, file: str) -> Parsed:
    """Build the tree of one file: ini, YAML, JSON or XML."""
    if text.lstrip().startswith("<"):
        parsed = parse_xml(text, file)
        return Parsed(tuple(_xml_sections(parsed.directives)), parsed.problems)
    return parse_text(text, file)


def _xml_sections(elements: tuple[Directive, ...]) -> Iterator[Directive]:
    """Each `<uwsgi>` element; its options are elements with their value as text."""
    pending = list(elements)
    while pending:
        element = pending.pop(0)
        if element.name == "uwsgi":
            name = next((arg.partition("=")[2] for arg in element.args if arg.startswith("id=")), "uwsgi")
            options = tuple(
                option(child.name, _text(child), child.file, child.line)
                for child in element.block or ()
                if child.name != TEXT
            )
            yield section_of(name, options, element.file, element.line, element.name)
        else:
            pending[:0] = element.block or ()


def _text(element: Directive) -> str:
    """The text of an element; uWSGI takes an empty one as true."""
    return " ".join(child.args[0] for child in element.block or () if child.name == TEXT) or "true"
