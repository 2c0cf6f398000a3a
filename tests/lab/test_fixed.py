"""The text to paste, in the very files of a case: every transport flows then."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lab import fixed, versions
from tests.lab.bench import diagnose
from tests.lab.case import Case, find
from tests.lab.programs import scratch
from tests.lab.setting import WHERE

# `make lab` fetches their programs.
FETCHED = {
    "envoy/zstd-defaults": bool(versions.version_of("envoy", "1.40")),
    "traefik/buffering-request": bool(versions.version_of("traefik", "3.7")),
}
# A run does not show its culprit, and it has another one that no line of its file frees.
FROM_THE_FILE = "uwsgi/tofile"
# A silence of seconds has to be waited for, before and after.
SLOW = ("haproxy/delay-and-timeout",)
CASES = (
    "nginx/bare",
    "nginx/good-before-bad",
    "apache/security-no-upgrade",
    "caddy/encode-and-buffer",
    "varnish/filters",
    *(name for name, here in FETCHED.items() if here),
    *(SLOW if os.environ.get("LONG") else ()),
)

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        not os.environ.get("CI")
        and not all(shutil.which(name, path=WHERE) for name in ("nginx", "apache2", "caddy")),
        reason="the lab's servers are not installed (on Debian and Ubuntu `make lab` installs them)",
    ),
]


@pytest.fixture(scope="module")
def rows() -> dict[str, list[fixed.Row]]:
    """What became of each case; they run side by side."""

    def run(name: str) -> list[fixed.Row]:
        return list(fixed.rows(find(name), lambda url, case: diagnose(url, case)[0], alone=False))

    names = (*CASES, FROM_THE_FILE)
    with scratch(), ThreadPoolExecutor(len(CASES)) as pool:
        return dict(zip(names, pool.map(run, names), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_the_lines_to_paste_let_everything_flow(rows: dict[str, list[fixed.Row]], name: str) -> None:
    case: Case = find(name)
    (row,) = rows[name]
    assert set(row.culprits) == {*case.culprits, *case.options.get("also", "").split()}
    assert row.right, row
    assert row.outcome == "flowing", row


def test_a_culprit_that_only_a_file_shows_is_freed_too(rows: dict[str, list[fixed.Row]]) -> None:
    (row,) = rows[FROM_THE_FILE]
    assert row.culprits == ("uwsgi-transformation",)
    assert row.right, row
