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
# Those of its steps that only TLS needs, and what `a2enmod ssl` brings along.
TLS_MODULES = ("ssl", "http2")
TLS_DEPENDS = "socache_shmcb"

# Where the shipped files look for a certificate -> the laboratory's throw-away one.
CERTIFICATES: Mapping[str, str] = {
    "/etc/letsencrypt/live/flushcheck.example/fullchain.pem": "/run/lab/cert.pem",
    "/etc/letsencrypt/live/flushcheck.example/privkey.pem": "/run/lab/key.pem",
    "/etc/haproxy/certs/flushcheck.example.pem": "/run/lab/both.pem",
    "/etc/ssl/flushcheck/fullchain.pem": "/run/lab/cert.pem",
    "/etc/ssl/flushcheck/privkey.pem": "/run/lab/key.pem",
}

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
    tls: bool = False,
    version: str = "",
    options: Mapping[str, str] | None = None,
) -> Iterator[Service]:
    """Run a program with a shipped file until the block ends; it responds at /healthz then.

    Args:
        program: as tests.lab.programs calls it.
        text: the file, as it ships or as a test has changed it.
        origin: what stands behind it, where that is the plain service and runs already.
        behind: what to start there otherwise: gunicorn, fastcgi, nothing, or a case of the laboratory.
        sub_path: the app is at /flushcheck and not at the root.
        tls: reach it over TLS, with the certificate of tests.lab.tls; the text has its lines for that in force.
        version: of the program, as tests.lab.versions has it; "": the installed one.
        options: more for the program's launcher, as the head of a laboratory's case would say it.

    Raises:
        programs.Missing: the program is not installed.
        servers.ServiceError: it refuses the file, or does not come up.
    """
    mount = SUB_PATH if sub_path else ""
    named = " ".join(_A2ENMOD.findall(text)).split()
    modules = [name for name in named if tls or name not in TLS_MODULES]
    if tls:
        modules.append(TLS_DEPENDS)
    case = Case(
        name=f"{program}/shipped",
        path=Path(),
        kind=Kind.PART,
        why="",
        culprits=(),
        transports=(),
        behind=behind,
        options={
            "modules": " ".join([APACHE_MODULES, *modules]),
            "ready": f"{mount}/healthz",
            **(options or {}),
        },
        seen={},
        text=placed(program, whole(program, text), tls=tls),
        tls=tls,
        version=version,
    )
    with programs.start(case, origin=origin) as service:
        if not tls:
            servers.wait_until_ok(service, f"{mount}/healthz")
        yield service


def placed(program: str, text: str, *, tls: bool) -> str:
    """The text with its public address, and its certificate, where the laboratory expects them."""
    for name, here in CERTIFICATES.items():
        text = text.replace(name, here)
    if program == "nginx" and tls:
        # The laboratory gives 443 the port of the case; 80 stays beside it on another one.
        return re.sub(r"(?m)^(\s*listen) 80;", r"\1 127.0.0.1:8080;", text)
    if program == "haproxy":
        text = text.replace("bind :80\n", "bind 127.0.0.1:8080\n")
        return text.replace("bind :443 ", "bind 127.0.0.1:8443 ").replace(
            "quic4@:443 ", "quic4@127.0.0.1:8443 "
        )
    if program == "caddy":
        address = "https://localhost:8443" if tls else "http://127.0.0.1:8080"
        return re.sub(r"(?m)^flushcheck\.example \{", f"{address} {{", text)
    return text
