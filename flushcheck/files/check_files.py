"""Read and check in one step, for the command and the service."""

from __future__ import annotations

from flushcheck.checking.check import CheckResult, check, merge
from flushcheck.configs.findings import Server
from flushcheck.files.read_configs import ReadResult, read_text
from flushcheck.model import Version


def check_all(read: ReadResult) -> CheckResult:
    """Everything that was read, checked, as one result."""
    return merge(
        [
            *(check(config) for config in read.configs),
            CheckResult(problems=read.problems, skipped=read.skipped),
        ]
    )


def check_text(
    text: str, *, server: Server | None = None, name: str = "pasted", version: Version = ()
) -> CheckResult:
    """Check one text. Its includes are not opened, nothing is stored, nothing is raised.

    Args:
        kind: the server that it configures; None: recognised by name and lines.
        name: what to call it in Findings.
    """
    return check_all(read_text(text, server=server, name=name, version=version))
