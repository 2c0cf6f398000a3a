"""uWSGI's settings in any of its formats, as the one tree that the check reads."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs.tree import Directive, Parsed
from flushcheck.configs.uwsgi import parse_text, section_of
from flushcheck.configs.uwsgi.parser import option
from flushcheck.files.xml_tree import TEXT, parse_xml
from flushcheck.files.yaml_tree import parse_yaml

# A file of YAML or JSON begins with a key alone on its line, or with a brace.
_YAML = re.compile(r"(?:[ \t]*(?:#[^\n]*|---[^\n]*)?\r?\n)*+[ \t]*(?:\{|[\w.-]{1,60}:[ \t]*\r?(?:\n|$))")


def parse_uwsgi(text: str, file: str) -> Parsed:
    """Build the tree of one file: ini, YAML, JSON or XML."""
    if text.lstrip().startswith("<"):
        parsed = parse_xml(text, file)
        return Parsed(tuple(_xml_sections(parsed.directives)), parsed.problems)
    if _YAML.match(text):
        parsed = parse_yaml(text, file)
        return Parsed(tuple(_yaml_sections(parsed.directives)), parsed.problems)
    return parse_text(text, file)


def _yaml_sections(documents: tuple[Directive, ...]) -> Iterator[Directive]:
    """Each key of a document that has options below it; a list gives an option several times."""
    for section in (entry for document in documents for entry in document.block or ()):
        options = [
            option(entry.name, (value.args or ("true",))[0].strip(), value.file, value.line)
            for entry in section.block or ()
            for value in (entry.block if entry.block is not None else (entry,))
        ]
        if options:
            yield section_of(section.name, tuple(options), section.file, section.line, section.name)


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
