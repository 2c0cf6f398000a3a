"""Real nginx, configured as Debian configures it, with a site that a test may change as a person would."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.live import nginxconf
from tests.live.processes import child_pids, title
from tests.live.servers.process import (
    READY_WITHIN_S,
    ROOT,
    Service,
    ServiceError,
    connects,
    free_port,
    kept,
    new_folder,
    spawn,
    wait_until,
)

GOOD_SITE = ROOT / "deploy" / "nginx" / "flushcheck.conf"
GOOD_FASTCGI_SITE = ROOT / "deploy" / "nginx" / "fastcgi.conf"


@dataclass(slots=True)
class Nginx(Service):
    """nginx with one site file, which a test may change as a person would."""

    prefix: Path = field(kw_only=True)
    config: Path = field(kw_only=True)  # the site file: what a Fix is applied to
    main: Path = field(kw_only=True)  # nginx.conf, which includes it

    @property
    def text(self) -> str:
        """The site file as it is now."""
        return self.config.read_text()

    def tail(self, lines: int = 60) -> str:
        """Return the end of its error log, its access log and the site file in force."""
        parts = [Service.tail(self, lines)]
        for name in ("error.log", "access.log"):
            path = self.prefix / name
            if path.exists():
                parts += [f"-- {name}", *path.read_text(errors="replace").splitlines()[-lines:]]
        return "\n".join([*parts, f"-- {self.config.name}", self.text])

    def rewrite(self, text: str) -> None:
        """Put another text in the site file and reload; when nginx refuses it, the old text comes back.

        Raises:
            ServiceError: nginx -t says no.
        """
        before = self.text
        self.config.write_text(text)
        try:
            self.reload()
        except ServiceError:
            self.config.write_text(before)
            raise

    def apply_fix(self, change: str, *, location: str | None = "/") -> None:
        """Put directives, as a Fix prints them, into the site file and reload. See nginxconf.apply_fix."""
        self.rewrite(nginxconf.apply_fix(self.text, change, location=location))

    def reload(self) -> None:
        """Have nginx read its files again, and wait until only the new workers take connections.

        The old workers finish the requests that are under way.

        Raises:
            ServiceError: nginx -t says no, or no new workers started.
        """
        _check_config(self.main, self.prefix)
        old = self.workers()
        self.process.send_signal(signal.SIGHUP)

        def new_workers_only() -> bool:
            # An old worker has closed its listening sockets when it calls itself "shutting down".
            now = self.workers()
            return bool(now) and not now & old

        wait_until(self, new_workers_only, "take over by new workers")
        wait_until(self, lambda: connects(self.port), f"listen on {self.url}")

    def workers(self) -> set[int]:
        """Return the pids of the workers that take connections. Linux only: reads /proc."""
        return {pid for pid in child_pids(self.pid) if title(pid).rstrip() == "nginx: worker process"}


@contextmanager
def start_nginx(site: str, *, upstreams: Mapping[int, int] | None = None, main: str = "") -> Iterator[Nginx]:
    """Run nginx as Debian configures it with this site, until the block ends.

    Args:
        site: what stands for a file in sites-enabled/: server blocks and what they need beside them. A
            `listen 80` becomes the free port found; other listens are the caller's. See nginxconf.site and GOOD_SITE.
        upstreams: port in the text → port in this run, e.g. `{8000: origin.port}`.
        main: directives for the top of nginx.conf, such as load_module.

    Raises:
        ServiceError: nginx is missing, refuses the site, or does not listen in time.
    """
    port = free_port()
    prefix = new_folder("nginx")
    (prefix / "tmp").mkdir()
    config = prefix / "site.conf"
    config.write_text(nginxconf.placed(site, port=port, upstreams=upstreams))
    whole = prefix / "nginx.conf"
    user = "root" if os.geteuid() == 0 else None
    whole.write_text(f"{main}\n{nginxconf.debian_main(prefix, config, user=user)}".lstrip())
    _check_config(whole, prefix)
    log = prefix / "output.log"
    process = spawn(_nginx_argv(whole, prefix), log=log, cwd=prefix)
    with kept(Nginx("nginx", port, process, log, prefix=prefix, config=config, main=whole)) as nginx:
        # The master listens before it has workers.
        wait_until(nginx, lambda: bool(nginx.workers()) and connects(port), f"listen on {nginx.url}")
        yield nginx


def why_not_live() -> str | None:
    """Return why no live test can run on this machine, or None when all can."""
    if not sys.platform.startswith("linux"):
        return f"live tests need Linux (/proc), and this is {sys.platform}"
    if nginx_path() is None:
        return "nginx is not installed (on Debian and Ubuntu `make test` installs it)"
    return None


def nginx_path() -> str | None:
    """Return where nginx is; Debian keeps it where only root's PATH looks."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")


def _nginx_argv(main: Path, prefix: Path) -> list[str]:
    """Return the command line of nginx with these files.

    Raises:
        ServiceError: nginx is not installed.
    """
    nginx = nginx_path()
    if nginx is None:
        raise ServiceError(why_not_live() or "nginx is not installed")
    # -e: before it has read its configuration nginx writes to the error log it was built with, which only root may.
    return [nginx, "-p", str(prefix), "-c", str(main), "-e", str(prefix / "error.log")]


def _check_config(main: Path, prefix: Path) -> None:
    """Let nginx test its files.

    Raises:
        ServiceError: it refuses them; the message is nginx's own.
    """
    tested = subprocess.run(
        [*_nginx_argv(main, prefix), "-t"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=READY_WITHIN_S,
        check=False,
    )
    if tested.returncode:
        raise ServiceError(
            f"nginx refuses the site:\n{tested.stderr}\n{main.with_name('site.conf').read_text()}"
        )
