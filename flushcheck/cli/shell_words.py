r"""A command line as text, split into words as bash does: for a line that was pasted as one argument.

Quotes ('…', "…", $'…'), backslashes and continued lines are understood, as browsers write them in "copy as
cURL (bash)". Variables and substitutions are not: their text stays. Source: bash manual, "Quoting".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.model import UsageError

_EXAMPLE = "for example flushcheck watch -- curl -N https://example.org/chat"

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\n]+)
  | \\\r?(?P<continued>\n)
  | \\(?P<escaped>.)
  | \$'(?P<ansi>(?:[^'\\]|\\.)*)'
  | '(?P<single>[^']*)'
  | \$?"(?P<double>(?:[^"\\]|\\.)*)"
  | (?P<stop>[|;<>]|&(?=&|\s|$)|[0-9]>)
  | (?P<plain>[^ \t\n\\'"$|;&<>0-9]+|[$&0-9])
    """,
    re.VERBOSE | re.DOTALL,
)

# Chromium writes a character beyond U+FFFF as two halves of UTF-16.
_ESCAPE = re.compile(
    r"""
    \\(?:u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})
    | u(?P<short>[0-9a-fA-F]{1,4})
    | U(?P<long>[0-9a-fA-F]{1,8})
    | x(?P<byte>[0-9a-fA-F]{1,2})
    | (?P<octal>[0-7]{1,3})
    | (?P<letter>.)
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_LETTERS = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}


def split_words(line: str) -> list[str]:
    """Return the words of the first command of a line; what a pipe or a redirection adds is left out.

    Raises:
        UsageError: a quote has no end, or the line was written for another shell.
    """
    if re.search(r"\^\r?\n|\^\"", line):
        raise UsageError(
            'a line for cmd.exe (^"): expected one for bash, as "Copy as cURL (bash)" of a browser, '
            f"{_EXAMPLE}"
        )
    words: list[str] = []
    word: str | None = None
    for kind, text in _tokens(line.strip()):
        if kind == "stop":
            break
        if kind == "space":
            words += [] if word is None else [word]
            word = None
        elif kind != "continued":
            word = (word or "") + text
    return words if word is None else [*words, word]


def _tokens(line: str) -> Iterator[tuple[str, str]]:
    """Yield the kind and the meaning of each part of a line.

    Raises:
        UsageError: a quote has no end.
    """
    at = 0
    while at < len(line):
        match = _TOKEN.match(line, at)
        if match is None:
            raise UsageError(f"a quote without its end: expected a whole line, {_EXAMPLE}")
        kind = match.lastgroup or ""
        text = match[kind]
        if kind == "ansi":
            text = _ansi(text)
        elif kind == "double":
            text = re.sub(r'\\([\\"$`])|\\\n', lambda escape: escape[1] or "", text)
        yield kind, text
        at = match.end()


def _ansi(text: str) -> str:
    """Return the text between $' and '. Bytes that are written as such may be parts of one character."""

    def escape(match: re.Match[str]) -> str:
        if high := match["high"]:
            return chr(0x10000 + (int(high, 16) - 0xD800) * 0x400 + int(match["low"], 16) - 0xDC00)
        if code := match["short"] or match["long"]:
            value = min(int(code, 16), 0x10FFFF)
            return "?" if 0xD800 <= value < 0xE000 else chr(value)
        if match["byte"] or match["octal"]:
            value = int(match["byte"], 16) if match["byte"] else int(match["octal"], 8) & 255
            return chr(value) if value < 128 else chr(0xDC00 + value)  # as surrogateescape has a byte
        letter = match["letter"]
        return _LETTERS.get(letter, letter if letter in "\\'\"?" else f"\\{letter}")

    return _ESCAPE.sub(escape, text).encode(errors="surrogateescape").decode(errors="surrogateescape")
