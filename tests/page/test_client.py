"""client.js in a page of another host: real nginx holds or cuts one transport after another, and no piece is lost or repeated."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.live import nginxconf, servers

PAGE = (Path(__file__).parent / "articles" / "client.html").read_text()

UPGRADE = (
    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;"
)
HELD = "{ proxy_pass http://127.0.0.1:8000; proxy_ignore_headers X-Accel-Buffering; }"
FREE = "{ proxy_pass http://127.0.0.1:8000; proxy_buffering off; }"
SOCKET = f"location /stream/ws {{ proxy_pass http://127.0.0.1:8000; {UPGRADE} }}"

PATHS = [
    # name                        locations besides the free rest                                              ends on
    ("nothing holds",             SOCKET,                                                                      "events"),
    ("events are held",           f"location /stream/events {HELD} {SOCKET}",                                  "chunked"),
    ("all that is HTTP is held",  f"location /stream/events {HELD} location /stream/chunked {HELD} {SOCKET}",  "websocket"),
    ("no WebSocket either",       f"location /stream/events {HELD} location /stream/chunked {HELD}",           "polling"),
]  # fmt: skip


def watch(
    page: Page, other_host, service_url: str, *, fragment: str = "", query: str = "?count=40&interval=0.05"
) -> str:
    """Open the page and wait for the stream's end; returns what the page says of it."""
    url = other_host.put("client.html", PAGE.replace("http://localhost:5000", service_url))
    page.goto(f"{url}{query}#{fragment}")
    expect(page.locator("#state")).not_to_have_text("running")
    return page.locator("#state").inner_text()


@pytest.mark.parametrize(("name", "locations", "last"), PATHS, ids=[name for name, _, _ in PATHS])
def test_it_ends_on_the_first_transport_that_flows(name, locations, last, page, origin, other_host):
    text = nginxconf.site("proxy_pass http://127.0.0.1:8000;\nproxy_buffering off;", server=locations)
    with servers.start_nginx(text, upstreams={8000: origin.port}) as nginx:
        assert watch(page, other_host, nginx.url) == f"complete 40 {last}"
    assert page.evaluate("window.seqs") == list(range(40))


def test_a_hold_that_shows_only_later_is_noticed_too(page, origin, other_host):
    # 4096 bytes at a time: the first block comes within the patience, with pieces that are seconds old.
    text = nginxconf.site(
        "proxy_pass http://127.0.0.1:8000;\nproxy_buffering off;", server=f"location /stream/events {HELD}"
    )
    with servers.start_nginx(text, upstreams={8000: origin.port}) as nginx:
        result = watch(
            page, other_host, nginx.url, query="?count=60&interval=0.05&size=200", fragment="patience=9"
        )
    assert result == "complete 60 chunked"
    assert page.evaluate("window.seqs") == list(range(60))
    assert "held pieces for" in page.locator("#log").inner_text()


@contextmanager
def cutting(port: int, after_bytes: int, times: int) -> Iterator[str]:
    """A proxy that cuts the first `times` streams after `after_bytes` bytes."""
    listener = socket.create_server(("127.0.0.1", 0))
    left = [times]

    def carry(source: socket.socket, sink: socket.socket, budget: list[int] | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                sink.sendall(data)
                if budget is None and data.startswith(b"GET /stream/") and left[0] > 0:
                    left[0] -= 1
                    limits[id(source)][0] = after_bytes
                if budget is not None and budget[0]:
                    budget[0] -= len(data)
                    if budget[0] <= 0:
                        break
        for side in (source, sink):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    limits: dict[int, list[int]] = {}

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                limits[id(client)] = [0]
                threading.Thread(target=carry, args=(client, server, None), daemon=True).start()
                threading.Thread(target=carry, args=(server, client, limits[id(client)]), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def test_a_stream_that_is_cut_is_resumed_after_its_last_piece(page, origin, other_host):
    with cutting(origin.port, after_bytes=1500, times=2) as url:
        result = watch(page, other_host, url)
    assert result == "complete 40 events"
    assert page.evaluate("window.seqs") == list(range(40))
    assert "resuming after piece" in page.locator("#log").inner_text()


def test_stop_ends_it_and_the_servers_work(page, origin, other_host):
    url = other_host.put("client.html", PAGE.replace("http://localhost:5000", origin.url))
    page.goto(f"{url}?count=400&interval=0.05")
    expect(page.locator("#out")).to_contain_text("Water in")
    page.evaluate("window.stream.stop()")
    expect(page.locator("#state")).to_contain_text("stopped")


ADVICE = [
    # behind       the advice: nginx with its defaults holds two transports and refuses the third
    ("good",       "Use server-sent events here"),
    ("bare",       "Use JSON polling here"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "advice"), ADVICE, ids=[name for name, _ in ADVICE])
def test_on_the_services_own_page_it_says_which_transport_to_use(path, advice, page, request):
    # In so short a stream a hold does not show: the page requests a longer one.
    page.goto(f"{request.getfixturevalue(path).url}/#count=10&interval=0.1")
    page.click("[data-action=client]")
    expect(page.locator("#client-status")).to_have_text(f"{advice}: all 60 pieces arrived, each once.")


def test_a_short_stream_that_was_held_to_its_end_is_reported_as_held(page, bare, other_host):
    result = watch(page, other_host, bare.url, query="?count=20&interval=0.05&xab=0", fragment="patience=9")
    assert result == "complete 20 events"
    assert page.evaluate("window.seqs") == list(range(20))
    assert page.evaluate("window.held")
