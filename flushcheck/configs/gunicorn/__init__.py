"""gunicorn: its settings file, and its command line in a systemd unit, a Procfile or a Dockerfile.

`settings_file.py` and `command_line.py` build the tree of one file, `blocks.py` finds the Blocks and the
values in force.
"""

from __future__ import annotations

import re

from flushcheck.configs.findings import Server
from flushcheck.configs.gunicorn.blocks import (
    INCLUDES,
    blocks,
    command_blocks,
    kind,
    pass_reason,
    threads,
    timeout_s,
    unless,
    worker,
    workers,
)
from flushcheck.configs.gunicorn.command_line import DOCKER_LINE, SYSTEMD_LINE, commands, parse_commands
from flushcheck.configs.gunicorn.settings_file import COMPUTED, parse_settings_file
from flushcheck.configs.tree import Format, Parsed

__all__ = [
    "COMPUTED",
    "FORMAT",
    "INCLUDES",
    "blocks",
    "command_blocks",
    "commands",
    "kind",
    "parse",
    "pass_reason",
    "threads",
    "timeout_s",
    "unless",
    "worker",
    "workers",
]

_PYTHON_LINE = re.compile(r"^[ \t]*(?:import|from|def|[A-Za-z_]\w*\s*=)", re.MULTILINE)


def parse(text: str, file: str) -> Parsed:
    """Build the tree of one file of any of the four kinds."""
    name = file.replace("\\", "/").rpartition("/")[2].lower()
    has_commands = name.endswith((".service", ".dockerfile")) or name.startswith(
        ("procfile", "dockerfile", "containerfile")
    )
    is_command = text.lstrip("\n").startswith("web: ")  # of another file, for example supervisord.conf
    if (
        name.endswith(".py")
        or (name.endswith(".conf") and not is_command)
        or (not has_commands and _looks_like_python(text))
    ):
        return parse_settings_file(text, file)
    return parse_commands(text, file)


def _looks_like_python(text: str) -> bool:
    return bool(_PYTHON_LINE.search(text)) and not any(
        SYSTEMD_LINE.match(line) or DOCKER_LINE.match(line) or line.startswith("[")
        for line in text[:20_000].split("\n")
    )


FORMAT = Format(
    server=Server.GUNICORN,
    blocks=blocks,
    pass_reason=pass_reason,
    file_names=(r"(^|/)gunicorn[^/]*\.py$",),
    line_starts=(
        r"(bind|workers|worker_class|threads|timeout|keepalive|wsgi_app|max_requests)\s*=",
        r"(worker_connections|graceful_timeout|preload_app|accesslog|errorlog)\s*=",
        r"def\s+(post_fork|when_ready|on_starting)\(",
    ),
    # No settings file has a section: uwsgi.ini and other files share names of settings.
    excluded_by=re.compile(r"^\[[^\]\n]{1,80}\][ \t]*\r?$", re.MULTILINE),
)
