"""Which routers of Traefik an address leads to."""

import pytest

from flushcheck.configs.address import Address
from flushcheck.configs.findings import Server
from flushcheck.configs.formats import FORMATS
from flushcheck.configs.traefik.routing import Fit, fits
from flushcheck.configs.tree import Config
from tests.configs.shape import blocks

CONFIG = Config(Server.TRAEFIK, "f", ())  # its blocks are all that is looked at

RULES = [
    # rule, and whether it fits a.org/b/c
    ("Host(`a.org`)",                          Fit.YES),
    ("Host(`A.org`)",                          Fit.YES),
    ("host(`a.org`)",                          Fit.YES),
    ('Host("b.org", "a.org")',                 Fit.YES),
    ("Host(`b.org`)",                          Fit.NO),
    ("PathPrefix(`/b`)",                       Fit.YES),
    ("PathPrefix(`/c`)",                       Fit.NO),
    ("Path(`/b/c`)",                           Fit.YES),
    ("Path(`/b`)",                             Fit.NO),
    ("Host(`a.org`) && PathPrefix(`/b`)",      Fit.YES),
    ("Host(`a.org`) && PathPrefix(`/c`)",      Fit.NO),
    ("Host(`a.org`) && Method(`GET`)",         Fit.MAYBE),
    ("Host(`b.org`) && Method(`GET`)",         Fit.NO),
    ("Host(`b.org`) || PathPrefix(`/b`)",      Fit.YES),
    ("Host(`b.org`) || Method(`GET`)",         Fit.MAYBE),
    ("Host(`b.org`) || Host(`c.org`)",         Fit.NO),
    ("!Host(`a.org`)",                         Fit.MAYBE),
    ("(Host(`b.org`))",                        Fit.MAYBE),
    ("Host(a.org)",                            Fit.MAYBE),
    ("",                                       Fit.MAYBE),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "expected"), RULES)
def test_a_rule_fits(rule, expected):
    assert fits(rule, "a.org", "/b/c") is expected


ROUTED = [
    # name, rules of the routers r0, r1, ..., the paths, and the routers that take requests
    ("the longer rule",     ["PathPrefix(`/`)", "PathPrefix(`/b`)"],                     ["/b"],       [1]),
    ("the shorter rule",    ["PathPrefix(`/`)", "PathPrefix(`/b`)"],                     ["/c"],       [0]),
    ("two paths",           ["PathPrefix(`/`)", "PathPrefix(`/b`)"],                     ["/b", "/c"], [0, 1]),
    ("one that may fit",    ["PathPrefix(`/`)", "PathPrefix(`/b`) && Method(`GET`)"],    ["/b"],       [0, 1]),
    ("a priority",          ["PathPrefix(`/`)', priority: '99", "PathPrefix(`/b`)"],     ["/b"],       [0]),
    ("no priority",         ["PathPrefix(`/`)', priority: '0", "PathPrefix(`/b`)"],      ["/b"],       [1]),
    ("no number",           ["PathPrefix(`/`)', priority: 'x", "PathPrefix(`/b`)"],      ["/b"],       [1]),
    ("none fits",           ["Host(`b.org`)", "Host(`c.org`)"],                          ["/b"],       [0, 1]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "rules", "paths", "expected"), ROUTED, ids=[row[0] for row in ROUTED])
def test_an_address_leads_to_routers(name, rules, paths, expected):
    routers = ", ".join(f"r{number}: {{rule: '{rule}'}}" for number, rule in enumerate(rules))
    own = blocks(Server.TRAEFIK, f"http: {{routers: {{{routers}}}}}")
    routed = FORMATS[Server.TRAEFIK].route(CONFIG, own, Address("a.org", 80, tuple(paths)))
    assert [block.name for block in routed.blocks] == [f"router r{number}" for number in expected]


def test_labels_and_resources_have_rules():
    text = (
        "labels: [traefik.http.routers.a.rule=Host(`a.org`), traefik.http.routers.a.priority=1, "
        "traefik.http.routers.b.rule=Host(`b.org`)]\n---\napiVersion: traefik.io/v1alpha1\nkind: IngressRoute\n"
        "metadata: {name: c}\nspec: {routes: [{match: 'Path(`/x`)', priority: 5}]}"
    )
    own = blocks(Server.TRAEFIK, text)
    route = FORMATS[Server.TRAEFIK].route
    assert [block.name for block in route(CONFIG, own, Address("a.org", 80, ("/",))).blocks] == ["router a"]
    assert [block.name for block in route(CONFIG, own, Address("a.org", 80, ("/x",))).blocks] == [
        "IngressRoute c"
    ]


def test_middlewares_without_a_router_stay():
    own = blocks(Server.TRAEFIK, "http: {middlewares: {m: {buffering: {}}}}")
    assert len(FORMATS[Server.TRAEFIK].route(CONFIG, own, Address("a.org", 80, ("/",))).blocks) == 1
