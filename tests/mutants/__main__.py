"""Run the mutants of one package or of all: `python -m tests.mutants [measurement]`.

Exit code 0: in every package at least 90 % are killed and every survivor is listed in `equivalent.txt`; 1 if not.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.mutants import constants

MIN_KILLED = 0.9
PACKAGES = ("measurement", "diagnosis", "model", "culprits", "configs", "checking")
# Where `constants.py` looks for a failure; mutmut finds the tests of each function by itself.
TESTS = {
    "measurement": ("tests/measurement",),
    "diagnosis": (
        "tests/diagnosis",
        "--ignore=tests/diagnosis/test_busy.py",
        "--ignore=tests/diagnosis/test_recordings.py",
    ),
    "model": ("tests/model", "tests/measurement/test_plan.py"),
    "culprits": ("tests/culprits", "tests/checking/test_fixtures.py", "tests/checking/test_check.py"),
    "configs": ("tests/configs", "tests/checking/test_fixtures.py", "tests/checking/test_check.py"),
    "checking": (
        "tests/checking/test_allow_comments.py",
        "tests/checking/test_check.py",
        "tests/checking/test_cross_check.py",
    ),
}
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
JOBS = os.environ.get("JOBS", "2")
MUTANT = re.compile(r"flushcheck\.(?P<module>[\w.]+)\.x(?:ǁ(?P<cls>\w+)ǁ|_)(?P<function>\w+)__mutmut_\d+")


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test noticed, as `equivalent.txt` writes it: where, and the changed lines."""

    module: str
    change: tuple[str, ...]


def main(only: str) -> int:
    """Run the mutants of `only`, a package or module, or "" for all; return the exit code."""
    packages = [package for package in PACKAGES if only.split(".", maxsplit=1)[0] in ("", package)]
    if not packages:
        print(f"{only}: expected one of {', '.join(PACKAGES)}, for example ONLY=measurement", file=sys.stderr)
        return 2
    _clear_away()
    counts: dict[str, Counter[bool]] = defaultdict(Counter)
    survivors = [*_functions(only, packages, counts), *_constants(only, packages, counts)]
    known = _known()
    unlisted = [survivor for survivor in survivors if survivor not in known]
    for survivor in unlisted:
        print(f"\n{survivor.module}", *survivor.change, sep="\n")
    if not counts:
        print("mutmut tried no mutant: see above", file=sys.stderr)
        return 1
    print(f"\n{'module':<40} {'killed':>6} {'all':>6}")
    for module, count in sorted(counts.items()):
        print(f"{module:<40} {count[True]:>6} {count.total():>6} {_share(count):>6.0%}")
    weak = []
    for package in packages:
        total = sum((counts[module] for module in counts if _package(module) == package), Counter())
        print(f"{package + ', all':<40} {total[True]:>6} {total.total():>6} {_share(total):>6.0%}")
        if _share(total) < MIN_KILLED:
            weak.append(package)
    stale = known - set(survivors) if not only else set()
    for survivor in stale:
        print(f"listed in {EQUIVALENT.name}, and no survivor: {survivor.module} {survivor.change}")
    if unlisted:
        print(f"{len(unlisted)} survivors are not listed in {EQUIVALENT.name}")
    return int(bool(weak or unlisted or stale))


def _package(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def _share(count: Counter[bool]) -> float:
    return count[True] / count.total() if count else 1.0


def _clear_away() -> None:
    """Remove from mutmut's copies what the checkout does not have any more."""
    copies = Path("mutants")
    for copied in ("flushcheck", "tests"):
        for path in (copies / copied).rglob("*.py"):
            if not path.relative_to(copies).exists():
                path.unlink()


def _functions(only: str, packages: Iterable[str], counts: dict[str, Counter[bool]]) -> list[Survivor]:
    """mutmut's mutants."""
    names = [f"flushcheck.{only}*"] if only else [f"flushcheck.{package}*" for package in packages]
    mutmut = [sys.executable, "-m", "mutmut"]
    subprocess.run([*mutmut, "run", "--max-children", JOBS, *names], check=False)
    listed = subprocess.run([*mutmut, "results", "--all", "true"], check=True, capture_output=True, text=True)
    survivors = []
    for name, _, status in (line.strip().partition(": ") for line in listed.stdout.splitlines()):
        match = MUTANT.fullmatch(name)
        if match is None or not match["module"].startswith(only) or status == "not checked":
            continue
        killed = status not in ("survived", "no tests", "suspicious")
        counts[match["module"]][killed] += 1
        if not killed:
            shown = subprocess.run([*mutmut, "show", name], check=True, capture_output=True, text=True)
            lines = tuple(
                f"{line[0]} {line[1:].strip()}"
                for line in shown.stdout.splitlines()
                if line[:1] in "+-" and line[:3] not in ("+++", "---") and line[1:].strip()
            )
            survivors.append(Survivor(match["module"], lines))
    return survivors


def _constants(only: str, packages: Iterable[str], counts: dict[str, Counter[bool]]) -> list[Survivor]:
    """The mutants of module level."""
    survivors = []
    for package in packages:
        for path in sorted(Path("flushcheck", package).rglob("*.py")):
            module = ".".join(path.with_suffix("").parts[1:])
            if not module.startswith(only):
                continue
            for mutant in constants.mutants(path):
                survived = constants.survives(mutant, TESTS[package])
                counts[module][not survived] += 1
                if survived:
                    lines = mutant.path.read_text().splitlines()
                    change = (f"- {lines[mutant.line - 1].strip()}", f"+ {mutant.before} -> {mutant.after}")
                    survivors.append(Survivor(module, change))
    return survivors


def _known() -> set[Survivor]:
    """The listed ones: a paragraph each, the module, the changed lines, and the reason."""
    known = set()
    for paragraph in EQUIVALENT.read_text().split("\n\n"):
        module, *lines = paragraph.strip().splitlines()
        if not module.startswith("#"):
            known.add(Survivor(module, tuple(line for line in lines if line[:2] in ("- ", "+ "))))
    return known


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
