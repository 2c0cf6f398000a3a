"""Envoy and Istio: the routes of a text, what is not known of them, and what Envoy refuses."""

import pytest

from flushcheck.configs.envoy import FORMAT, extension, place_of, refused_lines, seconds
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import ReadProblem
from flushcheck.files import read_text
from tests.configs.shape import blocks, line
from tests.culprits.structured_rows import TYPE, compressor, envoy

ROUTES = "virtual_hosts: [{name: v, routes: [%s]}]"
MANAGER = (
    "filter_chains: [{filters: [{name: envoy.filters.network.http_connection_manager, typed_config: {%s}}]}]"
)
LISTENER = "the listener of these routes"
MESH = "what EnvoyFilters add to this route"
PATCH = "the list of filters that this patch changes"
ISTIO = "apiVersion: networking.istio.io/v1\nmetadata: {name: n}\nkind: "

PLACES = [
    # name, text, and each block with what was not read
    ("a manager",           envoy(),                                                                  [("route / of v", "")]),
    ("routes alone",        ROUTES % "{match: {prefix: /a}, route: {cluster: c}}",                    [("route /a of v", LISTENER)]),
    ("a path",              ROUTES % "{match: {path: /a}, route: {cluster: c}}",                      [("route /a of v", LISTENER)]),
    ("a separated prefix",  ROUTES % "{match: {path_separated_prefix: /a}, route: {cluster: c}}",     [("route /a of v", LISTENER)]),
    ("an expression",       ROUTES % "{match: {safe_regex: {regex: a.*}}, route: {cluster: c}}",      [("route a.* of v", LISTENER)]),
    ("another match",       ROUTES % "{match: {a: b}, route: {cluster: c}}",                          [("route ? of v", LISTENER)]),
    ("without a name",      "virtual_hosts: [{routes: [{match: {prefix: /}, route: {cluster: c}}]}]", [("route / of ?", LISTENER)]),
    ("no pass",             ROUTES % "{match: {prefix: /a}, redirect: {a: b}}, {match: {prefix: /}, direct_response: {status: 200}}", []),
    ("two routes",          ROUTES % "{match: {prefix: /a}, route: {cluster: c}}, {match: {prefix: /b}, route: {cluster: c}}", [("route /a of v", LISTENER), ("route /b of v", LISTENER)]),
    ("fetched routes",      MANAGER % "rds: {route_config_name: a}",                                  [("routes that are fetched", "")]),
    ("fetched in scopes",   MANAGER % "scoped_routes: {name: a}",                                     [("routes that are fetched", "")]),
    ("no routes",           MANAGER % "stat_prefix: a",                                               [("routes that are fetched", "")]),
    ("by its type",         "filter_chains: [{filters: [{name: x, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager}}]}]", [("routes that are fetched", "")]),
    ("another type",        "filter_chains: [{filters: [{name: x.http_connection_manager, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy}}]}]", []),
    ("the default chain",   f"default_{(MANAGER % 'rds: {a: b}').replace('chains: [', 'chain: ')[:-1]}",  [("routes that are fetched", "")]),
    ("older key",           (MANAGER % "rds: {a: b}").replace("typed_config", "config"),              [("routes that are fetched", "")]),
    ("a VirtualService",    ISTIO + "VirtualService\nspec: {http: [{route: [a]}, {name: x, route: [a]}, {redirect: {a: b}}]}", [("http 1 of n", MESH), ("http x of n", MESH)]),
    ("an EnvoyFilter",      ISTIO + "EnvoyFilter\nspec: {configPatches: [{applyTo: HTTP_FILTER, patch: {operation: INSERT_BEFORE, value: {name: envoy.filters.http.lua}}}]}", [("patch of n", PATCH)]),
    ("one that removes",    ISTIO + "EnvoyFilter\nspec: {configPatches: [{applyTo: HTTP_FILTER, patch: {operation: REMOVE, value: {name: a}}}, {applyTo: CLUSTER, patch: {value: {name: a}}}, {applyTo: HTTP_FILTER, patch: {operation: MERGE}}]}", []),
    ("a DestinationRule",   ISTIO + "DestinationRule\nspec: {host: a}",                               []),
    ("a list of resources", "kind: List\nitems:\n- apiVersion: networking.istio.io/v1\n  metadata: {name: n}\n  kind: VirtualService\n  spec: {http: [{route: [a]}]}", [("http 1 of n", MESH)]),
    ("nothing",             "a: b",                                                                   []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), PLACES, ids=[row[0] for row in PLACES])
def test_the_routes_of_a_text(name, text, expected):
    assert [(block.name, block.unread_names) for block in blocks(Server.ENVOY, text)] == expected


LIBRARY = "is a compressor whose library or settings for this route flushcheck does not know"
EFFECT = "is a filter whose effect on a response flushcheck does not know"
LUA = "          - name: envoy.filters.http.lua\n"
PER_ROUTE = "typed_per_filter_config: {envoy.filters.http.compressor: {%s}}"

DOUBTS = [
    # name, text, and why it is not known
    ("the router alone",    envoy(),                                                        []),
    ("what passes",         envoy("          - name: envoy.filters.http.cors\n"),           []),
    ("the buffer",          envoy("          - name: envoy.filters.http.buffer\n"),         []),
    ("another filter",      envoy(LUA),                                                     [f"envoy.filters.http.lua (line 19) {EFFECT}"]),
    ("three of four",       envoy(LUA * 4),                                                 [f"envoy.filters.http.lua (line {number}) {EFFECT}" for number in (19, 20, 21)]),
    ("by its type",         envoy(f"          - {{name: cors, typed_config: {{'@type': {TYPE}.filters.http.wasm.v3.Wasm}}}}\n"), [f"cors (line 19) {EFFECT}"]),
    ("a typed struct",      envoy(f"          - {{name: cors, typed_config: {{'@type': type.googleapis.com/udpa.type.v1.TypedStruct, type_url: {TYPE}.filters.http.wasm.v3.Wasm}}}}\n"), [f"cors (line 19) {EFFECT}"]),
    ("another key",         envoy(f"          - {{name: cors, typedConfig: {{'@type': {TYPE}.filters.http.wasm.v3.Wasm}}}}\n"), [f"cors (line 19) {EFFECT}"]),
    ("Istio's own",         envoy("          - name: istio.stats\n"),                       []),
    ("an older name",       envoy("          - name: envoy.cors\n"),                        []),
    ("without a name",      envoy("          - {a: b}\n"),                                  [f" (line 19) {EFFECT}"]),
    ("gzip",                envoy(compressor("gzip")),                                      []),
    ("brotli",              envoy(compressor("brotli")),                                    []),
    ("zstd",                envoy(compressor("zstd")),                                      []),
    ("another library",     envoy(compressor("qatzip")),                                    [f"envoy.filters.http.compressor (line 19) {LIBRARY}"]),
    ("no library",          envoy("          - name: envoy.filters.http.compressor\n"),     [f"envoy.filters.http.compressor (line 19) {LIBRARY}"]),
    ("no library's type",   envoy("          - {name: envoy.filters.http.compressor, typed_config: {a: b}}\n"), [f"envoy.filters.http.compressor (line 19) {LIBRARY}"]),
    ("off for the route",   envoy(compressor(), beside=PER_ROUTE % "disabled: true"),       []),
    ("other settings",      envoy(compressor("gzip"), beside=PER_ROUTE % "overrides: {a: b}"), [f"envoy.filters.http.compressor (line 19) {LIBRARY}"]),
    ("of another filter",   envoy(compressor("gzip"), beside=PER_ROUTE.replace("compressor", "buffer") % "a: b"), []),
    ("switched off",        envoy(LUA.replace("name: envoy.filters.http.lua", "{name: envoy.filters.http.lua, disabled: true}")), []),
    ("fetched routes",      MANAGER % "rds: {a: b}",                                        ["its routes are fetched from elsewhere, with their timeouts and their settings of filters"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), DOUBTS, ids=[row[0] for row in DOUBTS])
def test_why_a_route_is_not_known(name, text, expected):
    (block,) = blocks(Server.ENVOY, text)
    assert list(FORMAT.doubts(block)) == expected


def test_a_virtual_host_sets_a_filter_for_its_routes():
    text = envoy(LUA).replace(
        "- name: v\n",
        "- name: v\n              typed_per_filter_config: {envoy.filters.http.lua: {disabled: true}}\n",
    )
    (block,) = blocks(Server.ENVOY, text)
    assert next(place_of(block).filters()).kind == "router"


LISTS = [
    (99, []),
    (100, ["filter 101 of 101 (line 120) is a filter whose effect on a response flushcheck does not know"]),
]


@pytest.mark.parametrize(("count", "expected"), LISTS, ids=["as many as are looked at", "one more"])
def test_of_very_many_filters_the_rest_is_not_known(count, expected):
    text = envoy("          - {name: envoy.filters.http.cors}\n" * count)
    (block,) = blocks(Server.ENVOY, text)
    assert list(FORMAT.doubts(block)) == expected


OVERRIDES = [
    # what a route sets, by name and kind of filter, and the value that counts for the filter x of kind buffer
    ("by name",          "x: 1", "1"),
    ("by kind",          "envoy.filters.http.buffer: 1", "1"),
    ("the first, a name", "x: 1, envoy.filters.http.buffer: 2", "1"),
    ("the first, a kind", "envoy.filters.http.buffer: 2, x: 1", "2"),
    ("twice",            "x: 1, x: 2", "1"),
    ("another",          "y: 1", ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "own", "value"), OVERRIDES, ids=[row[0] for row in OVERRIDES])
def test_what_a_route_sets_for_a_filter(name, own, value):
    kind = f"{{'@type': {TYPE}.filters.http.buffer.v3.Buffer}}"
    text = envoy(
        f"          - {{name: x, typed_config: {kind}}}", beside=f"typed_per_filter_config: {{{own}}}"
    )
    (block,) = blocks(Server.ENVOY, text)
    place = place_of(block)
    override = place.override(place.manager.filters[0])
    assert (override.args[0] if override is not None else "") == value


REASONS = [
    (envoy(), "no filter here holds a response"),
    (envoy(compressor("gzip")), "no filter here holds a response: gzip flushes each piece"),
    (envoy(compressor("brotli")), "no filter here holds a response: brotli flushes each piece"),
    (envoy(compressor("zstd")), "no filter here holds a response"),
]


@pytest.mark.parametrize(("text", "reason"), REASONS, ids=range(len(REASONS)))
def test_why_a_route_passes(text, reason):
    (block,) = blocks(Server.ENVOY, text)
    assert FORMAT.pass_reason(block) == reason


UNKNOWN = envoy().replace("name: c}", "name: d}")
REFUSED = [
    # name, text, the line of the route that Envoy refuses
    ("a known cluster",     envoy(),                                                                  []),
    ("an unknown cluster",  UNKNOWN,                                                                  [14]),
    ("no clusters",         envoy().replace("  clusters: [{name: c}]\n", ""),                         [13]),
    ("a weighted one",      envoy().replace("cluster: c", "weighted_clusters: {clusters: [{name: x}]}"), [14]),
    ("known weighted ones", envoy().replace("cluster: c", "weighted_clusters: {clusters: [{name: c}]}"), []),
    ("by a header",         envoy().replace("cluster: c", "cluster_header: x"),                       []),
    ("fetched clusters",    UNKNOWN + "dynamic_resources: {cds_config: {a: b}}\n",                    []),
    ("fetched listeners",   UNKNOWN + "dynamic_resources: {lds_config: {a: b}}\n",                    [14]),
    ("not looked at",       UNKNOWN.replace("virtual_hosts:", "validate_clusters: false\n            virtual_hosts:"), []),
    ("no bootstrap",        ROUTES % "{match: {prefix: /}, route: {cluster: c}}",                     []),
    ("a manager alone",     MANAGER % (f"route_config: {{{ROUTES % '{match: {prefix: /}, route: {cluster: c}}'}}}"), []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "lines"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_envoy_refuses(name, text, lines):
    (config,) = read_text(text, server=Server.ENVOY, name="f").configs
    assert [problem.line for problem in refused_lines(config)] == lines
    assert all(problem.refused for problem in refused_lines(config))


def test_a_refused_route_names_its_cluster():
    (config,) = read_text(UNKNOWN, server=Server.ENVOY, name="f").configs
    assert config.problems == (
        ReadProblem("f", 14, "unknown cluster c: Envoy refuses this file", refused=True),
    )


def test_five_refused_routes_are_reported():
    route = "              - match: {prefix: /}\n                route: {cluster: x}\n"
    (config,) = read_text(envoy(more=route * 7), server=Server.ENVOY, name="f").configs
    assert len(config.problems) == 5


DURATIONS = [
    ("15s", 15.0), ("0.5s", 0.5), ("0s", 0.0), ("1m30s", 90.0), ("1h", 3600.0), ("250ms", 0.25), (" 1s ", 1.0), ("15", None), ("x", None), ("", None), ("1s 2s", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), DURATIONS)
def test_a_duration_is_read(text, expected):
    assert seconds(line("timeout", text)) == expected


MAPPINGS = [((line("seconds", "5"), line("nanos", "1")), 5.0), ((line("nanos", "1"),), None), ((), None)]


@pytest.mark.parametrize(("block", "expected"), MAPPINGS)
def test_a_duration_with_seconds_and_nanos_is_read(block, expected):
    assert seconds(line("timeout", block=block)) == expected


def test_no_duration():
    assert seconds(None) is None


TYPES = [
    ("type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer", "buffer"),
    ("type.googleapis.com/envoy.config.filter.http.gzip.v2.Gzip", "gzip"),
    ("envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor", "ext_proc"),
    ("type.googleapis.com/envoy.extensions.filters.http.cache.v3alpha.Cache", "cache"),
    ("type.googleapis.com/google.protobuf.Struct", ""),
    ("v3.Buffer", ""),
    ("", ""),
]


@pytest.mark.parametrize(("url", "name"), TYPES)
def test_a_type_names_its_extension(url, name):
    assert extension(url) == name
