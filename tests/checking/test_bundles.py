"""The server programs accept each text to paste: that of every culprit alone, and of all of them together."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from flushcheck.model import Server
from tests.checking.test_programs import ASK, SBIN
from tests.diagnosis.bundled import every_bundle

pytestmark = pytest.mark.live


def squid(file: Path) -> Sequence[str]:
    return ["squid", "-k", "parse", "-f", str(file)]


def php(file: Path) -> Sequence[str]:
    return ["php", "-n", "-c", str(file), "-r", "exit(0);"]


def uwsgi(file: Path) -> Sequence[str]:
    """It loads everything and ends, without a worker; an unknown option is an error."""
    return ["uwsgi", "--strict", "--no-server", "--plugins", "http,python3", "--ini", str(file)]


# The smallest configuration in which a text of each server stands.
AROUND: Mapping[Server, tuple[str, str]] = {
    Server.NGINX: ("server {\nlisten 127.0.0.1:1;\n", "\n}\n"),
    Server.APACHE: ("<VirtualHost 127.0.0.1:1>\n", "\n</VirtualHost>\n"),
    Server.HAPROXY: ("", "\n    mode http\n    timeout connect 5s\n    timeout client 1h\nfrontend f\n    bind 127.0.0.1:1\n"),
    Server.CADDY: ("", "\n"),
    Server.LIGHTTPD: ('server.modules += ( "mod_proxy" )\n', "\n"),
    Server.VARNISH: ('vcl 4.1;\nbackend default {\n    .host = "127.0.0.1";\n}\n', "\n"),
    Server.SQUID: ("http_port 127.0.0.1:1 accel defaultsite=x\n", "\n"),
    Server.PHP: ("", "\n"),
    Server.UWSGI: ("", "\nhttp = 127.0.0.1:0\n"),
}  # fmt: skip
COMMANDS: Mapping[Server, Callable[[Path], Sequence[str]]] = {
    **ASK,
    Server.SQUID: squid,
    Server.PHP: php,
    Server.UWSGI: uwsgi,
}

# Of modules that Debian has no package of.
FOREIGN = ("passenger_buffer_response", "zstd")

TEXTS = [
    pytest.param(server, bundle.change, id=f"{server} {name}")
    for server in AROUND
    for name, bundle in every_bundle(server).items()
]


@pytest.mark.parametrize(("server", "text"), TEXTS)
def test_the_server_program_accepts_the_lines(server: Server, text: str, tmp_path: Path) -> None:
    lines = "\n".join(line for line in text.splitlines() if not line.strip().startswith(FOREIGN))
    if lines.startswith("server {"):
        lines = lines.removeprefix("server {").removesuffix("}")
    file = tmp_path / "conf"
    file.write_text(lines.join(AROUND[server]))
    command = COMMANDS[server](file)
    program = shutil.which(command[0], path=SBIN)
    assert program is not None, f"install {command[0]}"
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:] + file.read_text()
