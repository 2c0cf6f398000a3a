"""Configuration files: found, read, and handed to the check as Configs.

Start with `read_configs.py`: `read` takes what a person names, `read_text` a text alone, whose includes are
not opened. `syntaxes.py` says how each server's files are read, `includes.py` which files an include names,
`sources.py` where texts come from. `running.py` asks the local server for its configuration. Text that
cannot be read is a ReadProblem in the Config, or beside it if there is none.

Does I/O; imports `model`, `configs` and `checking`.
"""

from __future__ import annotations

from flushcheck.files.check_files import check_all, check_text
from flushcheck.files.read_configs import ReadResult, read, read_dump, read_text
from flushcheck.files.running import RUNNING, read_running

__all__ = [
    "RUNNING",
    "ReadResult",
    "check_all",
    "check_text",
    "read",
    "read_dump",
    "read_running",
    "read_text",
]
