"""XML to the tree of a configuration: an element becomes a Directive with its line.

`<urlCompression doDynamicCompression="true"/>` becomes a Directive "urlCompression" whose args are
`doDynamicCompression=true` and whose block holds the elements inside; text that is not blank is a Directive
TEXT inside. The standard library's expat reads; a document that declares entities is refused, so that none
can be expanded, and nothing outside of the text is opened. An element that is not closed ends with the text.
"""

from __future__ import annotations

from xml.parsers import expat

from flushcheck.configs.tree import MAX_ARGS, Directive, Parsed, TreeBuilder

TEXT = "#text"
_MAX_TEXT = 10_000  # characters of one text that are kept: a setting is shorter


class _Refused(Exception):
    """The document has something that is not read; the reason is its text."""


class _Reader:
    """Takes the events of one document."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.builder = TreeBuilder(file)
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.ordered_attributes = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.EntityDeclHandler = self._entity

    def read(self, text: str) -> Parsed:
        """The tree of the text; what could not be read is a problem at its line."""
        try:
            self._parser.Parse(text.encode("utf-8", errors="replace"), True)
        except expat.ExpatError as error:
            reason = expat.errors.messages.get(error.code, "not well-formed")
            self.builder.problem(error.lineno, f"not understood as XML: {reason}")
        except _Refused as error:
            self.builder.problem(self._parser.CurrentLineNumber, str(error))
        return self.builder.done()

    def _start(self, name: str, attributes: list[str]) -> None:
        line = self._parser.CurrentLineNumber
        pairs = zip(attributes[::2], attributes[1::2], strict=True)
        args = tuple(f"{key}={value}" for key, value in pairs)[:MAX_ARGS]
        self.builder.enter(Directive(name, args, self._file, line, line, written=f"<{name}"))
        if self.builder.is_full(line):
            raise _Refused("the rest was not read")

    def _end(self, _name: str) -> None:
        self.builder.leave()

    def _text(self, text: str) -> None:
        if text.strip():
            # The line on which it ends: the first one of a text over several lines is not known.
            line = self._parser.CurrentLineNumber
            self.builder.add(Directive(TEXT, (text.strip()[:_MAX_TEXT],), self._file, line, line))

    def _entity(self, *_declaration: object) -> None:
        raise _Refused("the document declares entities: not read")


def parse_xml(text: str, file: str) -> Parsed:
    """Build the tree of one XML document."""
    return _Reader(file).read(text)
