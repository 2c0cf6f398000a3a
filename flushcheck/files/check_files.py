"""Reading and judging in one: what the command and the service ask for."""

from __future__ import annotations

from flushcheck.checking.check import CheckResult, check, merge
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import Version
from flushcheck.files.read_configs import ReadResult, read_text


def check_all(got: ReadResult) -> CheckResult:
    """Everything that was read, judged, as one."""
    return merge([*(check(config) for config in got.configs), CheckResult(problems=got.problems)])


def check_text(
    text: str, *, kind: Server | None = None, name: str = "pasted", server_version: Version = ()
) -> CheckResult:
    """Judge one text; what it includes is not opened, nothing is stored, nothing is raised.

    Args:
        kind: whose configuration it is; None: recognised by its name and words.
        name: what to call it in Findings.
    """
    return check_all(read_text(text, server=kind, name=name, version=server_version))
