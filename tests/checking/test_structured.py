"""YAML, TOML and JSON of any name: the program is recognised by keys that only its files have."""

import pytest

from flushcheck.configs.findings import Server
from flushcheck.files.structured import is_structured, parse_structured, servers_in
from tests.configs.shape import shape

TRAEFIK, ENVOY = Server.TRAEFIK, Server.ENVOY
SIGNS = [
    # name, text, and the programs
    ("a.yml",  "http:\n  routers:\n    a: b\n",                      [TRAEFIK]),
    ("a.yml",  "http:\n  # x\n\n  services: {}\n  middlewares:\n",   [TRAEFIK]),
    ("a.yml",  "http: # x\n  routers:\n",                            [TRAEFIK]),
    ("a.yml",  "http: {routers: {}}\n",                              [TRAEFIK]),
    ("a.yml",  "http: {services: {}}\n",                             []),
    ("a.yml",  "labels: [traefik.http.routers.a.rule=x]\n",          [TRAEFIK]),
    ("a.yml",  "labels: [my-traefik.http.routers.a.rule=x]\n",       []),
    ("a.yml",  "http:\n  services:\n",                               []),
    ("a.yml",  "http:\na:\n  routers:\n",                            []),
    ("a.yml",  "a:\n  http:\n    routers:\n",                        []),
    ("a.yml",  "entryPoints:\n  web: {}\n",                          [TRAEFIK]),
    ("a.yml",  "a:\n  entryPoints:\n",                               []),
    ("a.yaml", "labels:\n  - traefik.http.routers.a.rule=x\n",       [TRAEFIK]),
    ("a.yaml", "labels:\n  - \"traefik.http.routers.a.rule=x\"\n",   [TRAEFIK]),
    ("a.yaml", "labels:\n  traefik.http.routers.a.rule: x\n",        [TRAEFIK]),
    ("a.yaml", "labels:\n  traefik.enable: x\n",                     []),
    ("a.yaml", "apiVersion: traefik.io/v1alpha1\n",                  [TRAEFIK]),
    ("a.yaml", "apiVersion: 'traefik.containo.us/v1alpha1'\n",       [TRAEFIK]),
    ("a.yaml", "apiVersion: traefik.example.org/v1\n",               []),
    ("a.toml", "[http.middlewares.a.compress]\n",                    [TRAEFIK]),
    ("a.toml", "[[http.services.a.loadBalancer.servers]]\n",         [TRAEFIK]),
    ("a.toml", "[entryPoints]\n",                                    [TRAEFIK]),
    ("a.toml", "[http.other]\n",                                     []),
    ("a.json", '{"@type": "type.googleapis.com/envoy.config"}',      [ENVOY]),
    ("a.yaml", "- name: envoy.filters.http.lua\n",                   [ENVOY]),
    ("a.yaml", "- name: envoy.http_connection_manager\n",            [ENVOY]),
    ("a.yaml", "apiVersion: networking.istio.io/v1\n",               [ENVOY]),
    ("a.yaml", "apiVersion: networking.k8s.io/v1\n",                 []),
    ("a.yaml", "image: envoy.example.org\n",                         []),
    ("a.yaml", "entryPoints:\n---\nname: envoy.filters.http.lua\n",  [TRAEFIK, ENVOY]),
    ("a.txt",  "entryPoints:\n",                                     []),
    ("pasted", "entryPoints:\n",                                     [TRAEFIK]),
    ("a.b/-",  "entryPoints:\n",                                     [TRAEFIK]),
    ("a.b",    "entryPoints:\n",                                     []),
    ("a.yml.j2", "entryPoints:\n",                                   [TRAEFIK]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), SIGNS, ids=range(len(SIGNS)))
def test_a_file_is_recognised_by_its_keys(name, text, expected):
    assert list(servers_in(name, text, None)) == expected


@pytest.mark.parametrize("given", [TRAEFIK, ENVOY])
def test_a_file_is_for_the_program_that_is_given(given):
    assert list(servers_in("a.yaml", "a: b\n", given)) == [given]
    assert list(servers_in("a.txt", "a: b\n", given)) == []
    assert list(servers_in("a", "a: b\n", given)) == []


@pytest.mark.parametrize(
    ("name", "structured"),
    [("a.yaml", True), ("A.YML", True), ("a.toml", True), ("a.json", True), ("a.yaml.tmpl", True), ("a.conf", False)],
)  # fmt: skip
def test_a_name_says_whether_a_file_has_such_a_language(name, structured):
    assert is_structured(name) is structured


TREES = [
    # name, text, and what stands in the document
    ("a.yaml", "a: 1\n",           [("a", "1", 1)]),
    ("a.toml", "a = 1\n",          [("a", "1", 1)]),
    ("a",      "a: 1\n",           [("a", "1", 1)]),
    ("a",      "a = 1\n",          [("a", "1", 1)]),
    ("a",      "# x\n\n[a]\n",     [("a", 3, [])]),
    ("a",      "a.b = 1\n",        [("a", 1, [("b", "1", 1)])]),
    ("a.json", '{\n\t"a": 1\n}',   [("a", "1", 2)]),
    ("a",      '{\n\t"a": [\t1]}', [("a", 2, [("-", "1", 2)])]),
    ("a.yaml", "a: 'x = 1'\n",     [("a", "x = 1", 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), TREES, ids=range(len(TREES)))
def test_the_language_of_a_text_is_found(name, text, expected):
    (document,) = parse_structured(text, name).directives
    assert shape(document.block or ()) == expected
