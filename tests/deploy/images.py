"""A container image without a daemon: built by buildah, run by bubblewrap, both from Debian's packages.

What is real: the Dockerfile with all its steps, .dockerignore, the hash-locked installation, the image's own environment,
user, command and health check; at run time a root that nothing can be written to, no capability, process 1 of its own
process namespace, and nothing of the host's environment.

What stands in for something: the base image is made here from Debian 12's own packages (Python 3.11 and the C++ runtime,
under the name that the Dockerfile asks for), because images come from registries and tests do not. The packages come from
a folder that `pip download` filled by the same lock, because pip's settings are the host's. The network is the host's.

It needs root (buildah's chroot isolation mounts), Debian's mirror, and no virtual machine or daemon.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live import servers
from tests.live.servers import ROOT, Service

TOOLS = {"buildah": "buildah", "mmdebstrap": "mmdebstrap", "bwrap": "bubblewrap"}

# What python:3.11-slim-bookworm has of Debian, as far as anything here asks for it; its Python is the same 3.11.
SUITE = "bookworm"
PACKAGES = "python3,python3-pip,dash,coreutils,libc-bin,base-files,libstdc++6"
AS_IN_THE_BASE = "mkdir -p /usr/local/bin && ln -s /usr/bin/python3 /usr/local/bin/python"
BASE_PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

LOCKS = (ROOT / "requirements.lock", ROOT / "deploy" / "docker" / "build.lock")

# The slowest step takes 15 s on a quiet machine with two cores.
STEP_WITHIN_S = 280


class NotBuilt(RuntimeError):
    """A step failed; the message holds the end of what it said."""


def why_not() -> str | None:
    """Return why no image can be built on this machine, or None when one can."""
    if not sys.platform.startswith("linux") or os.geteuid():
        return "building an image without a daemon needs root on Linux: buildah's chroot isolation mounts file systems"
    missing = [package for tool, package in TOOLS.items() if not shutil.which(tool)]
    if missing:
        return f"not installed: {' '.join(missing)} (on Debian and Ubuntu `make test` installs them)"
    argv = ["bwrap", "--ro-bind", "/", "/", "--unshare-user", "--unshare-pid", "true"]
    if subprocess.run(argv, capture_output=True, check=False).returncode:
        return "this machine gives no user and mount namespaces (a container without CAP_SYS_ADMIN?)"
    return None


@dataclass(frozen=True, slots=True)
class Image:
    """A built image, unpacked."""

    root: Path
    config: Mapping[str, Any]  # Docker's: Env, Cmd, User, WorkingDir, Healthcheck, Labels

    @property
    def env(self) -> dict[str, str]:
        """The environment that the image sets."""
        return dict(pair.split("=", 1) for pair in self.config["Env"])

    @property
    def added_bytes(self) -> int:
        """What the image adds to its base, uncompressed; a base from Debian's packages says nothing of the real one."""
        files = (path for top in ("opt/flushcheck", "app") for path in (self.root / top).rglob("*"))
        return sum(path.lstat().st_size for path in files if not path.is_dir())

    def argv(
        self, command: Sequence[str], env: Mapping[str, str] | None = None, *, told: int | None = None
    ) -> list[str]:
        """Return the command line that runs a command inside, as `docker run --read-only --cap-drop ALL` would.

        Args:
            command: what to run.
            env: on top of the image's own environment, like `docker run --env`.
            told: file descriptor to which bubblewrap writes the pid that process 1 has outside.
        """
        user, group = self.config["User"].split(":")
        setenv = [
            word for name, value in {**self.env, **(env or {})}.items() for word in ("--setenv", name, value)
        ]
        return [
            "bwrap",
            *("--ro-bind", str(self.root), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/dev/shm"),
            *("--unshare-user", "--uid", user, "--gid", group, "--cap-drop", "ALL"),
            *("--unshare-pid", "--as-pid-1", "--unshare-ipc", "--unshare-uts", "--die-with-parent"),
            *("--clearenv", *setenv, "--chdir", self.config["WorkingDir"]),
            *(("--info-fd", str(told)) if told is not None else ()),
            *("--", *command),
        ]

    def run(
        self, command: Sequence[str], env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end."""
        return subprocess.run(
            self.argv(command, env), capture_output=True, text=True, timeout=60, check=False
        )

    @contextmanager
    def start(self, env: Mapping[str, str] | None = None) -> Iterator[tuple[Service, int]]:
        """Run the image's own command until the block ends; gives the service, and the pid of its process 1 outside.

        Raises:
            servers.ServiceError: it ended, or did not respond in time.
        """
        port = servers.free_port()
        info = servers.new_folder("container") / "info.json"
        # A shell opens the descriptor: what starts servers hands on none but the three.
        argv = self.argv(self.config["Cmd"], {"PORT": str(port), **(env or {})}, told=9)
        shell = ["sh", "-c", f'exec "$@" 9>{info}', "sh", *argv]
        with servers.start_program("container", shell, port=port, cwd=self.root, ready="/healthz") as service:
            yield service, json.loads(info.read_text())["child-pid"]


@contextmanager
def built(folder: Path) -> Iterator[Image]:
    """Build the Dockerfile, and give the image unpacked until the block ends.

    Args:
        folder: an empty one, for 300 MB.

    Raises:
        NotBuilt: a step failed.
    """
    name = base_name()
    base, wheels, pip_conf = folder / "base.tar", folder / "wheels", folder / "pip.conf"
    _do(
        [
            "mmdebstrap",
            "--quiet",
            "--variant=extract",
            f"--include={PACKAGES}",
            "--mode=root",
            SUITE,
            str(base),
        ]
    )
    for lock in LOCKS:
        argv = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        argv += ["--dest", str(wheels), "--only-binary", ":all:", "--python-version", "3.11"]
        _do([*argv, "--require-hashes", "--requirement", str(lock)])
    pip_conf.write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    store = [f"--root={folder}/store", f"--runroot={folder}/run"]
    buildah = ["buildah", f"--storage-driver={_driver(store)}", *store]
    try:
        _make_base(buildah, base, name)
        mounts = [f"--volume={wheels}:/wheels:ro", f"--volume={pip_conf}:/etc/pip.conf:ro"]
        # --format docker: the OCI's format has no HEALTHCHECK, and buildah would drop it.
        _do(
            [
                *buildah,
                "build",
                "--pull-never",
                "--format=docker",
                "--isolation=chroot",
                "--tag=flushcheck",
                *mounts,
                str(ROOT),
            ]
        )
        container = _do([*buildah, "from", "--pull-never", "flushcheck"])
        yield Image(
            root=Path(_do([*buildah, "mount", container])),
            config=json.loads(_do([*buildah, "inspect", "--type=image", "flushcheck"]))["Docker"]["config"],
        )
    finally:
        # Its mounts first: what is mounted cannot be deleted.
        subprocess.run([*buildah, "umount", "--all"], capture_output=True, timeout=60, check=False)
        subprocess.run([*buildah, "rm", "--all"], capture_output=True, timeout=60, check=False)
        for name in ("store", "run", "wheels"):
            shutil.rmtree(folder / name, ignore_errors=True)
        base.unlink(missing_ok=True)


def base_name() -> str:
    """The Dockerfile's default base image."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith("ARG PYTHON_IMAGE="))


def _driver(store: Sequence[str]) -> str:
    """The quickest of buildah's ways to store layers that works here: overlay does not upon an overlay."""
    argv = ["buildah", "--storage-driver=overlay", *store, "from", "scratch"]
    return (
        "vfs" if subprocess.run(argv, capture_output=True, timeout=60, check=False).returncode else "overlay"
    )


def _make_base(buildah: Sequence[str], base: Path, name: str) -> None:
    container = _do([*buildah, "from", "scratch"])
    _do([*buildah, "add", container, str(base), "/"])
    _do([*buildah, "run", "--isolation=chroot", container, "sh", "-c", AS_IN_THE_BASE])
    _do([*buildah, "config", f"--env=PATH={BASE_PATH}", container])
    _do([*buildah, "commit", "--rm", container, f"docker.io/library/{name}"])


def _do(argv: Sequence[str]) -> str:
    """Run a step; return what it printed.

    Raises:
        NotBuilt: it failed.
    """
    told = subprocess.run(
        argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=STEP_WITHIN_S, check=False
    )
    if told.returncode:
        raise NotBuilt(
            f"{' '.join(argv)} ended with {told.returncode}:\n{told.stdout[-3000:]}\n{told.stderr[-3000:]}"
        )
    return told.stdout.strip()
