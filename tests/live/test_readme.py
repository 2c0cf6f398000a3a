"""What README.md and docs/ show is what happens: the exchange and the one line of shell, run for real."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from flushcheck.reports.oneliner import oneliner
from tests.docs.pages import example
from tests.live import nginxconf
from tests.live.servers import ROOT, child_env, start_nginx

BARE = nginxconf.site("proxy_pass http://127.0.0.1:8000;")


def shape(text: str) -> str:
    """The text without what differs from run to run: digits of measured times, nginx's version, and pieces in a cell."""
    text = re.sub(
        r"\s+", " ", text
    ).strip()  # first: a number may stand at a line's end and its unit on the next
    text = re.sub(r"http://[\w.:]+", "URL", text)
    text = re.sub(r"nginx/[\d.]+", "nginx/N", text)
    text = re.sub(r"\d+ ms", "N ms", text)
    text = re.sub(r"\d+\.\d+ s\b", "N s", text)
    return re.sub(r"[.|#\d]{20,}", "PICTURE", text)


def test_the_exchange_happens_as_shown(origin):
    command, output = example("exchange", "console").split("\n", 1)
    assert command == "$ flushcheck diagnose http://localhost:8080 --only chunked"
    with start_nginx(BARE, upstreams={8000: origin.port}) as nginx:
        run = subprocess.run(
            [sys.executable, "-m", "flushcheck", "diagnose", nginx.url, "--only", "chunked"],
            capture_output=True,
            text=True,
            env={**child_env(), "COLUMNS": "100"},
            cwd=ROOT,
            timeout=60,
            check=False,
        )
    assert run.returncode == 1
    assert shape(run.stdout) == shape(output)


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        (None, "FLOWING"),
        (BARE, "nginx-proxy-buffering"),
    ],
)
def test_the_one_line_gives_the_verdict(site, expected, origin):
    def verdict(url: str) -> str:
        line = oneliner(url)
        return subprocess.run(
            ["sh", "-c", line], capture_output=True, text=True, env=child_env(), timeout=60, check=True
        ).stdout

    if site is None:
        assert expected in verdict(origin.url)
        return
    with start_nginx(site, upstreams={8000: origin.port}) as nginx:
        output = verdict(nginx.url)
        assert expected in output
        assert "4096 bytes" in output
