"""Which lines of an Apache configuration an address leads to: those of its virtual host."""

import pytest

from flushcheck.configs.findings import Server
from flushcheck.configs.formats import FORMATS
from flushcheck.files import read_text
from tests.configs.test_nginx_routing import address


def host(where: str, target: str, lines: str = "") -> str:
    return f"<VirtualHost {where}>\n{lines}\nProxyPass / http://{target}/\n</VirtualHost>\n"


HOSTS = (
    host("*:80", "a", "ServerName a.org")
    + host("*:80", "b", "ServerName https://B.org:443\nServerAlias *.b.org c?.org")
    + host("10.0.0.1:8080", "p")
    + host("*:443 *:8443", "s", "ServerName s.org")
)
ROUTES = [
    # configuration, address, and the targets of the lines that it leads to
    (HOSTS, "a.org:80/",            ["a"]),
    (HOSTS, "b.org:80/",            ["b"]),
    (HOSTS, "x.b.org:80/",          ["b"]),
    (HOSTS, "c7.org:80/",           ["b"]),
    (HOSTS, "other.org:80/",        ["a"]),
    (HOSTS, "b.org:8080/",          ["p"]),
    (HOSTS, "b.org:443/",           ["s"]),
    (HOSTS, "b.org:8443/",          ["s"]),
    (HOSTS, "b.org:9/",             ["b"]),
    (HOSTS, "other.org:9/",         ["a", "b", "p", "s"]),
    (host("*", "a") + host("*:80", "b"), "h:80/", ["a"]),
    (host("_default_", "a") + host("*:80", "b"), "h:9/", ["a"]),
    (host("*:*", "a"),  "h:9/",     ["a"]),
    (host("*:80", "a") + "ProxyPass /x http://x/\n", "h:80/", ["x", "a"]),
    ("ProxyPass /x http://x/\n", "h:80/", ["x"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "url", "expected"), ROUTES)
def test_the_lines_that_an_address_leads_to(text, url, expected):
    (config,) = read_text(text, server=Server.APACHE, name="f").configs
    found = FORMATS[Server.APACHE].route(config, tuple(FORMATS[Server.APACHE].blocks(config)), address(url))
    assert [
        block.pass_directive.args[1].removeprefix("http://").rstrip("/") for block in found.blocks
    ] == expected
    assert bool(found.remark) is (url == "b.org:9/")
