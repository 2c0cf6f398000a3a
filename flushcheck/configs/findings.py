"""The nouns of the config check: a Culprit at a file and line of a server's configuration.

Apart from the model, because no run of the service or the prober needs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flushcheck.model import Culprit, Fix


class Server(StrEnum):
    """Whose configuration a file is."""

    NGINX = "nginx"
    APACHE = "apache"  # server files and .htaccess
    HAPROXY = "haproxy"
    LIGHTTPD = "lighttpd"
    CADDY = "caddy"
    VARNISH = "varnish"
    PHP = "php"  # php.ini and FPM pools
    GUNICORN = "gunicorn"  # gunicorn.conf.py, or its command line in a unit, Procfile or Dockerfile


class Level(StrEnum):
    """How much a Finding weighs, heaviest first."""

    ERROR = "error"  # holds, blocks or cuts what a browser's reader of a plain app's stream asks for
    WARNING = "warning"  # does so under a condition, which the message states
    NOTE = "note"  # worth knowing


class Action(StrEnum):
    """What an Edit does to the statement it names."""

    BEFORE = "before"  # new lines go in front of it
    AFTER = "after"  # new lines go behind it
    REPLACE = "replace"  # new lines take its place
    INSIDE = "inside"  # new text goes right behind its first word, on its line


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to a file: around which statement, and the lines to write, without their indentation."""

    action: Action
    file: str
    line: int  # where the statement starts, from 1
    end_line: int  # where it ends
    statement: str  # its first word as written: how it is found in its line
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A Culprit at a file and line of a server configuration."""

    culprit: Culprit
    level: Level
    server: Server
    file: str
    line: int  # the guilty line; where a line is missing, that of the block that lacks it
    block: str  # the block concerned, for example "location /stream"
    block_file: str  # another file than `file` where the guilty line is inherited
    block_line: int
    value: str  # what is in force, for example "proxy_buffering on"
    source: str  # where that comes from, for example "nginx's default" or "nginx.conf:12"
    message: str  # one or two sentences: what is in force and what it does; a warning's condition
    fix: Fix
    edits: tuple[Edit, ...] = ()  # the same fix for --diff; empty where no text can say it
    override: str = ""  # what the app can do against it by itself; "" if nothing is known
