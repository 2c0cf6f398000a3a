"""The harness does what the verdict tests rely on; the shipped files serve the app."""

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.live import nginxconf
from tests.live.servers import (
    GOOD_FASTCGI_SITE,
    GOOD_SITE,
    Nginx,
    Service,
    ServiceError,
    busy_cores,
    seen_since,
    start_fastcgi,
    start_nginx,
    start_origin,
)

StartNginx = Callable[..., Nginx]


def text_of(url: str) -> str:
    response = requests.get(url, timeout=60)
    response.raise_for_status()
    return response.text


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_origin_answers_and_tells_its_address(origin: Service) -> None:
    text_of(f"{origin.url}/healthz")
    assert f"flushcheck listens on http://localhost:{origin.port}" in origin.output()


def test_an_origin_is_gone_after_its_block() -> None:
    with start_origin(env={"WEB_CONCURRENCY": "2"}) as origin:
        assert running(origin.pid)
    assert not running(origin.pid)
    with pytest.raises(requests.ConnectionError):
        requests.get(origin.url, timeout=60)


def test_an_origin_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('no luck today')")
    with (
        pytest.raises(ServiceError, match="no luck today"),
        start_origin(app="broken:app", chdir=tmp_path),
    ):
        pass


def test_a_health_check_passes_the_shipped_site(origin: Service, nginx: StartNginx) -> None:
    front = nginx(GOOD_SITE.read_text(), upstreams={8000: origin.port})
    assert text_of(f"{front.url}/healthz") == text_of(f"{origin.url}/healthz")


def test_the_shipped_site_takes_a_client_without_a_host(origin: Service, nginx: StartNginx) -> None:
    # An HTTP/1.0 client names no host: nginx must find one to pass on.
    front = nginx(GOOD_SITE.read_text(), upstreams={8000: origin.port})
    with socket.create_connection(("127.0.0.1", front.port), timeout=60) as raw:
        raw.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b" 200 " in raw.makefile("rb").readline()


def test_a_health_check_passes_the_shipped_fastcgi_site(fastcgi: Service, nginx: StartNginx) -> None:
    front = nginx(GOOD_FASTCGI_SITE.read_text(), upstreams={9000: fastcgi.port})
    text_of(f"{front.url}/healthz")
    assert "Traceback" not in fastcgi.output()


def test_the_site_works_on_a_sub_path_as_its_comment_says(origin: Service, nginx: StartNginx) -> None:
    good = GOOD_SITE.read_text()
    moved = nginxconf.apply_fix(good, "proxy_set_header SCRIPT_NAME /flushcheck;")
    moved = moved.replace("location / {", "location /flushcheck/ {", 1)
    front = nginx(moved, upstreams={8000: origin.port})
    text_of(f"{front.url}/flushcheck/healthz")


def test_fastcgi_works_on_a_socket_and_on_a_sub_path(nginx: StartNginx, tmp_path: Path) -> None:
    moved = GOOD_FASTCGI_SITE.read_text().replace("location / {", "location /flushcheck/ {", 1)
    moved = nginxconf.apply_fix(
        moved,
        f"fastcgi_pass unix:{tmp_path}/app.sock; fastcgi_split_path_info ^(/flushcheck)(/.*)$;",
        location="/flushcheck/",
    )
    with start_fastcgi(tmp_path / "app.sock"):
        text_of(f"{nginx(moved).url}/flushcheck/healthz")


def test_a_rewritten_site_is_in_force_when_rewrite_returns(nginx: StartNginx) -> None:
    front = nginx(nginxconf.site("return 200 0;"))
    for turn in map(str, range(1, 6)):
        front.apply_fix(f"return 200 {turn};")
        # Each on a connection of its own: any worker that took it would have to be a new one.
        assert {text_of(front.url) for _ in range(20)} == {turn}


def test_requests_under_way_survive_a_reload(origin: Service, nginx: StartNginx) -> None:
    front = nginx(GOOD_SITE.read_text(), upstreams={8000: origin.port})
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=30)
    connection.request("GET", "/stream/chunked?count=20&interval=0.1&unit=word")
    response = connection.getresponse()
    first = response.read1()
    front.reload()
    rest = response.read()
    connection.close()
    assert first
    assert rest


def test_a_site_that_nginx_refuses_is_told_and_taken_back(nginx: StartNginx) -> None:
    front = nginx(nginxconf.site("return 200 same;"))
    before = front.text
    with pytest.raises(ServiceError, match='unknown directive "no_such_thing"'):
        front.apply_fix("no_such_thing on;")
    assert front.text == before
    assert text_of(front.url) == "same"


def test_nginx_and_its_workers_are_gone_after_the_block() -> None:
    began = time.monotonic()
    with start_nginx(nginxconf.site("return 200 x;")) as front:
        workers = front.workers()
        assert workers
    assert front in seen_since(began)
    assert not any(running(pid) for pid in (front.pid, *workers))


def test_debians_defaults_are_in_force(nginx: StartNginx) -> None:
    # gzip is on, for text/html alone: the trap that only some clients meet.
    page = "x" * 100
    front = nginx(
        nginxconf.site(
            f"return 200 {page};",
            server=f"location /page {{ default_type text/html; return 200 {page}; }}",
        )
    )
    offered = {"Accept-Encoding": "gzip"}
    encodings = [
        requests.get(front.url + path, headers=offered, timeout=60).headers.get("Content-Encoding")
        for path in ("/", "/page")
    ]
    assert encodings == [None, "gzip"]


def test_busy_cores_are_busy_and_then_free() -> None:
    began = time.monotonic()
    with busy_cores() as count:
        burners = [s for s in seen_since(began) if s.name == "busy"]
        assert len(burners) == count >= 1
        ticks = subprocess.run(
            ["ps", "-o", "stat=", "-p", ",".join(str(s.pid) for s in burners)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        assert all(state.startswith("R") for state in ticks)
    assert not any(running(s.pid) for s in burners)
