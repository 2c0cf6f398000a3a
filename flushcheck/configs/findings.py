"""What the config check finds: a Culprit at a file and line of a server's configuration, and its edits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from flushcheck.model import Culprit, Fix, Server

__all__ = ["Action", "Edit", "Finding", "Level", "Reader", "Server", "level_for"]


class Level(StrEnum):
    """How severe a Finding is, most severe first."""

    ERROR = "error"  # holds, blocks or cuts the stream of a plain app on its way to a browser
    WARNING = "warning"  # does so under a condition, which the message states
    NOTE = "note"  # worth knowing


class Reader(StrEnum):
    """A kind of reader, by what it speaks to the server that a configuration is for."""

    PLAIN = "plain"  # http without TLS, browsers too
    HTTP1 = "http1"  # HTTP/1.1 over TLS: curl --http1.1, many libraries, other proxies and CDNs
    BROWSER = "browser"  # over TLS: HTTP/2 or HTTP/3 wherever the server offers it, else HTTP/1.1

    @property
    def plural(self) -> str:
        """For sentences."""
        return _PLURALS[self]


_PLURALS = {
    Reader.PLAIN: "clients over plain http",
    Reader.HTTP1: "HTTP/1.1 clients over TLS",
    Reader.BROWSER: "browsers",
}


def level_for(readers: Sequence[Reader]) -> Level:
    """How severe a certain hold is: a warning where browsers do not meet it."""
    return Level.WARNING if tuple(readers) == (Reader.HTTP1,) else Level.ERROR


class Action(StrEnum):
    """What an Edit does to its statement."""

    BEFORE = "before"  # new lines go in front of it
    AFTER = "after"  # new lines go behind it
    REPLACE = "replace"  # new lines take its place
    INSIDE = "inside"  # new text goes right behind its first word, on its line


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to a file: at which statement, and the lines to write, without their indentation."""

    action: Action
    file: str
    line: int  # where the statement starts, from 1
    end_line: int  # where it ends
    statement: str  # its first word as written: by this it is found in its line
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A Culprit at a file and line of a server configuration."""

    culprit: Culprit
    level: Level
    server: Server
    file: str
    line: int  # of the setting at fault; where the file has no line for it, the line of the block
    block: str  # the block that passes to an app, for example "location /stream"
    block_file: str  # differs from `file` where the line at fault is inherited from another file
    block_line: int
    value: str  # in force, for example "proxy_buffering on"
    source: str  # of the value, for example "nginx's default" or "nginx.conf:12"
    message: str  # one or two sentences: the value in force and its effect; for a warning, the condition
    fix: Fix
    edits: tuple[Edit, ...] = ()  # the same fix for --diff; empty where no text can express it
    override: str = ""  # what the app itself can do about it; "" if nothing is known
    readers: tuple[Reader, ...] = ()  # who meets it; (): every reader of the block
    explicit: bool = False  # a line of the file is at fault; False: the lack of one

    @property
    def holds(self) -> bool:
        """Whether it keeps a stream back, if only under a condition."""
        return self.culprit.holds and self.level is not Level.NOTE
