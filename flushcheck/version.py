"""The installed version of flushcheck."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("flushcheck")
except PackageNotFoundError:  # a checkout that is not installed
    VERSION = "0+unknown"
