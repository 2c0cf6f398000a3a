"""Envoy accepts each text to paste, in the file of a case; `make lab` fetches it. Traefik has no test mode.

`test_fixed.py` starts both with a text to paste, and measures what it does.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from flushcheck.model import Server
from tests.diagnosis.bundled import every_bundle
from tests.lab import versions
from tests.lab.case import find
from tests.lab.paste import paste
from tests.lab.tls import authority

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not versions.version_of("envoy", "1.40"), reason="`make lab` fetches Envoy"),
]

CASES = ("envoy/zstd-defaults", "envoy/tls-default")
TEXTS = [
    pytest.param(case, bundle.change, id=f"{case} {name}")
    for case in CASES
    for name, bundle in every_bundle(Server.ENVOY).items()
]


@pytest.mark.parametrize(("case", "text"), TEXTS)
def test_envoy_accepts_the_lines(case: str, text: str, tmp_path: Path) -> None:
    pasted = paste(find(case).text, text, Server.ENVOY)
    assert pasted != find(case).text
    done = validated(pasted, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]


def test_envoy_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    assert validated(find(CASES[0]).text.replace("stat_prefix:", "stat_prefixes:"), tmp_path).returncode != 0


def validated(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What Envoy says of a configuration; it opens the certificate too."""
    authority().copy_to(folder)
    file = folder / "envoy.yaml"
    file.write_text(text.replace("/run/lab", str(folder)))
    argv = [
        *versions.command("envoy", "1.40"),
        "--mode",
        "validate",
        "--disable-hot-restart",
        "-c",
        str(file),
    ]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
