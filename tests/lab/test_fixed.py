"""The text to paste, in the very file of a case with several culprits: every transport flows then."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lab import fixed
from tests.lab.bench import diagnose
from tests.lab.case import Case, find
from tests.lab.programs import scratch
from tests.lab.setting import WHERE

# A silence of seconds has to be waited for, before and after.
SLOW = ("haproxy/delay-and-timeout",)
CASES = (
    "nginx/bare",
    "apache/security-no-upgrade",
    "caddy/encode-and-buffer",
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

    with scratch(), ThreadPoolExecutor(len(CASES)) as pool:
        return dict(zip(CASES, pool.map(run, CASES), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_the_lines_to_paste_let_everything_flow(rows: dict[str, list[fixed.Row]], name: str) -> None:
    case: Case = find(name)
    (row,) = rows[name]
    assert set(row.culprits) == {*case.culprits, *case.options["also"].split()}
    assert row.right, row
    assert row.outcome == "flowing", row
