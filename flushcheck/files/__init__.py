"""The hand that opens configuration files and gives the core plain Directives.

`read` takes what a person names: files, folders, "-" for standard input; `read_text` takes a text alone and
opens nothing; `read_running` asks the local server. Whatever cannot be read is a Trouble in the Config, or,
where no Config comes of it, beside it. `check_all` and `check_text` judge as well.
"""

from __future__ import annotations

from flushcheck.files.check_files import check_all, check_text
from flushcheck.files.read_configs import UNKNOWN, ReadResult, read, read_dump, read_text
from flushcheck.files.running import RUNNING, read_running

__all__ = [
    "RUNNING",
    "UNKNOWN",
    "ReadResult",
    "check_all",
    "check_text",
    "read",
    "read_dump",
    "read_running",
    "read_text",
]
