"""The name and version of this tool, as sent in requests and stored in saved runs."""

from __future__ import annotations

from flushcheck.version import VERSION

TOOL = f"flushcheck {VERSION}"
USER_AGENT = f"flushcheck/{VERSION}"
