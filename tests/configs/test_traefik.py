"""Traefik: the routers of a text, what is not known of them, and how names and durations are read."""

import pytest

from flushcheck.configs.findings import Server
from flushcheck.configs.formats import FORMATS
from flushcheck.configs.traefik import chain_of, seconds
from tests.configs.shape import blocks

FORMAT = FORMATS[Server.TRAEFIK]
STATIC = "entryPoints: {web: {address: x}}\n---\n"
ELSEWHERE = "the static configuration of Traefik"

ROUTERS = [
    # name, text, and each block with its chain and what was not read
    ("a router",            STATIC + "http: {routers: {a: {service: s}}}",                                    [("router a", [], "")]),
    ("without static",      "http: {routers: {a: {service: s}}}",                                             [("router a", [], ELSEWHERE)]),
    ("two routers",         STATIC + "http: {routers: {a: {service: s}, b: {service: s}}}",                   [("router a", [], ""), ("router b", [], "")]),
    ("Traefik's own",       STATIC + "http: {routers: {a: {service: api@internal}}}",                         []),
    ("other cases",         STATIC + "HTTP: {Routers: {A: {Middlewares: [M]}}, middleWares: {M: {Compress: {}}}}", [("router A", ["compress"], "")]),
    ("case of a name",      STATIC + "http: {routers: {a: {middlewares: [M]}}, middlewares: {m: {compress: {}}}}", [("router a", [], "middleware M")]),
    ("a scalar",            STATIC + "http: {routers: {a: {middlewares: m}}, middlewares: {m: {compress: {}}}}", [("router a", ["compress"], "")]),
    ("another provider's",  STATIC + "http: {routers: {a: {middlewares: [m@docker]}}}",                       [("router a", [], "middleware m@docker")]),
    ("none",                STATIC + "http: {routers: {a: {middlewares: []}}}",                               [("router a", [], "")]),
    ("an empty one",        STATIC + "http: {routers: {a: {middlewares: [m]}}, middlewares: {m: {}}}",        [("router a", [], "middleware m")]),
    ("a chain",             STATIC + "http: {routers: {a: {middlewares: [c, e]}}, middlewares: {c: {chain: {middlewares: [d, e, x]}}, d: {headers: {}}, e: {retry: {}}}}",
                            [("router a", ["headers", "retry"], "middleware x")]),
    ("a chain in itself",   STATIC + "http: {routers: {a: {middlewares: [c]}}, middlewares: {c: {chain: {middlewares: [c]}}}}", [("router a", [], "")]),
    ("an entry point's",    "entryPoints: {web: {http: {middlewares: [m@file]}}}\n---\nhttp: {routers: {a: {middlewares: [n]}}, middlewares: {m: {retry: {}}, n: {compress: {}}}}",
                            [("router a", ["retry", "compress"], "")]),
    ("another entry point", "entryPoints: {web: {http: {middlewares: [m]}}, x: {a: b}}\n---\nhttp: {routers: {a: {entryPoints: [x]}}, middlewares: {m: {retry: {}}}}",
                            [("router a", [], "")]),
    ("arguments",           "a: [--entryPoints.web.http.middlewares=m, --providers.docker]\nhttp: {routers: {a: {entryPoints: [web]}}, middlewares: {m: {retry: {}}}}",
                            [("router a", ["retry"], "")]),
    ("an argument alone",   "a: --providers.docker=true\nhttp: {routers: {a: {service: s}}}",                 [("router a", [], "")]),
    ("in one text",         "a: --api.insecure=true --entrypoints.web.http.middlewares=m\nhttp: {routers: {a: {service: s}}, middlewares: {m: {retry: {}}}}", [("router a", ["retry"], "")]),
    ("other arguments",     "a: [--log.level=debug]\nhttp: {routers: {a: {service: s}}}",                     [("router a", [], ELSEWHERE)]),
    ("labels",              "a: --providers.docker\nlabels: {traefik.http.routers.a.rule: x, traefik.http.routers.a.middlewares: 'm, n', traefik.http.middlewares.m.retry.attempts: 1, traefik.http.middlewares.n.compress: true}",
                            [("router a", ["retry", "compress"], "")]),
    ("labels in a list",    "a: --providers.docker\nlabels: [traefik.http.routers.a.middlewares=m, traefik.http.middlewares.m.compress=true]", [("router a", ["compress"], "")]),
    ("a chain of labels",   "a: --providers.docker\nlabels: [traefik.http.routers.a.middlewares=c, 'traefik.http.middlewares.c.chain.middlewares=m', traefik.http.middlewares.m.compress=true]", [("router a", ["compress"], "")]),
    ("labels of services",  "a: --entrypoints.web.http.middlewares=m\nb: {labels: [traefik.http.routers.a.rule=x, traefik.http.routers.a.entrypoints=other]}\nc: {labels: [traefik.http.routers.b.entrypoints=web, traefik.http.middlewares.m.compress=true]}",
                            [("router a", [], ""), ("router b", ["compress"], "")]),
    ("a label's service",   "labels: [traefik.http.routers.a.service=api@internal]",                          []),
    ("other labels",        "labels: [traefik.enable=true, traefik.tcp.routers.a.rule=x, traefik.http.routers.a, com.example=x]", []),
    ("Kubernetes",          "apiVersion: traefik.io/v1alpha1\nkind: Middleware\nmetadata: {name: m, namespace: n}\nspec: {compress: {}}\n---\napiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: a, namespace: n}\nspec: {routes: [{middlewares: [{name: m}]}, {middlewares: [{name: m, namespace: o}]}]}",
                            [("IngressRoute a", ["compress"], ELSEWHERE), ("IngressRoute a", [], f"middleware m, {ELSEWHERE}")]),
    ("in the default namespace", "apiVersion: traefik.containo.us/v1alpha1\nkind: Middleware\nmetadata: {name: m}\nspec: {compress: {}}\n---\napiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: a}\nspec: {routes: [{middlewares: [{name: m}]}]}",
                            [("IngressRoute a", ["compress"], ELSEWHERE)]),
    ("by its full name",    STATIC + "apiVersion: traefik.io/v1alpha1\nkind: Middleware\nmetadata: {name: m, namespace: n}\nspec: {compress: {}}\n---\nhttp: {routers: {a: {middlewares: [n-m@kubernetescrd]}}}",
                            [("router a", ["compress"], "")]),
    ("a chain there",       "apiVersion: traefik.io/v1alpha1\nkind: Middleware\nmetadata: {name: c, namespace: n}\nspec: {chain: {middlewares: [{name: m}]}}\n---\napiVersion: traefik.io/v1alpha1\nkind: Middleware\nmetadata: {name: m, namespace: n}\nspec: {compress: {}}\n---\napiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: a, namespace: n}\nspec: {routes: [{middlewares: [{name: c}, {name: f@file}]}]}",
                            [("IngressRoute a", ["compress"], f"middleware f@file, {ELSEWHERE}")]),
    ("a list of resources", "kind: List\nitems:\n- apiVersion: traefik.io/v1alpha1\n  kind: IngressRoute\n  metadata: {name: a}\n  spec: {routes: [{services: [{name: s}]}]}", [("IngressRoute a", [], ELSEWHERE)]),
    ("an Ingress",          "kind: Ingress\nmetadata: {name: a, annotations: {traefik.ingress.kubernetes.io/router.middlewares: 'n-m@kubernetescrd, x@file'}}\n---\napiVersion: traefik.io/v1alpha1\nkind: Middleware\nmetadata: {name: m, namespace: n}\nspec: {compress: {}}", [("Ingress a", ["compress"], f"middleware x@file, {ELSEWHERE}")]),
    ("an Ingress's entry point", "kind: Ingress\nmetadata: {name: a, annotations: {traefik.ingress.kubernetes.io/router.entrypoints: ' web ,'}}\n---\nentryPoints: {web: {http: {middlewares: [m]}}, x: {http: {middlewares: [n]}}}\n---\nhttp: {middlewares: {m: {retry: {}}, n: {compress: {}}}}", [("Ingress a", ["retry"], "")]),
    ("another's Ingress",   "kind: Ingress\nmetadata: {name: a, annotations: {traefik.ingress.kubernetes.io/service.x: y}}", []),
    ("Traefik's own there", "apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: a}\nspec: {routes: [{services: [{name: api@internal}]}]}", []),
    ("another kind",        "apiVersion: traefik.io/v1alpha1\nkind: TLSOption\nmetadata: {name: a}\nspec: {routes: [{services: []}]}", []),
    ("another group",       "apiVersion: example.org/v1\nkind: IngressRoute\nmetadata: {name: a}\nspec: {routes: [{services: []}]}", []),
    ("no router",           "http: {middlewares: {m: {compress: {}}}}",                                       [("middlewares without a router", [], "")]),
    ("static alone",        "entryPoints: {web: {address: x}}",                                               []),
    ("TOML",                "[entryPoints.web]\n[http.routers.a]\nmiddlewares = ['m']\n[http.middlewares.m.compress]\n", [("router a", ["compress"], "")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), ROUTERS, ids=[row[0] for row in ROUTERS])
def test_the_routers_of_a_text(name, text, expected):
    found = [
        (block.name, [middleware.kind for middleware, _ in chain_of(block).known], block.unread_names)
        for block in blocks(Server.TRAEFIK, text)
    ]
    assert found == expected


DOUBTS = [
    # name, middlewares of a router with the name m, and why it is not known
    ("what passes",         "{compress: {}}",                        []),
    ("what holds",          "{buffering: {}}",                       []),
    ("a plugin",            "{plugin: {cache: {a: b}}}",             ["middleware m (line 4) is a plugin: flushcheck does not know what it does to a response"]),
    ("another kind",        "{wasm: {a: b}}",                        ["middleware m (line 4) is wasm: flushcheck does not know what it does to a response"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "middleware", "expected"), DOUBTS, ids=[row[0] for row in DOUBTS])
def test_why_a_router_is_not_known(name, middleware, expected):
    text = f"{STATIC}http:\n  middlewares: {{m: {middleware}}}\n  routers: {{a: {{middlewares: [m]}}}}"
    (block,) = blocks(Server.TRAEFIK, text)
    assert list(FORMAT.doubts(block)) == expected


FEW, MANY = [f"m{number}" for number in range(100)], [f"m{number}" for number in range(101)]
REST = "middleware that follows too many others"
LONG = [
    # name, middlewares of the router, those of a chain, entry points, and what was not read
    ("as many as are looked at", FEW, [], 20, ""),
    ("one more",                 MANY, [], 20, REST),
    ("one more in a chain",      ["chain"], FEW, 20, REST),
    ("as many with a chain",     ["chain"], FEW[1:], 20, ""),
    ("one of them twice",        [*FEW, "m0"], [], 20, ""),
    ("one entry point more",     [], [], 21, REST),
]  # fmt: skip


@pytest.mark.parametrize(("name", "own", "chain", "points", "unread"), LONG, ids=[row[0] for row in LONG])
def test_of_very_many_middlewares_the_rest_is_not_known(name, own, chain, points, unread):
    named = ", ".join(f"p{number}: {{address: x}}" for number in range(points))
    middlewares = ", ".join(f"{middleware}: {{retry: {{}}}}" for middleware in MANY)
    text = (
        f"entryPoints: {{{named}}}\n---\nhttp: {{routers: {{a: {{middlewares: [{', '.join(own)}]}}}}, "
        f"middlewares: {{{middlewares}, chain: {{chain: {{middlewares: [{', '.join(chain)}]}}}}}}}}"
    )
    (block,) = blocks(Server.TRAEFIK, text)
    assert block.unread_names == unread


VERSIONS = [((), "compress", 0), ((3, 7), "compress", 0), ((3, 6, 9), "compress", 1), ((2, 11), "retry", 0)]


@pytest.mark.parametrize(("version", "kind", "doubts"), VERSIONS)
def test_compress_of_an_older_version_was_not_measured(version, kind, doubts):
    text = f"{STATIC}http: {{middlewares: {{m: {{{kind}: {{}}}}}}, routers: {{a: {{middlewares: [m]}}}}}}"
    (block,) = blocks(Server.TRAEFIK, text, version=version)
    assert len(list(FORMAT.doubts(block))) == doubts


def test_three_doubts_are_named():
    names = ["a", "b", "c", "d"]
    middlewares = ", ".join(f"{name}: {{plugin: {{}}}}" for name in names)
    text = f"{STATIC}http:\n  middlewares: {{{middlewares}}}\n  routers: {{r: {{middlewares: [{', '.join(names)}]}}}}"
    (block,) = blocks(Server.TRAEFIK, text)
    assert [doubt[:12] for doubt in FORMAT.doubts(block)] == ["middleware a", "middleware b", "middleware c"]


def test_middlewares_without_a_router_depend_on_the_routers():
    (block,) = blocks(
        Server.TRAEFIK,
        "http: {middlewares: {a: {retry: {}}, b: {retry: {}}, c: {retry: {}}, d: {retry: {}}}}",
    )
    assert list(FORMAT.doubts(block)) == [
        "no router in this text uses a, b, c: what they do depends on the routers"
    ]


INTERVALS = [
    # name, the service of the router, the services, whether the interval is slow
    ("slow",                "s", "s: {loadBalancer: {responseForwarding: {flushInterval: 1s}}}",    True),
    ("just not",            "s", "s: {loadBalancer: {responseForwarding: {flushInterval: 500ms}}}", False),
    ("just",                "s", "s: {loadBalancer: {responseForwarding: {flushInterval: 501ms}}}", True),
    ("at once",             "s", "s: {loadBalancer: {responseForwarding: {flushInterval: -1}}}",    False),
    ("unreadable",          "s", "s: {loadBalancer: {responseForwarding: {flushInterval: soon}}}",  False),
    ("by default",          "s", "s: {loadBalancer: {servers: []}}",                                False),
    ("another service's",   "s", "t: {loadBalancer: {responseForwarding: {flushInterval: 1s}}}",    False),
    ("with its provider",   "s@file", "s: {loadBalancer: {responseForwarding: {flushInterval: 1s}}}", True),
    ("of the router's name", "", "a: {loadBalancer: {responseForwarding: {flushInterval: 1s}}}",    True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "service", "services", "slow"), INTERVALS, ids=[row[0] for row in INTERVALS]
)
def test_a_slow_flush_interval_is_a_condition(name, service, services, slow):
    text = f"http:\n  routers: {{a: {{service: '{service}'}}}}\n  services: {{{services}}}"
    (block,) = blocks(Server.TRAEFIK, text)
    clauses = [condition.clause for condition in FORMAT.conditions(block)]
    assert clauses == (["while the app sends chunks"] if slow else [])


def test_a_slow_flush_interval_in_a_label():
    text = "labels: [traefik.http.routers.a.rule=x, traefik.http.services.a.loadbalancer.responseforwarding.flushinterval=2s]"
    (block,) = blocks(Server.TRAEFIK, text)
    assert len(list(FORMAT.conditions(block))) == 1


def test_middlewares_without_a_router_have_no_conditions():
    (block,) = blocks(Server.TRAEFIK, "http: {middlewares: {m: {compress: {}}}}")
    assert list(FORMAT.conditions(block)) == []


REASONS = [
    (
        "compress",
        "no middleware of this router holds a response: compress flushes each piece, measured on 3.7",
    ),
    ("retry", "no middleware of this router holds a response"),
]


@pytest.mark.parametrize(("kind", "reason"), REASONS)
def test_why_a_router_passes(kind, reason):
    (block,) = blocks(
        Server.TRAEFIK,
        f"http: {{routers: {{a: {{middlewares: [m]}}}}, middlewares: {{m: {{{kind}: {{}}}}}}}}",
    )
    assert FORMAT.pass_reason(block) == reason


DURATIONS = [
    ("1s", 1.0), ("500ms", 0.5), ("1m30s", 90.0), ("1h", 3600.0), ("1.5s", 1.5), ("10", 10.0), ("0", 0.0), ("-1", -1.0), ("-1s", -1.0),
    (" 5s ", 5.0), ("1us", 1e-6), ("1µs", 1e-6), ("1ns", 1e-9), ("", None), ("x", None), ("1", 1.0), ("1d", None), ("1s x", None), ("s", None), ("9" * 12, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), DURATIONS)
def test_a_duration_is_read(text, expected):
    assert seconds(text) == expected
