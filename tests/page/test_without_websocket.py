"""A server without WebSocket: nginx passes requests to the app by FastCGI. The page says so, the client avoids it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.live import servers
from tests.page.diagnosis import diagnose, panel
from tests.page.test_client import watch


@pytest.fixture(scope="module")
def gateway() -> Iterator[servers.Nginx]:
    """The shipped FastCGI site in front of a real FastCGI server."""
    with (
        servers.start_fastcgi() as app,
        servers.start_nginx(servers.GOOD_FASTCGI_SITE.read_text(), upstreams={9000: app.port}) as nginx,
    ):
        servers.wait_until_ok(nginx, "/healthz")
        yield nginx


def test_the_card_says_that_it_is_the_server(page, gateway):
    page.goto(f"{gateway.url}/#count=5&interval=0.02")
    page.click("#controls [data-action=start-all]")
    expect(page.locator("#card-websocket [data-part=status]")).to_contain_text(
        "Not available on this server: no WebSocket under this server"
    )
    for transport in ("polling", "chunked", "events"):
        expect(page.locator(f"#card-{transport} [data-part=pieces]")).to_have_text("5")


def test_the_diagnosis_names_the_gateway_and_no_other(page, gateway):
    diagnose(page, gateway.url)
    expect(panel(page, "websocket").locator(".chip")).to_have_text("failed")
    assert [culprit.get_attribute("data-culprit") for culprit in page.locator("[data-culprit]").all()] == [
        "gateway-websocket"
    ]
    for transport in ("polling", "chunked", "events"):
        expect(panel(page, transport).locator(".chip")).to_have_text("flowing")


@pytest.mark.parametrize(
    ("order", "last"), [("websocket,chunked", "chunked"), ("websocket,polling", "polling")]
)
def test_the_client_goes_on_without(order, last, page, gateway, other_host):
    assert watch(page, other_host, gateway.url, fragment=f"order={order}") == f"complete 40 {last}"
    assert page.evaluate("window.seqs") == list(range(40))
    assert "WebSocket handshake failed" in page.locator("#log").inner_text()
