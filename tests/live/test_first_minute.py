"""The first minute, on real servers: an address alone, and the service that `flushcheck serve` starts."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from tests.cli.conftest import default_sigint  # noqa: F401  # a fixture
from tests.live import nginxconf
from tests.live.servers import READY_WITHIN_S, ROOT, child_env, free_port


def flushcheck(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flushcheck", *arguments],
        capture_output=True, text=True, env=child_env(), cwd=ROOT, timeout=60, check=False,
    )  # fmt: skip


SPA = "root /usr/share/nginx; default_type text/html; return 200 '<!doctype html><div id=app></div>';"
SITES = [
    # name                     location                                    in the headline
    ("not found",              "return 404;",                              "it responded 404 text/html, server nginx/"),
    ("a login",                "return 401;",                              "it asks for a login (status 401)"),
    ("a login page",           "if ($uri != /login) { return 302 /login?next=$uri; }", "it redirects to "),
    ("a captive portal",       "return 302 http://portal.invalid/;",       "the captive portal of a network"),
    ("a single-page app",      SPA,                                        "it responded 200 text/html, server nginx/"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "location", "words"), SITES, ids=[row[0] for row in SITES])
def test_a_real_site_without_flushcheck_gets_no_culprit(name, location, words, nginx):
    done = flushcheck(nginx(nginxconf.site(location)).url, "-j")
    report = json.loads(done.stdout)
    assert words in report["headline"]
    assert (done.returncode, report["culprits"], report["hops"]) == (3, [], [])


def test_a_stream_behind_a_real_nginx_is_watched(origin, nginx):
    front = nginx(
        nginxconf.site("proxy_pass http://127.0.0.1:8000; proxy_buffering off;"),
        upstreams={8000: origin.port},
    )
    done = flushcheck(f"{front.url}/stream/events?count=8&interval=0.1", "-j")
    report = json.loads(done.stdout)
    assert "the response streams, so it was watched" in report["notes"][0]
    assert report["stream"]["records"] >= 8
    assert done.returncode == 0, report["headline"]


def test_the_marker_stands_in_the_access_log_of_the_path(origin, nginx, tmp_path):
    log = tmp_path / "access.log"
    form = "log_format marked '$http_x_request_id $request';"
    front = nginx(
        nginxconf.site(f"proxy_pass http://127.0.0.1:8000; access_log {log} marked;", http=form),
        upstreams={8000: origin.port},
    )
    marker = json.loads(flushcheck(front.url, "-j", "-Q", "-t", "chunked").stdout)["marker"]
    lines = [line for line in log.read_text().splitlines() if "/stream/chunked" in line]
    assert lines
    assert all(line.startswith(f"{marker} GET ") and f"nonce={marker}" in line for line in lines)


@contextmanager
def serving(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "flushcheck", "serve", "--port", str(port), *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=child_env(), cwd=os.sep,
    )  # fmt: skip
    url = f"http://localhost:{port}"
    try:
        until = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                assert requests.get(f"{url}/healthz", timeout=60).status_code == 200
                break
            except requests.ConnectionError:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < until, "the service does not listen"
                time.sleep(0.1)
        yield url, process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@pytest.mark.usefixtures("default_sigint")
@pytest.mark.parametrize("options", [[], ["--threads"]], ids=["gunicorn", "threads"])
def test_serve_starts_the_service_from_any_folder_and_ends_with_an_interrupt(options):
    with serving(*options) as (url, process):
        done = flushcheck(url.removeprefix("http://"), "--quick")
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith(f"FLOWING  {url}")
    assert process.returncode == 0


def test_serve_names_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = flushcheck("serve", "--port", str(port))
    assert done.returncode == 2
    assert (
        f"127.0.0.1:{port}: Address already in use; expected a free port, for example --port {port % 65535 + 1}"
        in done.stderr
    )
