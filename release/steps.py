"""The steps of a release that are text in, text out: the version, the changelog, the checksums.

A step that is not possible raises `Refused`, with what was given, what is expected and an example. Nothing
here reads or writes a file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

CHANGELOG = "CHANGELOG.md"

# Where the version stands, and the text around it. Each place must hold the version before this one.
PLACES = (
    ("pyproject.toml", '\nversion = "{}"'),
    ("README.md", "by flushcheck {}"),
    ("Dockerfile", "ARG VERSION={}"),
    ("deploy/kubernetes/flushcheck.yaml", "/flushcheck:{}"),
    ("docs/config-check.md", "rev: v{}"),
    ("docs/ci.md", "/deploy/ci@v{}"),
    ("deploy/ci/action.yml", "/deploy/ci@v{}"),
    ("deploy/ci/gitlab.yml", "/flushcheck@v{}"),
)

# The kinds of change, in the order of Keep a Changelog 1.1.0.
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", re.ASCII)
_SECTION = re.compile(r"^## \[(.+?)\](?: - (\d{4}-\d{2}-\d{2}))?\n", re.MULTILINE)
_KIND = re.compile(r"^### (.+)\n", re.MULTILINE)


class Refused(Exception):
    """The release is not possible as it was asked for; the message says what to do."""


def current_version(pyproject: str) -> str:
    """The version in pyproject.toml.

    Raises:
        Refused: it has none that this command can raise.
    """
    found = re.search(r'^version = "(.+)"$', pyproject, re.MULTILINE)
    if not found or not _VERSION.fullmatch(found[1]):
        raise Refused('pyproject.toml: expected a line with three numbers, for example version = "0.1.0"')
    return found[1]


def check_version(given: str, current: str) -> None:
    """Let only a version pass that follows the current one: one number goes up by 1, those after it are 0.

    Raises:
        Refused: it does not. Source: Semantic Versioning 2.0.0, items 2 and 6 to 8.
    """
    major, minor, patch = (int(part) for part in current.split("."))
    allowed = (f"{major}.{minor}.{patch + 1}", f"{major}.{minor + 1}.0", f"{major + 1}.0.0")
    if given not in allowed:
        raise Refused(
            f"VERSION={given}: expected the version after {current}: {', '.join(allowed[:2])} or "
            f"{allowed[2]}, for example make release VERSION={allowed[1]}"
        )


def dated_changelog(text: str, version: str, date: str) -> str:
    """The changelog with its section Unreleased as that of a version, below an empty Unreleased.

    Changes of the same kind that stand apart are joined, in the order of KINDS.

    Args:
        text: the changelog.
        version: of the release.
        date: of the release, YYYY-MM-DD.

    Raises:
        Refused: the section is missing or empty, or holds another kind of change; or the version is there.
    """
    sections = list(_SECTION.finditer(text))
    if version in [section[1] for section in sections]:
        raise Refused(f"{CHANGELOG}: {version} is there already; expected a new version")
    if not sections or sections[0][1] != "Unreleased":
        raise Refused(f"{CHANGELOG}: expected ## [Unreleased] as its first section")
    start = sections[0].end()
    end = sections[1].start() if len(sections) > 1 else len(text)
    changes = _joined(text[start:end])
    if not changes:
        raise Refused(f"{CHANGELOG}: nothing below ## [Unreleased]; expected what this release changes")
    return f"{text[:start]}\n## [{version}] - {date}\n\n{changes}\n{text[end:]}"


def _joined(section: str) -> str:
    """The changes of a section, one heading for each kind; "" if there are none."""
    heads = list(_KIND.finditer(section))
    before = (section[: heads[0].start()] if heads else section).strip()
    if before:
        raise Refused(
            f"{CHANGELOG}: below ## [Unreleased]: {before.splitlines()[0][:60]!r} stands before the first "
            "heading; expected ### Added or another kind of change"
        )
    changes: dict[str, list[str]] = {}
    ends = [*(head.start() for head in heads[1:]), len(section)]
    for head, end in zip(heads, ends, strict=False):
        if head[1] not in KINDS:
            raise Refused(f"{CHANGELOG}: ### {head[1]}: expected {', '.join(KINDS[:-1])} or {KINDS[-1]}")
        body = section[head.end() : end].strip()
        if body:
            changes.setdefault(head[1], []).append(body)
    return "\n".join(
        f"### {kind}\n\n" + "\n\n".join(changes[kind]) + "\n" for kind in KINDS if kind in changes
    )


def with_version(files: Mapping[str, str], old: str, new: str) -> dict[str, str]:
    """The files of PLACES with the new version.

    Args:
        files: the text of each, by its name.
        old: the version that they hold.
        new: the one that takes its place.

    Raises:
        Refused: a place does not hold the old one.
    """
    changed = dict(files)
    for name, form in PLACES:
        text = changed[name]
        if form.format(old) not in text:
            raise Refused(f"{name}: expected {form.format(old).strip()!r}, which the release changes")
        changed[name] = text.replace(form.format(old), form.format(new))
    return changed


def checksums(files: Mapping[str, bytes]) -> str:
    """The files' SHA-256 as `sha256sum --check` reads it, by name."""
    return "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
