"""Make a release on this machine: `python -m release 0.2.0`, or `make release VERSION=0.2.0`.

    version and changelog  the files of steps.PLACES, and CHANGELOG.md
    build                  the sdist, and from it the wheel and a zipapp for this platform
    SBOM                   CycloneDX, of requirements.lock
    checksums              SHA256SUMS
    git                    a commit and the tag vX.Y.Z

Nothing leaves the machine: the upload is printed. A step that fails leaves the files as they were. The wheel
and the SBOM are the same bytes wherever they are built: their times are the day of the release.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from release.steps import (
    CHANGELOG,
    PLACES,
    Refused,
    check_version,
    checksums,
    current_version,
    dated_changelog,
    with_version,
)


def main(argv: Sequence[str]) -> int:
    """Make the release; 2 if it is refused, with the reason, 1 if a tool failed."""
    if len(argv) != 1 or not argv[0]:
        print("expected one version, for example make release VERSION=0.2.0", file=sys.stderr)
        return 2
    root = Path.cwd()
    try:
        release(root, argv[0], datetime.now(UTC).date().isoformat())
    except Refused as refused:
        print(f"release: {refused}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"release: {error.cmd[0]} failed; nothing was changed", file=sys.stderr)
        return 1
    return 0


def release(root: Path, version: str, date: str) -> None:
    """Check everything, then make the release of the checkout in `root`.

    Raises:
        Refused: it is not possible, and nothing was changed.
        CalledProcessError: a tool failed; the files are as they were.
    """
    texts = checked(root, version, date)
    out = root / "dist" / version
    shutil.rmtree(out, ignore_errors=True)
    try:
        for name, text in texts.items():
            (root / name).write_text(text, encoding="utf-8", newline="\n")
        build(root, out, version, date)
        git(root, "add", *texts)
        git(root, "commit", "--quiet", "--message", f"Release {version}")
    except BaseException:
        git(root, "checkout", "--quiet", "HEAD", "--", *texts)
        shutil.rmtree(out, ignore_errors=True)
        raise
    git(root, "tag", "--annotate", "--message", f"flushcheck {version}", f"v{version}")
    print(f"flushcheck {version}, in {out.relative_to(root)}:")
    print("".join(f"  {path.name}\n" for path in sorted(out.iterdir())), end="")
    print("To publish it:")
    print(f"  git push origin HEAD v{version}")
    print(f"  twine upload {out.relative_to(root)}/*.whl {out.relative_to(root)}/*.tar.gz")
    print("  and on the code host, to the release of that tag: the .pyz, the SBOM and SHA256SUMS")


def checked(root: Path, version: str, date: str) -> dict[str, str]:
    """The files that the release changes, with their new text.

    Raises:
        Refused: the release is not possible.
    """
    if git(root, "status", "--porcelain"):
        raise Refused("the tree has changes that are not committed: commit them first, or `git stash`")
    names = dict.fromkeys([name for name, _ in PLACES])
    texts = {name: (root / name).read_text(encoding="utf-8") for name in names}
    if git(root, "tag", "--list", f"v{version}"):
        raise Refused(f"VERSION={version}: the tag v{version} is there already; expected a new version")
    current = current_version(texts["pyproject.toml"])
    check_version(version, current)
    changelog = dated_changelog((root / CHANGELOG).read_text(encoding="utf-8"), version, date)
    return {**with_version(texts, current, version), CHANGELOG: changelog}


def build(root: Path, out: Path, version: str, date: str) -> None:
    """Build everything into `out`.

    Raises:
        CalledProcessError: a tool failed.
    """
    epoch = int(datetime.fromisoformat(f"{date}T00:00:00+00:00").timestamp())
    # cyclonedx-py warns that requirements.lock does not say who needs what.
    environ = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "PYTHONWARNINGS": "ignore::UserWarning"}

    def run(*command: str) -> None:
        subprocess.run(command, cwd=root, env=environ, check=True, stdin=subprocess.DEVNULL)

    own = Path(sys.executable).parent
    run(sys.executable, "-m", "build", "--quiet", "--outdir", str(out), ".")
    (wheel,) = out.glob("*.whl")
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    zipapp = out / f"flushcheck-{version}-{python}-{sysconfig.get_platform()}.pyz"
    run(str(own / "shiv"), "--quiet", "--reproducible", "--console-script", "flushcheck", "--output-file",
        str(zipapp), str(wheel))  # fmt: skip
    run(str(own / "cyclonedx-py"), "requirements", "--pyproject", "pyproject.toml", "--output-reproducible",
        "--output-file", str(out / f"flushcheck-{version}.cdx.json"), "requirements.lock")  # fmt: skip
    sums = checksums({path.name: path.read_bytes() for path in out.iterdir()})
    (out / "SHA256SUMS").write_text(sums, encoding="ascii", newline="\n")


def git(root: Path, *arguments: str) -> str:
    """What a git command prints.

    Raises:
        CalledProcessError: it failed.
    """
    done = subprocess.run(
        ["git", *arguments], cwd=root, check=True, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    )
    return done.stdout.strip()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
