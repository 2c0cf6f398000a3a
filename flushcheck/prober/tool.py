"""The name and version of the tool, as they stand in requests and saved runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("flushcheck")
except PackageNotFoundError:  # run from a checkout that was never installed
    VERSION = "0+unknown"

TOOL = f"flushcheck {VERSION}"
USER_AGENT = f"flushcheck/{VERSION}"
