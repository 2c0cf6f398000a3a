"""A hold without a proxy, in real Chromium: the control of the four streams, and the pages of the culprits."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from flushcheck.culprits import CULPRITS
from tests.page.rendered import lines

HOLDS = "count=30&interval=0.05&size=700&pretend=blocks-4096"


def part(page: Page, transport: str, name: str):
    return page.locator(f"#card-{transport} [data-part={name}]")


def test_the_control_holds_what_proxies_hold_and_each_card_says_so(page, origin):
    page.goto(f"{origin.url}/#{HOLDS}")
    page.click("#controls [data-action=start-all]")
    for transport in ("chunked", "events"):
        expect(part(page, transport, "pretended")).to_have_text(
            "Pretended: the service itself holds this stream (blocks of 4,096 bytes, as nginx)."
        )
        expect(part(page, transport, "status")).to_have_text(
            re.compile(r"Pretended\. 30 pieces arrived in [2-9] deliveries, up to \d\.\d s late\.")
        )
    expect(part(page, "polling", "pretended")).to_have_text(re.compile("^Not pretended: each poll"))
    expect(part(page, "websocket", "pretended")).to_have_text(re.compile("^Not pretended: a WebSocket"))
    for transport in ("polling", "websocket"):
        expect(part(page, transport, "status")).to_have_text(re.compile("30 pieces arrived"))
        expect(part(page, transport, "status")).not_to_have_text(re.compile("Pretended"))
    # Several lines end in nearly one point, of 1000: the picture of the blocks.
    ends = [round(end / 10) for _, end in lines(page.locator("#card-chunked"))]
    assert len(set(ends)) <= len(ends) / 2


def test_a_link_chooses_the_hold_and_the_commands_have_it(page, origin):
    page.goto(f"{origin.url}/#pretend=gzip")
    expect(page.locator("#c-pretend")).to_have_value("gzip")
    code = page.locator("#card-chunked [data-part=code] pre").first
    assert "curl -N --compressed " in code.text_content()
    assert "&pretend=gzip" in code.text_content()
    assert "pretend" not in page.locator("#card-polling [data-part=code] pre").first.text_content()
    expect(page.locator("#settings-now")).to_have_text(re.compile("; pretended: gzip$"))
    page.click(".settings > summary")
    page.select_option("#c-pretend", "")
    assert "pretend" not in code.text_content()


def test_a_culprits_page_shows_its_hold_live_and_copies_its_fixes(page, origin):
    page.goto(f"{origin.url}/culprits/haproxy-http-delay")
    fixes = len(CULPRITS["haproxy-http-delay"].fixes)
    expect(page.locator(".copyable button")).to_have_count(fixes + 1)  # and the line for a shell
    page.click("#see-it button.primary")
    expect(page.locator("#see-it [data-part=status]")).to_have_text(
        re.compile(r"^Pretended\. 40 pieces arrived in \d+ deliveries")
    )
    assert len(lines(page.locator("#see-it"))) == 40
    expect(page.locator("main")).to_contain_text("Status: measured here on HAProxy 2.6.12")


def test_the_list_is_filtered_while_the_reader_types(page, origin):
    page.goto(f"{origin.url}/culprits")
    expect(page.locator("#culprits > li:visible")).to_have_count(len(CULPRITS))
    page.fill("#q", "varnish gzip")
    expect(page.locator("#count")).to_have_text(f"1 of {len(CULPRITS)} culprits")
    expect(page.locator("#culprits > li:visible")).to_have_count(1)
    assert page.url.endswith("/culprits?q=varnish+gzip")
    page.click("nav[aria-label='By symptom'] a:has-text('in ticks')")
    expect(page.locator("#culprits > li:visible")).to_have_count(2)
    page.set_viewport_size({"width": 390, "height": 800})
    for address in ("/culprits", "/culprits/nginx-proxy-buffering"):
        page.goto(origin.url + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
