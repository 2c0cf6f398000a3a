"""The steps of a release, and each reason for which it is refused."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys

import pytest

from release.__main__ import main
from release.steps import (
    CHANGELOG,
    KINDS,
    PLACES,
    Refused,
    check_version,
    checksums,
    current_version,
    dated_changelog,
    with_version,
)
from tests.live.servers import ROOT

VERSIONS = [
    # given       current    the error; "": it may be
    ("0.1.1",     "0.1.0",   ""),
    ("0.2.0",     "0.1.9",   ""),
    ("1.0.0",     "0.9.9",   ""),
    ("0.1.0",     "0.1.0",   "VERSION=0.1.0: expected the version after 0.1.0: 0.1.1, 0.2.0 or 1.0.0"),
    ("0.0.9",     "0.1.0",   "expected the version after 0.1.0"),
    ("0.1.2",     "0.1.0",   "expected the version after 0.1.0"),
    ("0.3.0",     "0.1.0",   "expected the version after 0.1.0"),
    ("0.2.1",     "0.1.0",   "expected the version after 0.1.0"),
    ("v0.2.0",    "0.1.0",   "for example make release VERSION=0.2.0"),
    ("0.2",       "0.1.0",   "for example make release VERSION=0.2.0"),
    ("0.2.0rc1",  "0.1.0",   "for example make release VERSION=0.2.0"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "current", "error"), VERSIONS)
def test_only_the_next_version_may_be_released(given, current, error):
    if not error:
        check_version(given, current)
        return
    with pytest.raises(Refused, match=re.escape(error)):
        check_version(given, current)


BEFORE = "# Changelog\n\nText.\n\n## [Unreleased]\n"
AFTER = "\n## [0.1.0] - 2026-11-27\n\n### Added\n\n- Streams.\n"

CHANGELOGS = [
    # name                 below Unreleased                                             below the version
    ("one kind",           "\n### Added\n\n- A.\n",                                     "### Added\n\n- A.\n"),
    ("kinds in order",     "\n### Fixed\n\n- F.\n\n### Added\n\n- A.\n",                "### Added\n\n- A.\n\n### Fixed\n\n- F.\n"),
    ("a kind in two",      "\n### Added\n\n- A.\n\n### Fixed\n\n- F.\n\n### Added\n- B.\n", "### Added\n\n- A.\n\n- B.\n\n### Fixed\n\n- F.\n"),
    ("an empty kind",      "\n### Added\n\n### Fixed\n\n- F.\n",                        "### Fixed\n\n- F.\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "below", "changes"), CHANGELOGS, ids=[row[0] for row in CHANGELOGS])
def test_what_was_unreleased_is_that_of_the_version(name, below, changes):
    text = dated_changelog(f"{BEFORE}{below}{AFTER}", "0.2.0", "2026-11-28")
    assert text == f"{BEFORE}\n## [0.2.0] - 2026-11-28\n\n{changes}\n{AFTER.lstrip()}"


NOT_POSSIBLE = [
    # name                 text                                     the error
    ("nothing changed",    f"{BEFORE}{AFTER}",                      "CHANGELOG.md: nothing below ## [Unreleased]; expected what this release changes"),
    ("headings alone",     f"{BEFORE}\n### Added\n{AFTER}",         "nothing below ## [Unreleased]"),
    ("no section",         "# Changelog\n",                         "expected ## [Unreleased] as its first section"),
    ("another one first",  f"# Changelog\n{AFTER}",                 "expected ## [Unreleased] as its first section"),
    ("another kind",       f"{BEFORE}\n### News\n\n- A.\n{AFTER}",  "### News: expected Added, Changed, Deprecated, Removed, Fixed or Security"),
    ("no kind",            f"{BEFORE}\n- A.\n{AFTER}",              "'- A.' stands before the first heading"),
    ("the same version",   f"{BEFORE}\n### Added\n\n- A.\n\n## [0.2.0] - 2026-11-01\n", "0.2.0 is there already"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "error"), NOT_POSSIBLE, ids=[row[0] for row in NOT_POSSIBLE])
def test_a_changelog_that_says_nothing_is_refused(name, text, error):
    with pytest.raises(Refused, match=re.escape(error)):
        dated_changelog(text, "0.2.0", "2026-11-28")


def own_files() -> dict[str, str]:
    return {name: (ROOT / name).read_text() for name, _ in PLACES}


def test_the_version_changes_in_each_place():
    files = own_files()
    current = current_version(files["pyproject.toml"])
    changed = with_version(files, current, "77.0.0")
    for name, form in PLACES:
        assert form.format("77.0.0") in changed[name]
        assert form.format(current) not in changed[name]
    with pytest.raises(Refused, match=r"README\.md: expected 'by flushcheck "):
        with_version({**files, "README.md": ""}, current, "77.0.0")


WITHOUT = ["", "version = 1", 'version = "0.1"']


@pytest.mark.parametrize("text", WITHOUT)
def test_a_project_without_a_version_of_three_numbers_is_refused(text):
    with pytest.raises(Refused, match=r'for example version = "0\.1\.0"'):
        current_version(text)


def with_a_change(changelog: str) -> str:
    """After a release there is none."""
    return changelog.replace("## [Unreleased]\n", "## [Unreleased]\n\n### Fixed\n\n- Something.\n", 1)


def test_the_changelog_of_this_tree_can_be_released():
    text = dated_changelog(with_a_change((ROOT / CHANGELOG).read_text()), "77.0.0", "2026-11-28")
    section = text.split("## [77.0.0] - 2026-11-28\n")[1].split("\n## [")[0]
    kinds = re.findall(r"^### (.+)$", section, re.MULTILINE)
    assert kinds == [kind for kind in KINDS if kind in kinds]
    released = re.findall(r"^## \[(?!Unreleased)(.+)$", text, re.MULTILINE)
    assert all(re.fullmatch(r"\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", heading) for heading in released)


def test_checksums_are_those_of_sha256sum(tmp_path):
    files = {"b.whl": b"b", "a.tar.gz": b"a"}
    assert checksums(files).splitlines()[0] == f"{hashlib.sha256(b'a').hexdigest()}  a.tar.gz"
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    done = subprocess.run(["sha256sum", "--check"], input=checksums(files), cwd=tmp_path, text=True, capture_output=True, check=False)  # fmt: skip
    assert done.stdout == "a.tar.gz: OK\nb.whl: OK\n"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with the files that a release changes."""
    for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        monkeypatch.setenv(name, "A Test")
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "test@example.org")
    for name in (*own_files(), CHANGELOG):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / CHANGELOG).write_text(with_a_change((ROOT / CHANGELOG).read_text()))
    run("git init --quiet && git add . && git commit --quiet -m all", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command: str, where: os.PathLike[str]) -> str:
    return subprocess.run(["sh", "-c", command], cwd=where, check=True, capture_output=True, text=True).stdout


EMPTY = re.sub(r"(## \[Unreleased\]\n).*?(?=\n## \[)", r"\1", (ROOT / CHANGELOG).read_text(), flags=re.DOTALL)

REFUSALS = [
    # name                 what is done first                                  version    the error
    ("no version",         "true",                                             "",        "expected one version, for example make release VERSION=0.2.0"),
    ("a changed file",     "echo >> README.md",                                "77.0.0",  "release: the tree has changes that are not committed"),
    ("a new file",         "touch new",                                        "77.0.0",  "release: the tree has changes that are not committed"),
    ("a tag",              "git tag v77.0.0",                                  "77.0.0",  "release: VERSION=77.0.0: the tag v77.0.0 is there already; expected a new version"),
    ("a wrong version",    "true",                                             "77.0.0",  "release: VERSION=77.0.0: expected the version after "),
]  # fmt: skip


@pytest.mark.parametrize(("name", "before", "version", "error"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_a_release_is_refused_with_its_reason(name, before, version, error, checkout, capsys):
    run(before, checkout)
    status = run("git status --porcelain", checkout)
    assert main([version]) == 2
    assert capsys.readouterr().err.startswith(error)
    assert run("git status --porcelain", checkout) == status


def test_a_release_without_a_change_is_refused(checkout, capsys):
    (checkout / CHANGELOG).write_text(EMPTY)
    run("git commit --quiet -am empty", checkout)
    major = int(current_version((checkout / "pyproject.toml").read_text()).split(".")[0])
    assert main([f"{major + 1}.0.0"]) == 2
    assert "nothing below ## [Unreleased]" in capsys.readouterr().err


def test_a_tool_that_fails_leaves_everything_as_it_was(checkout, capsys, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    major = int(current_version((checkout / "pyproject.toml").read_text()).split(".")[0])
    assert main([f"{major + 1}.0.0"]) == 1
    assert capsys.readouterr().err == "release: /bin/false failed; nothing was changed\n"
    assert run("git status --porcelain; git tag", checkout) == ""
    assert not (checkout / "dist" / f"{major + 1}.0.0").exists()
