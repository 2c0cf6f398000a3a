"""What README.md and docs/ show is what happens: the exchange and the one line of shell, run for real."""

from __future__ import annotations

import subprocess
import sys

import pytest

from flushcheck.reports.oneliner import oneliner
from tests.docs.pages import example, shape
from tests.live import nginxconf
from tests.live.servers import ROOT, child_env, start_nginx

BARE = nginxconf.site("proxy_pass http://127.0.0.1:8000;")


def test_the_exchange_happens_as_shown(origin):
    command, output = example("exchange", "console").split("\n", 1)
    assert command == "$ flushcheck http://localhost:8080 --only chunked"
    with start_nginx(BARE, upstreams={8000: origin.port}) as nginx:
        run = flushcheck(nginx.url, "--only", "chunked")
    assert run.returncode == 1
    assert shape(run.stdout) == shape(output)


def test_a_site_without_flushcheck_is_described_as_shown():
    command, output = example("absent", "console").split("\n", 1)
    assert command == "$ flushcheck http://localhost:3000"
    with start_nginx(nginxconf.site("return 404;")) as nginx:
        run = flushcheck(nginx.url)
    assert (run.returncode, run.stderr) == (3, "")
    said, _, measured = run.stdout.partition("\n\nmeasured: ")
    assert shape(said) == shape(output)
    assert "X-Request-ID: " in measured


def flushcheck(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command at the width of the page."""
    return subprocess.run(
        [sys.executable, "-m", "flushcheck", *arguments],
        capture_output=True,
        text=True,
        env={**child_env(), "COLUMNS": "100"},
        cwd=ROOT,
        timeout=60,
        check=False,
    )


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
