"""The pages as a site with full-text search: `make docs` writes build/docs.

The source folder is the repository itself. So a relative link is the same on a code host and on the site,
and a page may link to any file: Sphinx copies it beside the pages. With -W Sphinx refuses a dead link, a dead
anchor and a page that CHAPTERS does not list. The build fetches nothing, and the pages load nothing from
other hosts.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from sphinx.application import Sphinx

CHAPTERS = {
    "Use it": (
        "docs/commands",
        "docs/config-check",
        "docs/monitoring",
        "docs/testing",
        "docs/ci",
        "docs/taps",
        "docs/tokens",
        "docs/json",
        "docs/origins",
        "docs/protocol",
        "docs/versions",
        "docs/measured",
        "docs/browsers",
    ),
    "Run the service": (
        "docs/deploy",
        "deploy/README",
        "deploy/paas/README",
        "deploy/shared-hosting/README",
        "deploy/monitoring/README",
        "docs/service",
        "docs/security",
        "docs/performance",
    ),
    "Change the code": (
        "docs/README",
        "docs/architecture",
        "docs/glossary",
        "CONTRIBUTING",
        "tests/lab/README",
        "CHANGELOG",
    ),
}

project = "flushcheck"
html_title = "flushcheck"
extensions = ["myst_parser"]  # Markdown
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "deploy/**.md", "tests/lab/README.md"]
exclude_patterns = [
    ".*",
    "build",
    "bench",
    "flushcheck",
    "tests/[!l]*",
    "tests/l[!a]*",
]  # folders not to walk

myst_heading_anchors = 4  # anchors of headings, as code hosts make them

html_theme = "furo"  # no fonts or scripts of other hosts, dark and light, and search works from disk
_NARROW_CODE = {"code-font-size": "0.72rem"}  # 100 columns, the width of the shown outputs, fit into the page
html_theme_options = {"light_css_variables": _NARROW_CODE, "dark_css_variables": _NARROW_CODE}
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False


def setup(app: Sphinx) -> None:
    """Give the site its table of contents, and the first page a second name."""
    app.connect("source-read", _add_contents)
    app.connect("build-finished", _name_the_first_page_index)


def _add_contents(app: Sphinx, page: str, source: list[str]) -> None:
    if page == root_doc:
        for caption, pages in CHAPTERS.items():
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(pages) + "\n```\n"


def _name_the_first_page_index(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        shutil.copy(Path(app.outdir) / f"{root_doc}.html", Path(app.outdir) / "index.html")
