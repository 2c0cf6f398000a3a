"""What a fixture expects: `# expect-next: <id>` above the line of a Finding, with `(note)` for a note."""

import re
from collections.abc import Mapping
from pathlib import Path

from flushcheck.checking.check import CheckResult
from flushcheck.configs.findings import Level, Server

CONFIGS = Path(__file__).parents[1] / "config_files"
MARK = re.compile(r"^\s*(?:#|;|//|<!--) expect-next: ([\w-]+)( \(note\))?(?: -->)?\s*$")
COMMENT = re.compile(r"^\s*(?:$|#|;|//|<!--)")

Place = tuple[str, int, str]  # file, line, id


def fixtures(*kinds: str) -> list[Path]:
    """Every fixture in these folders of tests/config_files; by default in all that are named after a server."""
    folders = kinds or tuple(server.value for server in Server)
    return sorted(path for kind in folders for path in (CONFIGS / kind).rglob("*") if path.is_file())


def server_of(path: Path) -> Server:
    """The server that a fixture configures: its folder has that name."""
    return Server(path.relative_to(CONFIGS).parts[0])


def expected(texts: Mapping[str, str]) -> tuple[set[Place], set[Place]]:
    """What must be found, and the notes that must be among those found."""
    findings: set[Place] = set()
    notes: set[Place] = set()
    for file, text in texts.items():
        waiting: list[re.Match[str]] = []
        for number, line in enumerate(text.split("\n"), start=1):
            if mark := MARK.match(line):
                waiting.append(mark)
            elif waiting and not COMMENT.match(line):
                for mark in waiting:
                    (notes if mark[2] else findings).add((file, number, mark[1]))
                waiting = []
        assert not waiting, f"{file}: a mark with nothing behind it"
    return findings, notes


def found(checked: CheckResult) -> tuple[set[Place], set[Place]]:
    """What was found, and the notes."""
    places: dict[Level, set[Place]] = {level: set() for level in Level}
    for finding in checked.findings:
        places[finding.level].add((finding.file, finding.line, finding.culprit.id))
    return places[Level.ERROR] | places[Level.WARNING], places[Level.NOTE]
