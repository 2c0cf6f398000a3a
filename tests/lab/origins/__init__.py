"""Other origins than the plain service: apps that are themselves guilty, and the files that ship, with a token."""

from pathlib import Path

from tests.live.servers import ROOT

FILES = ROOT / "flushcheck" / "origins" / "files"
TOKEN = "token-of-the-laboratory"
UNTIL = "2099-12-31"

# Where a case speaks of them.
NAMES = {"php.php": "flushcheck.php", "node.mjs": "flushcheck.mjs"}


def write_origins(folder: Path) -> None:
    """Put the files of `flushcheck origin write` into a folder, as a person who has set their token."""
    for name, written in NAMES.items():
        text = (FILES / name).read_text().replace("@@TOKEN@@", TOKEN).replace("@@UNTIL@@", UNTIL)
        (folder / written).write_text(text)
