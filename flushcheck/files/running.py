"""The configuration that a local server uses: from the server's own program, or from its running process.

The programs are run with read-only options, with a time limit and a bound on their output. If a program fails
(`nginx -T` reads the certificates, so it often needs root), its own message becomes a ReadProblem.
"""

from __future__ import annotations

import glob
import itertools
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from flushcheck.configs.findings import Server
from flushcheck.configs.tree import ReadProblem, version
from flushcheck.files.read_configs import ReadResult, read, read_dump, read_text
from flushcheck.files.sources import MAX_TOTAL_BYTES, Disk, decode, split_dump
from flushcheck.model import UsageError, Version

TIMEOUT_S = 10.0
MAX_ARGUMENT_BYTES = 65_536  # of one process's command line

# Folders of daemons that are missing from an ordinary user's PATH.
_MORE_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/opt/nginx/sbin")


def read_running(server: Server, *, version: Version = ()) -> ReadResult:
    """Read the configuration of the server that runs, or would run, on this machine.

    Args:
        version: of the server program; (): the program is asked.

    Raises:
        UsageError: this machine has no such program, or no file of it.
    """
    return RUNNING[server](version)


def _nginx(given: Version) -> ReadResult:
    program = _program("nginx")
    if program is None:
        raise UsageError(
            "--running nginx: no program nginx on this machine; check a file instead: flushcheck check FILE"
        )
    code, out, err = _run(program, "-T")
    texts = split_dump(out)
    if not texts:
        lines = err.strip().splitlines()
        last = lines[-1] if lines else f"exit {code}"
        reason = f"nginx does not print its configuration: {last}"
        return ReadResult(problems=(ReadProblem("nginx -T", 0, reason),))
    return read_dump(texts, server=Server.NGINX, version=given or _version(_run(program, "-v")[2]))


def _apache(given: Version) -> ReadResult:
    # apache2ctl sets variables that apache2 alone lacks; both print the paths they were built with.
    program = _program("apache2ctl", "apachectl", "apache2", "httpd")
    if program is None:
        raise UsageError(
            "--running apache: no program apache2ctl or httpd on this machine; check a file instead: "
            "flushcheck check FILE"
        )
    _, out, _ = _run(program, "-V")
    built_in = dict(re.findall(r'-D (HTTPD_ROOT|SERVER_CONFIG_FILE)="([^"]*)"', out))
    name = str(
        Path(built_in.get("HTTPD_ROOT", "/etc/apache2"), built_in.get("SERVER_CONFIG_FILE", "apache2.conf"))
    )
    return _files([name], Server.APACHE, given or _version(out))


def _by_process(
    server: Server, title: str, flags: Sequence[str], default: str
) -> Callable[[Version], ReadResult]:
    """A function that reads the files on a running process's command line, or the default one."""

    def read_process(given: Version) -> ReadResult:
        names: list[str] = []
        for args, folder in _processes(title):
            for flag, name in itertools.pairwise(args):
                if flag in flags:
                    names.append(str(Path(folder, name)))
        return _files(names or sorted(glob.glob(default)), server, given)  # noqa: PTH207  # names, as written

    return read_process


def _php(given: Version) -> ReadResult:
    names = [name for pattern in _PHP for name in sorted(glob.glob(pattern))]  # noqa: PTH207
    return _files(names, Server.PHP, given)


_PHP = ("/etc/php/*/fpm/php.ini", "/etc/php/*/fpm/pool.d/*.conf", "/etc/php.ini", "/etc/php-fpm.d/*.conf")


def _gunicorn(given: Version) -> ReadResult:
    # A master and its workers have the same command line.
    commands = dict.fromkeys((shlex.join(args), folder) for args, folder in _processes("gunicorn"))
    hidden = [_hidden(args[0], folder) for args, folder in _command_lines() if args[0].startswith(_MASTER)]
    if not commands and not hidden:
        raise UsageError(
            "--running gunicorn: no gunicorn process on this machine; check a file instead: "
            "flushcheck check Procfile"
        )
    parts = [
        read_text(
            f"web: {line}\n",
            server=Server.GUNICORN,
            name=str(Path(folder, f"gunicorn process {number}")),  # relative names count from there
            version=given,
            files=Disk(),
        )
        for number, (line, folder) in enumerate(commands, start=1)
    ]
    return ReadResult(
        tuple(config for part in parts for config in part.configs),
        (*(problem for part in parts for problem in part.problems), *hidden),
    )


# Where setproctitle is installed, gunicorn replaces its command line by "gunicorn: master [wsgi:app]".
# Source: gunicorn/util.py, _setproctitle, seen on 27.0.1 with setproctitle 1.3.8.
_MASTER = "gunicorn: master ["


def _hidden(title: str, folder: str) -> ReadProblem:
    """A gunicorn whose settings cannot be read, and the file that its settings are usually in."""
    file = Path(folder, "gunicorn.conf.py")  # gunicorn reads this file unless it is told another one
    name = file if file.exists() else file.name
    reason = (
        f"setproctitle hides the command line of this process; check its configuration file instead, "
        f"for example flushcheck check --server gunicorn {name}"
    )
    return ReadProblem(title, 0, reason)


def _files(names: Sequence[str], server: Server, given: Version) -> ReadResult:
    existing = [name for name in dict.fromkeys(names) if os.path.lexists(name)]
    if not existing:
        expected = f", expected {names[0]}" if names else ""
        raise UsageError(
            f"--running {server}: no configuration of {server.display_name} on this machine{expected}; "
            "check a file instead: flushcheck check FILE"
        )
    return read(existing, server=server, version=given)


def _processes(title: str) -> Iterator[tuple[list[str], str]]:
    """Arguments and working folder of every process of this program."""
    for args, folder in _command_lines():
        # A script stands behind its interpreter, a module behind -m.
        for index, arg in enumerate(args[: 3 if args[1:2] == ["-m"] else 2]):
            if Path(arg).name == title:
                yield args[index:], folder
                break


def _command_lines() -> Iterator[tuple[list[str], str]]:
    """Arguments, at least one, and working folder of every process that this user may read."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            with (entry / "cmdline").open("rb") as file:
                raw = file.read(MAX_ARGUMENT_BYTES)
            folder = str((entry / "cwd").readlink())
        except OSError:
            continue  # it has ended, or belongs to another user
        args = [part.decode("utf-8", errors="surrogateescape") for part in raw.split(b"\0") if part]
        if args:  # a kernel thread has none
            yield args, folder


def _program(*names: str) -> str | None:
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_MORE_PATH))
    return next((program for name in names if (program := shutil.which(name, path=path))), None)


def _run(program: str, *args: str) -> tuple[int, str, str]:
    """Run a program: its exit code, standard output and standard error, each cut at MAX_TOTAL_BYTES."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            done = subprocess.run(
                [program, *args],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                timeout=TIMEOUT_S,
                check=False,
            )
            code = done.returncode
        except subprocess.TimeoutExpired:
            return -1, "", f"no output within {TIMEOUT_S:g} s"
        except OSError as error:
            return -1, "", error.strerror or str(error)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(decode(file.read(MAX_TOTAL_BYTES).replace(b"\0", b"?")))
        return code, texts[0], texts[1]


def _version(text: str) -> Version:
    """The first version number in a program's output; () if there is none."""
    match = re.search(r"/(\d+(?:\.\d+)+)", text)
    return version(match[1]) if match else ()


RUNNING: Mapping[Server, Callable[[Version], ReadResult]] = {
    Server.NGINX: _nginx,
    Server.APACHE: _apache,
    Server.HAPROXY: _by_process(Server.HAPROXY, "haproxy", ("-f",), "/etc/haproxy/haproxy.cfg"),
    Server.LIGHTTPD: _by_process(Server.LIGHTTPD, "lighttpd", ("-f",), "/etc/lighttpd/lighttpd.conf"),
    Server.CADDY: _by_process(Server.CADDY, "caddy", ("--config", "-config"), "/etc/caddy/Caddyfile"),
    Server.VARNISH: _by_process(Server.VARNISH, "varnishd", ("-f",), "/etc/varnish/default.vcl"),
    Server.PHP: _php,
    Server.GUNICORN: _gunicorn,
}
