"""Lines for a terminal. Text of the far side is escaped in them: a header must not move the cursor."""

from __future__ import annotations

import textwrap

_COLORS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
_MIN_WIDTH = 40
_MAX_WIDTH = 100  # longer lines are hard to read


class TextWriter:
    """Collects lines of one width, printable and in colours."""

    def __init__(self, width: int, color: bool) -> None:
        """Args:
        width: columns of the terminal.
        color: whether to use ANSI colours.
        """
        self.width = max(_MIN_WIDTH, min(width, _MAX_WIDTH))
        self._color = color
        self._lines: list[str] = []

    def gap(self) -> None:
        """An empty line, if there is none yet."""
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def line(self, text: str, *styles: str) -> None:
        """One line, however long."""
        self._lines.append(self._paint(printable(text), styles))

    def text(
        self, text: str, *, hang: int = 0, style: str = "", style_to: int | None = None, bold: bool = False
    ) -> None:
        """A paragraph, wrapped.

        Args:
            hang: columns by which further lines are indented.
            style: a name in `_COLORS` for the first line; "" for none.
            style_to: how many characters of that line have the style; None: all.
            bold: whether the styled part is bold, too.
        """
        lines = textwrap.wrap(
            printable(text),
            self.width,
            subsequent_indent=" " * hang,
            drop_whitespace=True,
            break_on_hyphens=False,
        ) or [""]
        styles = tuple(name for name in (style, "bold" if bold else "") if name)
        first = lines[0]
        end = len(first) if style_to is None else style_to
        self._lines.append(self._paint(first[:end], styles) + first[end:])
        self._lines += lines[1:]

    def done(self) -> str:
        """All lines, ending in a newline."""
        return "\n".join(self._lines) + "\n"

    def _paint(self, text: str, styles: tuple[str, ...]) -> str:
        if not self._color or not styles:
            return text
        codes = ";".join(_COLORS[style] for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"


def printable(text: str) -> str:
    """The text, with every character that could control a terminal shown as an escape."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )
