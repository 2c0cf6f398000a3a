"""`make docs`: the site builds without a warning, shows every page, loads nothing from elsewhere, and can be searched."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT

PATTERNS = ("*.md", "docs/*.md", "deploy/**/*.md", "tests/lab/README.md")
PAGES = sorted({path.relative_to(ROOT) for pattern in PATTERNS for path in ROOT.glob(pattern)})


def build(source: Path, into: Path) -> subprocess.CompletedProcess[str]:
    """What `make docs` runs."""
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        "-d",
        str(into / "doctrees"),
    ]
    return subprocess.run(
        [*command, "-c", str(DOCS / "site"), str(source), str(into / "html")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("site")
    done = build(ROOT, into)
    assert done.returncode == 0, done.stderr
    return into / "html"


def test_every_page_is_on_the_site_and_in_its_contents(site: Path):
    contents = (site / "index.html").read_text()
    for page in PAGES:
        assert (site / page.with_suffix(".html")).is_file()
        if page != Path("README.md"):
            assert f'href="{page.with_suffix(".html")}"' in contents, (
                f"docs/site/conf.py, CHAPTERS: add {page}"
            )


def test_the_search_knows_the_settings(site: Path):
    assert "flushcheck_stall_" in (site / "searchindex.js").read_text().lower()


def test_the_pages_load_nothing_from_other_hosts(site: Path):
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|link|img|iframe)[^>]+(?:src|href)="((?:https?:)?//[^"]+)"', page.read_text()
        )
        assert loaded == [], page
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//|@import", style.read_text()), style


BROKEN = [
    # a link on a page              what the build says
    ("[x](docs/commandz.md)",       "commandz"),
    ("[x](docs/commands.md#wach)",  "wach"),
    ("![x](docs/page-strems.png)",  "page-strems.png"),
]  # fmt: skip


@pytest.fixture(scope="module")
def refusal(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the build says of the same pages with the broken links."""
    source = tmp_path_factory.mktemp("broken")
    for page in PAGES:
        (source / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / page, source / page)
    with (source / "CHANGELOG.md").open("a") as changelog:
        changelog.write("".join(f"\n{link}\n" for link, _ in BROKEN))
    done = build(source, tmp_path_factory.mktemp("refused"))
    assert done.returncode != 0
    return done.stderr


@pytest.mark.parametrize(("link", "message"), BROKEN)
def test_a_dead_link_stops_the_build(link: str, message: str, refusal: str):
    assert re.search(rf"CHANGELOG\.md.*{re.escape(message)}", refusal), f"{link}: {refusal}"
