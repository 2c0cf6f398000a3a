"""Run flushcheck as if on another system: `python -m tests.cli.other_system windows check nginx.conf`.

With `each` and a JSON list of commands, one after the other in one process.

What Python lacks on that system is taken away before anything of flushcheck is imported: modules cannot be imported,
functions and constants do not exist, and text whose encoding flushcheck leaves to the system is an error (with Python's
`-X warn_default_encoding`): on Windows that is often not UTF-8. Sources: the availability notes of Python's library reference, and for Windows
the modules that its installer does not have. This is no Windows: paths, the console and the network stay Linux's.
"""

from __future__ import annotations

import asyncio  # noqa: F401  # Windows has its own, without fcntl; here it must be loaded before that goes
import io
import json
import os
import select
import signal
import socket
import subprocess  # noqa: F401  # the same
import sys
import time
import warnings
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

MODULES = {
    "windows": ("fcntl", "termios", "tty", "pty", "resource", "pwd", "grp", "syslog", "readline", "curses", "_curses"),
    "macos": (),
}  # fmt: skip

# gunicorn and gevent can be installed on Windows, but gunicorn does not run there.
NOT_RUN = {"windows": ("gunicorn",), "macos": ()}

MISSING: dict[str, dict[Any, tuple[str, ...]]] = {
    "windows": {
        select: ("poll", "epoll", "POLLIN", "POLLOUT", "POLLERR", "POLLHUP", "POLLNVAL", "POLLPRI", "POLLRDHUP"),
        signal: ("SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGALRM", "SIGCHLD", "SIGPIPE", "alarm",
                 "setitimer", "pthread_sigmask", "pthread_kill", "siginterrupt", "sigwait", "pause"),
        os: ("fork", "forkpty", "getuid", "geteuid", "getgid", "getegid", "getgroups", "setuid", "setgid", "setsid",
             "killpg", "getpgid", "getpgrp", "uname", "mkfifo", "mknod", "chown", "lchown", "fchmod", "fchown",
             "chroot", "sysconf", "confstr", "getloadavg", "nice", "pread", "pwrite", "sendfile", "memfd_create",
             "sched_getaffinity", "sched_yield", "pipe2", "statvfs", "ttyname", "wait4", "openpty", "posix_spawn",
             "O_NONBLOCK", "O_CLOEXEC", "O_NOFOLLOW", "O_DIRECTORY", "EX_OK", "WNOHANG"),
        socket: ("AF_UNIX", "MSG_DONTWAIT", "MSG_NOSIGNAL", "SO_REUSEPORT", "SOCK_CLOEXEC", "SOCK_NONBLOCK",
                 "TCP_NOTSENT_LOWAT", "TCP_INFO", "TCP_CORK", "TCP_QUICKACK", "SO_PEERCRED", "CMSG_LEN", "CMSG_SPACE"),
        time: ("clock_gettime", "clock_getres", "tzset", "pthread_getcpuclockid", "CLOCK_MONOTONIC", "CLOCK_REALTIME"),
    },
    "macos": {
        select: ("epoll", "POLLRDHUP"),
        os: ("memfd_create", "sched_getaffinity", "sched_yield", "pipe2", "posix_fadvise"),
        socket: ("SOCK_CLOEXEC", "SOCK_NONBLOCK", "TCP_NOTSENT_LOWAT", "TCP_INFO", "TCP_CORK", "TCP_QUICKACK",
                 "SO_PEERCRED", "SO_BINDTODEVICE", "SO_MARK"),
        time: ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC_RAW", "pthread_getcpuclockid"),
    },
}  # fmt: skip


class Blocker:
    """Finds none of the modules that the system does not have."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def become(system: str) -> None:
    """Take away what that system does not have."""
    names = (*MODULES[system], *NOT_RUN[system])
    for name in names:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Blocker(names))
    for module, attributes in MISSING[system].items():
        for attribute in attributes:
            if hasattr(module, attribute):
                delattr(module, attribute)
    if system == "windows":
        socket.socketpair = _socketpair_of_tcp  # type: ignore[assignment]
        warnings.filterwarnings("error", category=EncodingWarning, module="flushcheck")


def _socketpair_of_tcp(*_: object) -> tuple[socket.socket, socket.socket]:
    """What Python does on Windows: two ends of a connection over the loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    return server, client


def run_each(commands: list[list[str]]) -> list[list[Any]]:
    """The exit code, standard output and standard error of each command."""
    from flushcheck.cli import main

    results = []
    for arguments in commands:
        output, errors = io.StringIO(), io.StringIO()
        with redirect_stdout(output), redirect_stderr(errors):
            code = main(arguments)
        results.append([code, output.getvalue(), errors.getvalue()])
    return results


if __name__ == "__main__":
    become(sys.argv[1])
    if sys.argv[2] == "each":
        print(json.dumps(run_each(json.loads(sys.argv[3]))))
    else:
        from flushcheck.cli import main

        raise SystemExit(main(sys.argv[2:]))
