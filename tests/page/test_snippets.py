"""The requests to copy: each is run as a reader would run it, in a shell or in a page of another host."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from flushcheck.model import Transport
from tests.live import servers
from tests.page.conftest import CHROMIUM

WORDS = "Water in a pipe does"
OWN = """<!doctype html><title>Another page</title><p id="out"></p><script type="module">
const show = (text) => document.getElementById("out").append(text);
{code}
</script>"""


@pytest.fixture
def snippets(page: Page, origin: servers.Service) -> Callable[[str], dict[str, str]]:
    """What a card offers, by title."""
    page.goto(f"{origin.url}/#count=5&interval=0.02")

    def of(transport: str) -> dict[str, str]:
        code = page.locator(f"#card-{transport} [data-part=code]")
        return dict(
            zip(code.locator("h4").all_text_contents(), code.locator("pre").all_text_contents(), strict=True)
        )

    return of


@pytest.mark.parametrize(
    "transport", [transport for transport in Transport if transport is not Transport.WEBSOCKET]
)
def test_the_line_for_curl_gets_every_piece(transport, snippets):
    # Debian's curl is too old for WebSocket.
    argv = ["sh", "-c", snippets(transport)["curl"]]
    output = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout
    for word in WORDS.split():
        assert word in output


SENT = """async (path) => {
  const lines = (await (await fetch(path, { cache: "no-store" })).text()).trim().split("\\n");
  return JSON.parse(lines.at(-1)).request_at_app;
}"""


def test_the_line_for_curl_offers_the_compressions_of_the_card(page, snippets):
    line = snippets("chunked")["curl"]
    output = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=30, check=True).stdout
    of_curl = json.loads(output.strip().splitlines()[-1])["request_at_app"]["accept_encoding"]
    path = line.rpartition("/stream/")[2].rstrip("'")
    of_page = page.evaluate(SENT, f"stream/{path}")["accept_encoding"]
    assert set(of_curl.split(", ")) == set(of_page.split(", "))


def test_on_a_page_that_the_browser_does_not_trust_fewer_are_offered(origin, browser):
    switches = ["--no-sandbox", "--host-resolver-rules=MAP flushcheck.example 127.0.0.1"]
    own = browser.browser_type.launch(executable_path=CHROMIUM, args=switches)
    page = own.new_page()
    page.goto(f"http://flushcheck.example:{origin.port}/")
    line = page.locator("#card-chunked [data-part=code] pre").first.text_content() or ""
    path = f"stream/{line.rpartition('/stream/')[2].rstrip(chr(39))}&count=1"
    offered = page.evaluate(SENT, path.replace("count=50&", ""))["accept_encoding"]
    own.close()
    assert f"-H 'Accept-Encoding: {offered}'" in line


@pytest.mark.parametrize(
    ("transport", "title"),
    [
        ("polling", "fetch"),
        ("chunked", "fetch"),
        ("chunked", "XMLHttpRequest"),
        ("events", "EventSource"),
        ("websocket", "WebSocket"),
    ],
)
def test_the_code_shows_every_piece_in_a_page_of_another_host(
    transport, title, snippets, new_page, other_host
):
    other = new_page()
    other.goto(other_host.put("own.html", OWN.replace("{code}", snippets(transport)[title])))
    expect(other.locator("#out")).to_have_text(WORDS)
