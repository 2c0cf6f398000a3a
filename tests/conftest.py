"""What holds for every test: the same settings on every machine, whatever the shell has set."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.live import servers

# A slow, busy machine is not a failure of a decoder, so no deadline; a failing example is printed as code to paste.
hypothesis.settings.register_profile("flushcheck", deadline=None, print_blob=True)
hypothesis.settings.load_profile("flushcheck")

# Everything here talks to the loopback: a proxy from the environment would be the thing under test. Colours and the
# service's own settings from the calling shell would change what is asserted.
FOREIGN = {
    "all_proxy", "http_proxy", "https_proxy", "no_proxy",
    "port", "web_concurrency", "gunicorn_cmd_args",
    "no_color", "force_color", "clicolor", "clicolor_force", "columns", "lines",
}  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Remove the calling shell's settings from the environment, before any module reads them."""
    for name in list(os.environ):
        if name.lower() in FOREIGN or name.upper().startswith("FLUSHCHECK_"):
            del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def _scratch() -> Iterator[None]:
    """A folder that web servers may enter when they have become other users: pytest's own is for its user alone.

    One for all tests, independent of which files run side by side in a process.
    """
    with tempfile.TemporaryDirectory(prefix="flushcheck-tests-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        servers.use_scratch(Path(name))
        yield
        servers.use_scratch(None)
