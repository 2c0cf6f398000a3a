"""Read and check in one step, for the command and the service."""

from __future__ import annotations

from collections.abc import Collection

from flushcheck.checking.check import CheckResult, check, merge
from flushcheck.configs.address import Address
from flushcheck.configs.assumptions import Assumption
from flushcheck.configs.findings import Server
from flushcheck.files.read_configs import ReadResult, read_text
from flushcheck.model import Version


def check_all(
    read: ReadResult, assumed: Collection[Assumption] = (), address: Address | None = None
) -> CheckResult:
    """Everything that was read, checked, as one result.

    Args:
        assumed: what a person states about the parts that no file shows.
        address: only the blocks that requests for it come to are checked; None: every block.
    """
    results = [check(config, assumed, address) for config in read.configs]
    return merge([*results, CheckResult(problems=read.problems, skipped=read.skipped)])


def check_text(
    text: str,
    *,
    server: Server | None = None,
    name: str = "pasted",
    version: Version = (),
    assumed: Collection[Assumption] = (),
) -> CheckResult:
    """Check one text. Its includes are not opened, nothing is stored, nothing is raised.

    Args:
        server: the one that it configures; None: recognised by name and lines.
        name: what to call it in Findings.
    """
    return check_all(read_text(text, server=server, name=name, version=version), assumed)
