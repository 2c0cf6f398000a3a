"""Which routes of Envoy an address leads to."""

import pytest

from flushcheck.configs.address import Address
from flushcheck.configs.findings import Server
from flushcheck.configs.formats import FORMATS
from flushcheck.configs.tree import Config
from tests.configs.shape import blocks

CONFIG = Config(Server.ENVOY, "f", ())  # its blocks are all that is looked at


def host(name: str, domains: str, *matches: str, action: str = "route: {cluster: c}") -> str:
    """A virtual host with these routes."""
    routes = ", ".join(f"{{match: {{{match}}}, {action}}}" for match in matches)
    return f"{{name: {name}, domains: [{domains}], routes: [{routes}]}}"


ANY = host("any", "'*'", "prefix: /")
ROUTED = [
    # name, virtual hosts, paths, and the routes that take requests for a.b.org:80
    ("the star",               [ANY],                                                              ["/"], ["/ of any"]),
    ("an exact domain",        [ANY, host("v", "a.b.org", "prefix: /")],                           ["/"], ["/ of v"]),
    ("in capitals",            [ANY, host("v", "A.b.org", "prefix: /")],                           ["/"], ["/ of v"]),
    ("with its port",          [ANY, host("v", "'a.b.org:80'", "prefix: /")],                      ["/"], ["/ of v"]),
    ("another port",           [ANY, host("v", "'a.b.org:81'", "prefix: /")],                      ["/"], ["/ of any"]),
    ("a suffix",               [ANY, host("v", "'*.b.org'", "prefix: /")],                         ["/"], ["/ of v"]),
    ("the longer suffix",      [host("v", "'*.b.org'", "prefix: /"), host("w", "'*.org'", "prefix: /")], ["/"], ["/ of v"]),
    ("another suffix",         [ANY, host("v", "'*.c.org'", "prefix: /")],                         ["/"], ["/ of any"]),
    ("a prefix",               [ANY, host("v", "'a.b.*'", "prefix: /")],                           ["/"], ["/ of v"]),
    ("a suffix before a prefix", [host("v", "'a.b.*'", "prefix: /"), host("w", "'*g'", "prefix: /")], ["/"], ["/ of w"]),
    ("exact before a suffix",  [host("v", "'*.b.org'", "prefix: /"), host("w", "a.b.org", "prefix: /")], ["/"], ["/ of w"]),
    ("two domains",            [ANY, host("v", "x.org, a.b.org", "prefix: /")],                    ["/"], ["/ of v"]),
    ("no domain",              [host("v", "x.org", "prefix: /")],                                  ["/"], ["/ of v"]),
    ("the first that matches", [host("v", "'*'", "prefix: /a", "prefix: /")],                      ["/ab"], ["/a of v"]),
    ("not the first",          [host("v", "'*'", "prefix: /a", "prefix: /")],                      ["/b"], ["/ of v"]),
    ("two paths",              [host("v", "'*'", "prefix: /a", "prefix: /")],                      ["/a", "/b"], ["/a of v", "/ of v"]),
    ("an exact path",          [host("v", "'*'", "path: /a", "prefix: /")],                        ["/a"], ["/a of v"]),
    ("another exact path",     [host("v", "'*'", "path: /a", "prefix: /")],                        ["/ab"], ["/ of v"]),
    ("a part of a path",       [host("v", "'*'", "path_separated_prefix: /a", "prefix: /")],       ["/a/b"], ["/a of v"]),
    ("the part itself",        [host("v", "'*'", "path_separated_prefix: /a", "prefix: /")],       ["/a"], ["/a of v"]),
    ("no part",                [host("v", "'*'", "path_separated_prefix: /a", "prefix: /")],       ["/ab"], ["/ of v"]),
    ("one with a header",      [host("v", "'*'", "prefix: /a, headers: [b]", "prefix: /")],        ["/a"], ["/a of v", "/ of v"]),
    ("an expression",          [host("v", "'*'", "safe_regex: {regex: x}", "prefix: /")],          ["/a"], ["x of v", "/ of v"]),
    ("no match",               [host("v", "'*'", "", "prefix: /")],                                ["/a"], ["? of v", "/ of v"]),
    ("redirected before",      [host("v", "'*'", "prefix: /", action="redirect: {a: b}"), host("w", "x.org", "prefix: /")], ["/"], ["/ of w"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "hosts", "paths", "expected"), ROUTED, ids=[row[0] for row in ROUTED])
@pytest.mark.parametrize(
    "within",
    [
        "%s",
        "filter_chains: [{filters: [{name: a.http_connection_manager, typed_config: {route_config: {%s}}}]}]",
    ],
)
def test_an_address_leads_to_routes(name, hosts, paths, expected, within):
    own = blocks(Server.ENVOY, within % f"virtual_hosts: [{', '.join(hosts)}]")
    routed = FORMATS[Server.ENVOY].route(CONFIG, own, Address("a.b.org", 80, tuple(paths)))
    assert [block.name for block in routed.blocks] == [f"route {name}" for name in expected]


def test_a_route_without_a_virtual_host_stays():
    own = blocks(
        Server.ENVOY, "apiVersion: networking.istio.io/v1\nkind: VirtualService\nspec: {http: [{route: [a]}]}"
    )
    assert len(FORMATS[Server.ENVOY].route(CONFIG, own, Address("a.org", 80, ("/",))).blocks) == 1
