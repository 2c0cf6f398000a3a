"""The name and version of the tool, as they stand in requests and saved runs."""

from __future__ import annotations

from flushcheck.version import VERSION

TOOL = f"flushcheck {VERSION}"
USER_AGENT = f"flushcheck/{VERSION}"
