"""The same streams from several vantages: is it the browser and its network, or the server?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.live import nginxconf, servers
from tests.page.conftest import PASS
from tests.page.diagnosis import begin, finished


@contextmanager
def published(site: str) -> Iterator[servers.Nginx]:
    """The service behind this nginx, which it knows as its public address."""
    port = servers.free_port()
    upstream = servers.free_port()
    env = {"FLUSHCHECK_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    with (
        servers.start_origin(env=env, args=["--bind", f"127.0.0.1:{upstream}"]),
        servers.start_nginx(
            f"{site}\n" + site.replace("listen 80;", f"listen 127.0.0.1:{port};"), upstreams={8000: upstream}
        ) as nginx,
    ):
        nginx.port = port
        yield nginx


@contextmanager
def company_network(browser: Browser) -> Iterator[Page]:
    """A tab whose browser goes through a company's proxy: nginx, which holds each response until it is complete."""
    text = nginxconf.site(
        "resolver 127.0.0.1;\nproxy_pass http://$http_host$request_uri;\nproxy_buffers 8 64k;"
    )
    with servers.start_nginx(text) as nginx:
        # "<-loopback>": a browser goes past its proxy to the own machine, unless configured otherwise.
        context = browser.new_context(proxy={"server": nginx.url, "bypass": "<-loopback>"})
        yield context.new_page()
        context.close()


GOOD = servers.GOOD_SITE.read_text()

# An app in which something joins the body before anything leaves it.
HOLDING_APP = """
import sys
sys.path.insert(0, {root!r})
import wsgi


def app(environ, start_response):
    body = wsgi.app(environ, start_response)
    return [b"".join(body)] if environ["PATH_INFO"] in ("/stream/chunked", "/stream/events") else body
"""


@pytest.fixture(scope="module")
def reports(browser, tmp_path_factory) -> Iterator[dict[str, Page]]:
    """A diagnosis of each."""
    folder = tmp_path_factory.mktemp("holding")
    (folder / "holding.py").write_text(HOLDING_APP.format(root=str(servers.ROOT)))
    with ExitStack() as stack:
        good, bare = (stack.enter_context(published(site)) for site in (GOOD, nginxconf.site(PASS)))
        holding = stack.enter_context(servers.start_origin(app="holding:app", chdir=folder))
        urls = {"reader": good.url, "server": bare.url, "nothing": good.url, "app": holding.url}
        pages = {name: browser.new_page() for name in urls if name != "reader"}
        pages["reader"] = stack.enter_context(company_network(browser))
        # Two at a time: each has six streams open.
        for pair in (("reader", "server"), ("nothing", "app")):
            for page in [begin(pages[name], urls[name]) for name in pair]:
                finished(page)
        yield pages
        for page in pages.values():
            page.close()


# What holds        the verdict from each vantage: browser, public address (if there is one), service itself         the conclusion
PLACES = [
    ("reader",      ["held", "flowing", "flowing"],       "Something on your side delays the data: this browser, its computer or its network"),
    ("server",      ["held", "held", "flowing"],          "Something on the server side, in front of the app, delays the data"),
    ("nothing",      ["flowing", "flowing", "flowing"],    "The result is the same everywhere"),
    ("app",         ["held", "held"],                     "the fault is in the app or its server, before any proxy"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "chips", "expected"), PLACES, ids=[name for name, _, _ in PLACES])
def test_the_vantages_show_what_holds(who, chips, expected, reports):
    places = reports[who].locator("[data-part=vantages]")
    expect(places.locator(".chip")).to_have_text(chips)
    expect(places).to_contain_text(expected)


def test_the_test_over_the_public_address_uses_no_connection_while_they_are_counted(reports):
    expect(reports["nothing"].locator("[data-part=browser-checks]")).to_contain_text(
        "6 of 7 streams opened at once"
    )


def test_the_saved_file_says_it_too(reports):
    with reports["reader"].expect_download() as download:
        reports["reader"].click("#save-html")
    assert "Something on your side delays the data" in download.value.path().read_text()
