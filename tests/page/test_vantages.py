"""The same streams from several places, so that "your browser or network" and "your server" are told apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.live import nginxconf, servers
from tests.page.conftest import PASS
from tests.page.diagnosing import begin, finished


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
    """A tab whose browser goes through a company's proxy: nginx, which keeps each answer until it is whole."""
    text = nginxconf.site(
        "resolver 127.0.0.1;\nproxy_pass http://$http_host$request_uri;\nproxy_buffers 8 64k;"
    )
    with servers.start_nginx(text) as nginx:
        # "<-loopback>": a browser goes past its proxy to the own machine, unless told otherwise.
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
        urls = {"reader": good.url, "server": bare.url, "nobody": good.url, "app": holding.url}
        pages = {name: browser.new_page() for name in urls if name != "reader"}
        pages["reader"] = stack.enter_context(company_network(browser))
        # Two at a time: each has six streams open.
        for pair in (("reader", "server"), ("nobody", "app")):
            for page in [begin(pages[name], urls[name]) for name in pair]:
                finished(page)
        yield pages
        for page in pages.values():
            page.close()


# Who holds         what each place says: the browser, the public address where there is one, the service itself    in words
PLACES = [
    ("reader",      ["held", "flowing", "flowing"],       "sits with you, in this browser, its machine or its network"),
    ("server",      ["held", "held", "flowing"],          "sits with the server, in front of the app"),
    ("nobody",      ["flowing", "flowing", "flowing"],    "The same everywhere"),
    ("app",         ["held", "held"],                     "the fault is in the app or its server, before any proxy"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "chips", "told"), PLACES, ids=[name for name, _, _ in PLACES])
def test_who_holds_is_told_by_where_it_is_seen(who, chips, told, reports):
    places = reports[who].locator("[data-part=vantages]")
    expect(places.locator(".chip")).to_have_text(chips)
    expect(places).to_contain_text(told)


def test_a_look_from_elsewhere_takes_no_connection_while_they_are_counted(reports):
    expect(reports["nobody"].locator("[data-part=only-here]")).to_contain_text(
        "6 of 7 streams opened at once"
    )


def test_what_is_kept_says_it_too(reports):
    with reports["reader"].expect_download() as download:
        reports["reader"].click("#save-html")
    assert "what holds it sits with you" in download.value.path().read_text()
