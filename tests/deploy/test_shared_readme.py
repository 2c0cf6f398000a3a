"""deploy/shared-hosting/README.md: at most five steps, and its commands make the very files that the tests start."""

from __future__ import annotations

import os
import re
import stat
import subprocess

import pytest

from tests.deploy.shared import FOLDER, YOU
from tests.deploy.shipped import DEPLOY

README = (FOLDER / "README.md").read_text()
SECTIONS = {text.partition("\n")[0]: text for text in README.split("\n## ")[1:]}

STEPPED = {
    # section: {where: the shipped file}
    "Passenger": {"flushcheck/passenger_wsgi.py": "passenger/passenger_wsgi.py"},
    "uWSGI": {"uwsgi.ini": "uwsgi/uwsgi.ini"},
    "mod_wsgi": {
        "public_html/flushcheck/flushcheck.wsgi": "mod_wsgi/flushcheck.wsgi",
        "public_html/flushcheck/.htaccess": "mod_wsgi/.htaccess",
    },
    "FastCGI": {
        "public_html/flushcheck/flushcheck.fcgi": "fastcgi/flushcheck.fcgi",
        "public_html/flushcheck/.htaccess": "fastcgi/.htaccess",
    },
    "Plain CGI": {
        "public_html/flushcheck/flushcheck.cgi": "cgi/flushcheck.cgi",
        "public_html/flushcheck/.htaccess": "cgi/.htaccess",
    },
}


def test_every_road_has_its_steps():
    assert set(STEPPED) <= set(SECTIONS)
    linked = {name.partition("/")[0] for files in STEPPED.values() for name in files.values()}
    assert linked == {folder.name for folder in FOLDER.iterdir() if folder.is_dir()}


@pytest.mark.parametrize("section", STEPPED)
def test_at_most_five_steps_and_what_they_make(section, tmp_path):
    text = SECTIONS[section]
    # With the one that is before all of them: five.
    assert 1 <= len(re.findall(r"^\d\. ", text, re.MULTILINE)) <= 4
    (tmp_path / "flushcheck").mkdir()
    (tmp_path / "flushcheck" / "deploy").symlink_to(DEPLOY)
    for command in re.findall(r"`((?:mkdir|cp|sed|chmod) [^`]+)`", text):
        subprocess.run(
            ["sh", "-ec", command],
            cwd=tmp_path / "flushcheck",
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
            check=True,
            capture_output=True,
            timeout=60,
        )
    for where, name in STEPPED[section].items():
        made = tmp_path / where
        assert made.read_text() == (FOLDER / name).read_text().replace(YOU, str(tmp_path))
        started = made.suffix in (".fcgi", ".cgi")
        assert bool(made.stat().st_mode & stat.S_IXOTH) >= started


def test_every_file_that_is_spoken_of_is_there():
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", README):
        assert (FOLDER / target).exists(), target
    for folder, name in re.findall(r"`(passenger|uwsgi|mod_wsgi|fastcgi|cgi)/([\w.]+)`", README):
        assert (FOLDER / folder / name).is_file(), name


def test_the_home_folder_is_the_one_thing_to_change():
    """Every address in a shipped file is on this machine, and every path below the one home."""
    for path in FOLDER.rglob("*"):
        if path.is_file() and path.suffix != ".md":
            for found in re.findall(r"/home/\w+", path.read_text()):
                assert found == YOU, path
