"""The form that checks a configuration: the guilty line, the fix to copy, what passed, and the errors."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.live import nginxconf, servers

GUILTY = """server {
    listen 80;
    include snippets/of-mine.conf;
    location / { proxy_pass http://127.0.0.1:8000;
        proxy_http_version 1.0; }
    location /free {
        proxy_pass http://127.0.0.1:8000;
        proxy_buffering off;
    }
    location /known {
        # flushcheck: allow nginx-proxy-buffering short responses only
        proxy_pass http://127.0.0.1:8000;
    }
}
"""
CADDY = "example.com {\n\tencode gzip\n\treverse_proxy 127.0.0.1:8000\n}\n"


def check(page: Page, url: str, text: str, *, server: str = "") -> Locator:
    """Paste it and check it; returns the line with the result."""
    page.goto(f"{url}/#check")
    page.fill("#check-text", text)
    if server:
        page.select_option("#check-server", server)
    page.click("#check [type=submit]")
    return page.locator("#check-status")


def test_the_guilty_line_is_shown_with_its_fix_and_its_explanation(page, origin, context):
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin.url)
    expect(check(page, origin.url, GUILTY)).to_have_text(
        re.compile(
            r"1 warning, \d+ notes in 3 blocks that pass to an app\. Not all of the file could be read\."
        )
    )
    finding = page.locator("#check-results > [data-finding=nginx-proxy-buffering]")
    expect(finding.locator(".chip")).to_have_text("warning")
    expect(finding.locator(".where")).to_contain_text("in location /")
    expect(finding).to_contain_text("nginx sends data only when a buffer of 4096 bytes is full")
    fix = finding.locator(".copyable")
    expect(fix.locator("pre")).to_have_text("proxy_buffering off;")
    fix.locator("button").click()
    expect(fix.locator("button")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "proxy_buffering off;"
    finding.get_by_role("button", name="show it in the file").click()
    expect(page.locator("#check-text")).to_be_focused()
    chosen = "(box) => box.value.slice(box.selectionStart, box.selectionEnd)"
    assert "proxy_" in page.locator("#check-text").evaluate(chosen)
    assert chosen_line(finding, GUILTY) == page.locator("#check-text").evaluate(chosen).strip()
    finding.get_by_role("link", name="explained in full").click()
    expect(page.locator("h1")).to_contain_text("proxy_buffering")


def chosen_line(finding: Locator, text: str) -> str:
    """The line of the file that a finding names."""
    number = re.search(r"line (\d+)", finding.locator(".where").inner_text())
    assert number
    return text.splitlines()[int(number[1]) - 1].strip()


def test_what_passed_is_allowed_or_unread_is_shown_too(page, origin):
    expect(check(page, origin.url, GUILTY)).to_contain_text("1 warning")
    part = {
        name: page.locator(f"#check-results [data-part={name}]") for name in ("passed", "allowed", "problems")
    }
    expect(part["passed"]).to_contain_text("location /free: proxy_buffering off (line 8)")
    expect(part["allowed"]).to_contain_text("nginx-proxy-buffering in location /known: short responses only")
    expect(part["problems"]).to_contain_text("snippets/of-mine.conf")


@pytest.mark.parametrize("server", ["", "caddy"])
def test_the_server_is_detected_or_chosen(server, page, origin):
    expect(check(page, origin.url, CADDY, server=server)).to_contain_text("in 1 block that passes to an app")
    expect(page.locator("#check-results > [data-finding=caddy-encode]")).to_be_visible()


def test_the_example_needs_no_file(page, origin):
    page.goto(origin.url)
    page.click("[data-action=check-example]")
    expect(page.locator("#check-status")).to_contain_text("1 error")
    expect(page.locator("[data-part=passed]")).to_contain_text("location /stream/")


def test_a_file_is_read_under_its_own_name(page, origin, tmp_path):
    file = tmp_path / "Caddyfile"
    file.write_text(CADDY)
    page.goto(origin.url)
    page.set_input_files("#check-file", file)
    expect(page.locator("[data-finding=caddy-encode]")).to_be_visible()
    assert page.locator("#check-text").input_value() == CADDY


WRONG = [
    # name              text                            expected
    ("nothing",         "  \n",                         "There is nothing to check yet"),
    ("no file of ours", "Dear all,\nhello.\n",          "Cannot tell which server this file is for: choose the server above."),
    ("a novel",         "x" * 200_000,                  "This file has 200,000 bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), WRONG, ids=[name for name, _, _ in WRONG])
def test_an_error_says_what_cannot_be_checked(name, text, expected, page, origin):
    status = check(page, origin.url, text)
    expect(status).to_contain_text(expected)
    expect(status).to_have_attribute("data-tone", "bad")
    expect(page.locator("#check-results")).to_be_empty()


def test_markup_in_a_file_is_text(page, origin):
    evil = "server { location /<img/src=x> { proxy_pass http://127.0.0.1:8000; } }"
    expect(check(page, origin.url, evil, server="nginx")).to_contain_text("1 error")
    expect(page.locator("#check-results")).to_contain_text("<img/src=x>")
    assert page.locator("#check-results img").count() == 0


def test_a_service_that_is_gone_is_reported(page, origin):
    page.goto(origin.url)
    page.route(re.compile("/check"), lambda route: route.abort())
    page.click("[data-action=check-example]")
    expect(page.locator("#check-status")).to_contain_text("no longer responds. Is the service still running?")


LISTEN = """() => {
  const status = document.querySelector("#check-status");
  window.sentences = [];
  new MutationObserver(() => window.sentences.push(status.textContent)).observe(status, { childList: true });
}"""


def test_a_busy_service_gets_the_request_again(page, origin):
    # nginx lets a request pass every three seconds, and responds 429 to the others.
    text = nginxconf.site(
        "proxy_pass http://127.0.0.1:8000;",
        server="location /check { limit_req zone=one; limit_req_status 429; proxy_pass http://127.0.0.1:8000; }",
        http="limit_req_zone $server_name zone=one:1m rate=20r/m;",
    )
    with servers.start_nginx(text, upstreams={8000: origin.port}) as nginx:
        page.goto(nginx.url)
        page.evaluate(LISTEN)
        while not any("The service is busy" in sentence for sentence in page.evaluate("window.sentences")):
            page.click("[data-action=check-example]")
            expect(page.locator("#check-status")).to_have_text(re.compile("busy|1 error"))
        expect(page.locator("#check-status")).to_contain_text("1 error")


def test_it_is_done_with_the_keyboard_alone(page, origin):
    page.goto(f"{origin.url}/#check")
    page.focus("#check-text")
    page.keyboard.insert_text(GUILTY)
    page.keyboard.press("Tab")
    expect(page.locator("#check [type=submit]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#check-status")).to_contain_text("1 warning")
    page.keyboard.press("Tab")
    expect(page.locator("#check-results button").first).to_be_focused()
