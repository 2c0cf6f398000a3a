"""Lines for a terminal, made of text that may come from a stranger: a header must not move the cursor."""

from __future__ import annotations

import textwrap

_COLORS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
_LEAST_WIDTH = 40
_MOST_WIDTH = 100  # longer lines are hard to read


class Page:
    """Lines of a width, printable and coloured."""

    def __init__(self, width: int, color: bool) -> None:
        """Args:
        width: columns of the terminal.
        color: whether to use ANSI colours.
        """
        self.width = max(_LEAST_WIDTH, min(width, _MOST_WIDTH))
        self._color = color
        self._lines: list[str] = []

    def gap(self) -> None:
        """An empty line."""
        self._lines.append("")

    def line(self, text: str, *hues: str) -> None:
        """One line, however long."""
        self._lines.append(self._paint(printable(text), hues))

    def text(
        self, text: str, *, hang: int = 0, hue: str = "", hue_to: int | None = None, bold: bool = False
    ) -> None:
        """A paragraph; further lines are set in by `hang`, the first `hue_to` characters coloured."""
        lines = textwrap.wrap(
            printable(text),
            self.width,
            subsequent_indent=" " * hang,
            drop_whitespace=True,
            break_on_hyphens=False,
        ) or [""]
        hues = tuple(name for name in (hue, "bold" if bold else "") if name)
        first = lines[0]
        end = len(first) if hue_to is None else hue_to
        self._lines.append(self._paint(first[:end], hues) + first[end:])
        self._lines += lines[1:]

    def done(self) -> str:
        """All of it, ending in a newline."""
        return "\n".join(self._lines) + "\n"

    def _paint(self, text: str, hues: tuple[str, ...]) -> str:
        if not self._color or not hues:
            return text
        codes = ";".join(_COLORS[hue] for hue in hues)
        return f"\x1b[{codes}m{text}\x1b[0m"


def printable(text: str) -> str:
    """The text with everything that could steer a terminal shown as an escape."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )
