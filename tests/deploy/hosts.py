"""Start a shipped file for real, below what its distribution puts around it; only ports and paths are put in place.

The programs themselves are started by tests.lab.programs and tests.live.servers. This module knows what Debian's own
main file says of each, because a shipped file must stream below that, and not in an empty room.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.deploy.shipped import SUB_PATH
from tests.lab import programs
from tests.lab.case import Case, Kind
from tests.live import servers
from tests.live.servers import Service

# What stands around the shipped file, as far as a stream can notice it. Source: /etc of Debian 12's packages.
AROUND: Mapping[str, str] = {
    # With the line that Debian's nginx.conf brings as a comment, and most people put in force.
    "nginx": (
        "gzip_types text/plain text/css application/json application/javascript text/xml application/xml "
        "application/xml+rss text/javascript text/event-stream;\n"
    ),
    "apache": "Timeout 300\nKeepAliveTimeout 5\n",
    "haproxy": (
        "global\n    maxconn 2000\n"
        "defaults\n    mode http\n    option httplog\n    option dontlognull\n"
        "    timeout connect 5000\n    timeout client 50000\n    timeout server 50000\n"
    ),
    "caddy": "{\n    admin off\n    auto_https off\n}\n",
}

# Debian's Apache has these in mods-enabled; what a file needs beyond them, its own steps say.
APACHE_MODULES = "alias deflate filter reqtimeout"

_A2ENMOD = re.compile(r"a2enmod ((?:[a-z][a-z0-9_]+ ?)+)$", re.MULTILINE)


def whole(program: str, text: str) -> str:
    """A shipped file with what stands around it: what the program, and `flushcheck check`, gets to read."""
    return AROUND.get(program, "") + text


@contextmanager
def start(
    program: str,
    text: str,
    *,
    origin: Service | None = None,
    behind: str = "gunicorn",
    sub_path: bool = False,
    options: Mapping[str, str] | None = None,
) -> Iterator[Service]:
    """Run a program with a shipped file until the block ends; it responds at /healthz then.

    Args:
        program: as tests.lab.programs calls it.
        text: the file, as it ships or as a test has changed it.
        origin: what stands behind it, where that is the plain service and runs already.
        behind: what to start there otherwise: gunicorn, fastcgi, nothing, or a case of the laboratory.
        sub_path: the app is at /flushcheck and not at the root.
        options: more for the program's launcher, as the head of a laboratory's case would say it.

    Raises:
        programs.Missing: the program is not installed.
        servers.ServiceError: it refuses the file, or does not come up.
    """
    mount = SUB_PATH if sub_path else ""
    modules = " ".join([APACHE_MODULES, *_A2ENMOD.findall(text)])
    case = Case(
        name=f"{program}/shipped",
        path=Path(),
        kind=Kind.PART,
        why="",
        culprits=(),
        transports=(),
        behind=behind,
        options={"modules": modules, "ready": f"{mount}/healthz", **(options or {})},
        seen={},
        text=placed(program, whole(program, text)),
    )
    with programs.start(case, origin=origin) as service:
        servers.wait_until_ok(service, f"{mount}/healthz")
        yield service


def placed(program: str, text: str) -> str:
    """The text with its public address where the laboratory expects it."""
    if program == "haproxy":
        return text.replace("bind :80\n", "bind 127.0.0.1:8080\n")
    if program == "caddy":
        return text.replace("flushcheck.example {", "http://127.0.0.1:8080 {")
    return text
