"""Kubernetes objects: which controller takes an Ingress, which nginx lines it writes, what is not known."""

import pytest

from flushcheck.configs import nginx
from flushcheck.configs.findings import Level, Server
from flushcheck.configs.kubernetes import blocks, concerns, fragments, ignored_lines, is_passive
from flushcheck.configs.kubernetes.ignored import is_misspelt
from flushcheck.configs.tree import MAX_BLOCKS
from flushcheck.files import check_text, read_text
from flushcheck.files.kubernetes_files import parse_kubernetes

N = "nginx.ingress.kubernetes.io/"


def ingress(*annotations: str, cls: str = "nginx", spec: str = "") -> str:
    """An Ingress: its kind is on line 2, its annotations begin on line 6."""
    lines = "".join(f"    {line}\n" for line in annotations)
    return (
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: a\n"
        + (f"  annotations:\n{lines}" if annotations else "")
        + "spec:\n"
        + (f"  ingressClassName: {cls}\n" if cls else "")
        + spec
    )


def config_map(*data: str, name: str = "ingress-nginx-controller") -> str:
    """A ConfigMap: its kind is on line 2, its data begin on line 6."""
    lines = "".join(f"  {line}\n" for line in data)
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n{lines}"


def config(text):
    (read,) = read_text(text, server=Server.KUBERNETES, name="a.yaml").configs
    return read


def the_block(text):
    (block,) = blocks(config(text))
    return block


TLS = "  tls:\n  - secretName: t\n"
VALUES = [
    # name                 text                                                        directive            value    line, 0: a default
    ("off by default",     ingress(),                                                  "proxy_buffering",   "off",   0),
    ("on",                 ingress(f'{N}proxy-buffering: "on"'),                       "proxy_buffering",   "on",    6),
    ("off",                ingress(f'{N}proxy-buffering: "off"'),                      "proxy_buffering",   "off",   6),
    ("another value",      ingress(f'{N}proxy-buffering: "true"'),                     "proxy_buffering",   "off",   0),
    ("spaces",             ingress(f'{N}proxy-buffering: " on "'),                     "proxy_buffering",   "on",    6),
    ("a block of text",    ingress(f"{N}proxy-buffering: |", "  on"),                  "proxy_buffering",   "on",    6),
    ("HTTP/1.1",           ingress(),                                                  "proxy_http_version", "1.1",  0),
    ("HTTP/1.0",           ingress(f'{N}proxy-http-version: "1.0"'),                   "proxy_http_version", "1.0",  6),
    ("HTTP/2",             ingress(f'{N}proxy-http-version: "2"'),                     "proxy_http_version", "1.1",  0),
    ("a minute",           ingress(),                                                  "proxy_read_timeout", "60s",  0),
    ("an hour",            ingress(f'{N}proxy-read-timeout: "3600"'),                  "proxy_read_timeout", "3600s", 6),
    ("with a unit",        ingress(f'{N}proxy-read-timeout: "3600s"'),                 "proxy_read_timeout", "60s",  0),
    ("limit-rate",         ingress(f'{N}limit-rate: "4"'),                             "limit_rate",        "4k",    6),
    ("ModSecurity",        ingress(f'{N}enable-modsecurity: "true"'),                  "modsecurity",       "on",    6),
    ("no ModSecurity",     ingress(f'{N}enable-modsecurity: "false"'),                 "modsecurity",       "off",   6),
    ("request buffering",  ingress(f'{N}proxy-request-buffering: "off"'),              "proxy_request_buffering", "off", 6),
    ("TLS buffer",         ingress(),                                                  "ssl_buffer_size",   "4k",    0),
    ("no gzip",            ingress(),                                                  "gzip",              "off",   0),
    ("no gzip types",      ingress(),                                                  "gzip_types",        "-",     0),
    ("a snippet",          ingress(f"{N}configuration-snippet: |", "  gzip on;"),      "gzip",              "on",    7),
    ("a quoted snippet",   ingress(f'{N}configuration-snippet: "gzip on;"'),           "gzip",              "on",    6),
    ("server snippet",     ingress(f"{N}server-snippet: |", "  gzip_vary on;"),        "gzip_vary",         "on",    7),
    ("location wins",      ingress(f"{N}server-snippet: |", "  proxy_buffering on;"),  "proxy_buffering",   "off",   0),
    ("a ConfigMap beside", config_map('proxy-buffering: "on"') + "---\n" + ingress(),  "proxy_buffering",   "on",    6),
    ("annotation wins",    config_map('proxy-buffering: "on"') + "---\n" + ingress(f'{N}proxy-buffering: "off"'), "proxy_buffering", "off", 13),
    ("gzip of the cluster", config_map('use-gzip: "true"') + "---\n" + ingress(),      "gzip",              "on",    6),
    ("its types",          config_map('use-gzip: "true"') + "---\n" + ingress(),       "gzip_types",        "application/json", 0),
    ("own types",          config_map('use-gzip: "true"', 'gzip-types: "*"') + "---\n" + ingress(), "gzip_types", "*", 7),
    ("brotli's types",     config_map('enable-brotli: "true"') + "---\n" + ingress(),  "brotli_types",      "application/json", 0),
    ("http snippet",       config_map("http-snippet: |", "  gzip_vary on;") + "---\n" + ingress(), "gzip_vary", "on", 7),
    ("location snippet",   config_map("location-snippet: |", "  gzip on;") + "---\n" + ingress(), "gzip",    "on",    7),
    ("server snippet of the cluster", config_map("server-snippet: |", "  gzip_vary on;") + "---\n" + ingress(), "gzip_vary", "on", 7),
    ("another ConfigMap",  config_map('proxy-buffering: "True"', name="x") + "---\n" + ingress(), "proxy_buffering", "off", 0),
    ("F5",                 ingress('nginx.org/rewrites: "x"'),                         "proxy_buffering",   "on",    0),
    ("F5 off",             ingress('nginx.org/proxy-buffering: "False"'),              "proxy_buffering",   "off",   6),
    ("F5 on",              ingress('nginx.org/proxy-buffering: "1"'),                  "proxy_buffering",   "on",    6),
    ("F5 0",               ingress('nginx.org/proxy-buffering: "0"'),                  "proxy_buffering",   "off",   6),
    ("F5 on or off",       ingress('nginx.org/proxy-buffering: "x"'),                  "proxy_buffering",   "on",    0),
    ("F5 time",            ingress('nginx.org/proxy-read-timeout: "1h"'),              "proxy_read_timeout", "1h",   6),
    ("F5 buffers",         ingress('nginx.org/proxy-buffers: "8 16k"'),                "proxy_buffers",     "8",     6),
    ("F5 snippet",         ingress("nginx.org/location-snippets: |", "  gzip on;"),    "gzip",              "on",    7),
    ("F5 server snippet",  ingress("nginx.org/server-snippets: |", "  gzip on;"),      "gzip",              "on",    7),
    ("F5's ConfigMap",     config_map('proxy-buffering: "False"', name="x") + "---\n" + ingress('nginx.org/rewrites: "x"'), "proxy_buffering", "off", 6),
    ("Kong",               ingress(cls="kong"),                                        "proxy_buffering",   "on",    0),
    ("Kong off",           ingress('konghq.com/response-buffering: "false"', cls="kong"), "proxy_buffering", "off",  6),
    ("Kong without class", ingress('konghq.com/response-buffering: "true"', cls=""),   "proxy_buffering",   "on",    6),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "name", "value", "line"), [row[1:] for row in VALUES], ids=[row[0] for row in VALUES]
)
def test_a_setting_becomes_the_directive_that_the_controller_writes(text, name, value, line):
    read = the_block(text).value(name, "-")
    assert (read.first, read.at.line if read.at else 0) == (value, line)


def test_a_default_says_whose_it_is():
    block = the_block(ingress())
    assert block.say(nginx.buffering(block)) == "proxy_buffering off (ingress-nginx's default)"
    assert block.say(nginx.http_version(block)) == "proxy_http_version 1.1 (ingress-nginx's default)"


CLASSES = [
    # name              text                                                             doubt of the block; "" if it is judged
    ("nginx",           ingress(),                                                       ""),
    ("microk8s",        ingress(cls="public"),                                           ""),
    ("another case",    ingress(cls="Nginx"),                                            ""),
    ("old annotation",  ingress('kubernetes.io/ingress.class: "nginx"', cls=""),         ""),
    ("own class",       ingress(f'{N}proxy-body-size: "8m"', cls="mine"),                ""),
    ("no class",        ingress(f'{N}proxy-body-size: "8m"', cls=""),                    ""),
    ("unknown class",   ingress(cls="mine"),                                             "it is not known which controller takes class mine"),
    ("nothing",         ingress(cls=""),                                                 "it names no class: the cluster decides which controller takes it"),
    ("a program",       ingress(cls="traefik"),                                          "class traefik is Traefik, whose configuration is not in this file"),
    ("another program", ingress(f'{N}proxy-buffering: "off"', cls="haproxy"),            "class haproxy is HAProxy's Ingress controller, whose configuration is not in this file"),
    ("middlewares",     ingress("traefik.ingress.kubernetes.io/router.middlewares: x@y", cls=""), "traefik.ingress.kubernetes.io/router.middlewares is an annotation of Traefik, and this file does not show its entry points and the middlewares that it names"),
    ("prefix and class", ingress('haproxy.org/timeout-server: "1h"', cls="nginx"),       "haproxy.org/timeout-server is an annotation of HAProxy's Ingress controller, and this file does not show its ConfigMap and its version"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "doubt"), [row[1:] for row in CLASSES], ids=[row[0] for row in CLASSES])
def test_only_an_nginx_that_is_known_is_judged(text, doubt):
    block = the_block(text)
    assert block.doubts == ((doubt,) if doubt else ())
    assert block.server is (Server.KUBERNETES if doubt else Server.NGINX)


DOUBTS = [
    # name           annotations                                                       why it is not known
    ("a value",      (f'{N}proxy-buffering: "false"',),                                f'{N}proxy-buffering false (line 6) is no value of ingress-nginx: expected "on" or "off"'),
    ("an alias",     (f'{N}proxy-body-size: &a "8m"', f"{N}proxy-buffering: *a"),      f"{N}proxy-buffering (line 7) is an alias, which is not read"),
    ("AJP",          (f'{N}backend-protocol: "ajp"',),                                 "backend-protocol AJP is no protocol of ingress-nginx today"),
    ("passthrough",  (f'{N}ssl-passthrough: "true"',),                                 "ssl-passthrough hands TLS through to the app, if the controller is started with it"),
    ("canary",       (f'{N}canary: "true"',),                                          f"a canary takes its {N} settings from the main Ingress of its host"),
    ("twice",        (f"{N}configuration-snippet: |", "  proxy_buffering off;"),       "proxy_buffering (line 7) stands in a snippet, and ingress-nginx writes it into every location: nginx refuses the second one. Use the annotation"),
    ("plugins",      ('konghq.com/plugins: "x"',),                                     "konghq.com/plugins: plugins may collect the response"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("annotations", "doubt"), [row[1:] for row in DOUBTS], ids=[row[0] for row in DOUBTS]
)
def test_what_the_file_does_not_show_is_a_doubt(annotations, doubt):
    assert the_block(ingress(*annotations)).doubts == (doubt,)


NO_DOUBTS = [
    (f'{N}proxy-read-timeout: "1h"',),
    (f'{N}backend-protocol: "HTTP"',),
    (f'{N}backend-protocol: "HTTPS"',),
    (f'{N}ssl-passthrough: "false"',),
    (f'{N}canary: "false"',),
    (f"{N}configuration-snippet: |", "  proxy_set_header A b;"),
]


@pytest.mark.parametrize("annotations", NO_DOUBTS)
def test_what_changes_nothing_is_no_doubt(annotations):
    assert the_block(ingress(*annotations)).doubts == ()


@pytest.mark.parametrize(
    ("protocol", "via", "passes_to"),
    [
        ("HTTP", "http", "http://upstream_balancer"),
        ("https", "http", "https://upstream_balancer"),
        ("AUTO_HTTP", "http", "$scheme://upstream_balancer"),
        ("FCGI", "fastcgi", "upstream_balancer"),
        ("AJP", "http", "http://upstream_balancer"),
    ],
)
def test_the_protocol_of_the_app_is_that_of_the_pass(protocol, via, passes_to):
    block = the_block(ingress(f'{N}backend-protocol: "{protocol}"'))
    assert (block.via, block.pass_directive.args[0]) == (via, passes_to)


@pytest.mark.parametrize("protocol", ["GRPC", "grpcs"])
def test_grpc_carries_no_stream_of_this_kind(protocol):
    assert list(blocks(config(ingress(f'{N}backend-protocol: "{protocol}"')))) == []


LISTENERS = [
    ("ingress-nginx",   ingress(),                                                    [(False, False), (True, True)]),
    ("with TLS",        ingress(spec=TLS),                                            [(False, False), (True, True)]),
    ("without HTTP/2",  config_map('use-http2: "false"') + "---\n" + ingress(),       [(False, False), (True, False)]),
    ("F5",              ingress('nginx.org/rewrites: "x"'),                           [(False, False)]),
    ("F5 with TLS",     ingress('nginx.org/rewrites: "x"', spec=TLS),                 [(False, False), (True, False)]),
    ("F5, no hosts",    ingress('nginx.org/rewrites: "x"', spec="  tls: []\n"),       [(False, False)]),
    ("F5, a template",  ingress('nginx.org/rewrites: "x"', spec="  tls: {{ .x }}\n"), [(False, False), (True, False)]),
    ("F5 with HTTP/2",  config_map('http2: "True"', name="x") + "---\n" + ingress('nginx.org/rewrites: "x"', spec=TLS), [(False, False), (True, True)]),
    ("Kong",            ingress(cls="kong"),                                          [(False, False), (True, True)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "listeners"), [row[1:] for row in LISTENERS], ids=[row[0] for row in LISTENERS]
)
def test_the_listeners_are_those_of_the_controller(text, listeners):
    assert [(each.tls, each.http2) for each in the_block(text).listeners] == listeners


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        (ingress(), True),
        (ingress(cls="kong"), True),
        (ingress('nginx.org/rewrites: "x"'), False),
        (ingress("nginx.org/websocket-services: a"), True),
    ],
)
def test_websocket_passes_where_the_controller_writes_its_headers(text, passes):
    assert (nginx.request_header(the_block(text), "upgrade") is not None) is passes


def test_a_location_in_a_server_snippet_is_a_block_of_its_own():
    text = ingress(f"{N}server-snippet: |", "  location /x {", "    proxy_pass http://y;", "  }")
    assert [(block.name, block.at.line) for block in blocks(config(text))] == [
        ("Ingress a", 2),
        ("location /x", 7),
    ]


NAMES = [
    ("an Ingress", ingress(), ["Ingress a"]),
    ("no name", "apiVersion: x\nkind: Ingress\n", ["Ingress"]),
    (
        "a generated name",
        "apiVersion: x\nkind: Ingress\nmetadata: {generateName: b-}\n",
        ["Ingress b-"],
    ),
    (
        "a template's name",
        "apiVersion: x\nkind: Ingress\nmetadata:\n  name: {{ .x }}\n",
        ["Ingress"],
    ),
    (
        "a list",
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: x, kind: Ingress, metadata: {name: a}}\n- {apiVersion: x, kind: Ingress, metadata: {name: b}}\n",
        ["Ingress a", "Ingress b"],
    ),
    ("not of the API", "kind: Ingress\n", []),
    ("another kind", "apiVersion: v1\nkind: Service\nmetadata: {annotations: {konghq.com/a: b}}\n", []),
    (
        "values",
        f'a:\n  ingress:\n    annotations:\n      {N}proxy-buffering: "on"\n',
        ["values a.ingress.annotations"],
    ),
    ("other annotations", "podAnnotations:\n  prometheus.io/scrape: 'true'\n", []),
    (
        "values in a release",
        f"apiVersion: x\nkind: HelmRelease\nspec:\n  values:\n    ingress:\n      annotations: {{{N}canary: 'false'}}\n",
        ["values spec.values.ingress.annotations"],
    ),
    (
        "F5's route",
        "apiVersion: k8s.nginx.org/v1\nkind: VirtualServer\nmetadata: {name: r}\n",
        ["VirtualServer r"],
    ),
    ("a Route of another API", "apiVersion: x\nkind: Route\n", []),
    (
        "a route",
        "apiVersion: x\nkind: HTTPRoute\nmetadata: {name: r}\n",
        ["HTTPRoute r"],
    ),
]


@pytest.mark.parametrize(("text", "names"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES])
def test_the_objects_that_pass_requests_are_found(text, names):
    read = config(text)
    assert [block.name for block in blocks(read)] == names
    assert concerns(read.directives) is bool(names)


@pytest.mark.parametrize("key", ["ingressClassName", "className", "class", "ingressClass"])
def test_the_class_of_a_chart_stands_beside_its_annotations(key):
    block = the_block(f"ingress:\n  {key}: traefik\n  annotations:\n    {N}proxy-buffering: 'on'\n")
    assert block.doubts == ("class traefik is Traefik, whose configuration is not in this file",)


def test_tls_of_a_chart_stands_beside_its_annotations():
    text = "ingress:\n  annotations:\n    nginx.org/rewrites: x\n  tls:\n  - hosts: [a]\n"
    assert len(the_block(text).listeners) == 2
    assert len(the_block(text.replace("tls", "hosts")).listeners) == 1


ROUTE = "apiVersion: x\nkind: HTTPRoute\nspec:\n  parentRefs: {parents}\n  rules:\n  - timeouts: {times}\n"
ROUTES = [
    ("[{name: gw}]", "{}", ["gw: which program implements this gateway is not in this file"]),
    (
        "[{name: a}, {name: b}, {name: c}, {name: d}]",
        "{}",
        ["a, b, c: which program implements this gateway is not in this file"],
    ),
    ("[]", "{}", ["its gateway: which program implements this gateway is not in this file"]),
]


@pytest.mark.parametrize(("parents", "times", "doubts"), ROUTES)
def test_a_route_is_unknown(parents, times, doubts):
    text = ROUTE.replace("{parents}", parents).replace("{times}", times)
    assert list(the_block(text).doubts) == doubts


@pytest.mark.parametrize(
    ("times", "deadlines"),
    [
        ("{}", []),
        ("{request: 0s}", []),
        ("{request: 10s}", [("timeouts.request 10s", 6)]),
        ("{request: 0s, backendRequest: 1m}", [("timeouts.backendRequest 1m", 6)]),
        ("{request: 59m, backendRequest: 3601s}", [("timeouts.request 59m", 6)]),
        ("{request: 1h}", []),
        ("{request: soon}", []),
    ],
)
def test_a_route_with_a_timeout_ends_streams(times, deadlines):
    text = (
        ROUTE.replace("{parents}", "[]")
        .replace("{times}", times)
        .replace("apiVersion: x", "apiVersion: gateway.networking.k8s.io/v1")
    )
    checked = check_text(text, name="route.yaml")
    assert [(finding.value, finding.line) for finding in checked.findings] == deadlines
    assert {finding.culprit.id for finding in checked.findings} <= {"stream-deadline"}
    assert bool(checked.unknown) is not bool(deadlines)


def test_a_route_of_one_program_is_unknown():
    text = "apiVersion: projectcontour.io/v1\nkind: HTTPProxy\nmetadata: {name: r}\n"
    assert the_block(text).doubts == ("a HTTPProxy is for Contour, whose configuration is not in this file",)


def test_the_blocks_are_in_the_order_of_the_file():
    text = "apiVersion: x\nkind: HTTPRoute\n---\n" + ingress() + "---\napiVersion: x\nkind: HTTPRoute\n"
    assert [block.at.line for block in blocks(config(text))] == [2, 5, 12]


def test_no_more_blocks_are_made_than_are_checked():
    text = "---\n{apiVersion: x, kind: Ingress}\n" * (MAX_BLOCKS + 10)
    assert len(list(blocks(config(text)))) == MAX_BLOCKS + 1


SETTINGS = [
    ("a ConfigMap", config_map('proxy-buffering: "on"'), [("ConfigMap ingress-nginx-controller", "on", 6)]),
    ("of another thing", config_map("a: b"), []),
    ("F5's value", config_map('proxy-buffering: "False"', name="x"), [("ConfigMap x", "off", 6)]),
    (
        "F5's snippets",
        config_map("http-snippets: |", "  gzip on;", name="x"),
        [("ConfigMap x", "on", 0)],
    ),
    ("F5's time", config_map('proxy-read-timeout: "60s"', name="x"), [("ConfigMap x", "on", 0)]),
    ("a number", config_map('proxy-read-timeout: "60"', name="x"), [("ConfigMap x", "off", 0)]),
    (
        "chart",
        "controller:\n  config:\n    proxy-buffering: 'on'\n",
        [("values controller.config", "on", 3)],
    ),
    (
        "subchart",
        "a:\n  controller:\n    config: {use-gzip: 'true'}\n",
        [("values controller.config", "off", 0)],
    ),
    (
        "F5's chart",
        "controller:\n  config:\n    entries: {proxy-buffering: 'True'}\n",
        [("values controller.config.entries", "on", 3)],
    ),
    ("another controller", "controller:\n  config: {a: b}\n", []),
    (
        "the name decides",
        config_map('proxy-buffering: "True"', name="ingress-nginx"),
        [("ConfigMap ingress-nginx", "off", 0)],
    ),
]


@pytest.mark.parametrize(
    ("text", "expected"), [row[1:] for row in SETTINGS], ids=[row[0] for row in SETTINGS]
)
def test_the_settings_of_a_cluster_are_a_fragment(text, expected):
    found = []
    for block in fragments(config(text)):
        value = nginx.buffering(block)
        found.append((block.name, value.first, value.at.line if value.at else 0))
        assert block.is_fragment
    assert found == expected


IGNORED = [
    # name            text                                            line, reason
    ("a unit",        ingress(f'{N}proxy-read-timeout: "1h"'),        [(6, f"{N}proxy-read-timeout '1h': ingress-nginx expects a number of seconds without a unit, and ignores this")]),
    ("a letter more", ingress(f'{N}proxy-bufferring: "off"'),         [(6, f"{N}proxy-bufferring: did you mean {N}proxy-buffering? ingress-nginx has no such setting")]),
    ("an underscore", ingress(f'{N}proxy_buffering: "off"'),          [(6, f"{N}proxy_buffering: did you mean {N}proxy-buffering? ingress-nginx has no such setting")]),
    ("a known one",   ingress(f'{N}proxy-buffering: "off"'),          []),
    ("another one",   ingress(f'{N}proxy-buffer-size: "8k"'),         []),
    ("another prefix", ingress('a/proxy-bufferin: "off"'),            []),
    ("no nginx",      ingress(f'{N}proxy_buffering: "off"', cls="traefik"), []),
    ("a ConfigMap",   config_map('proxy-bufering: "off"', 'use-gzip: "x"'), [(7, "use-gzip 'x': ingress-nginx expects \"true\" or \"false\", and ignores this"), (6, "proxy-bufering: did you mean proxy-buffering? ingress-nginx has no such setting")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problems"), [row[1:] for row in IGNORED], ids=[row[0] for row in IGNORED])
def test_what_a_controller_ignores_is_said(text, problems):
    found = list(ignored_lines(config(text)))
    assert [(each.line, each.reason) for each in found] == problems
    assert not any(each.incomplete or each.refused for each in found)


@pytest.mark.parametrize(
    ("given", "misspelt"),
    [
        ("proxy-buffering", True),
        ("proxy_buffering", True),
        ("Proxy-Buffering", True),
        ("proxy-buffeering", True),
        ("proxy-bufferin", True),
        ("roxy-buffering", True),
        ("proxy-bufferinx", True),
        ("proxy-bufforing", True),
        ("proxy-bufforinx", False),
        ("proxy-buffer", False),
        ("proxy-bufferinggg", False),
        ("", False),
    ],
)
def test_one_letter_is_a_slip(given, misspelt):
    assert is_misspelt(given, "proxy-buffering") is misspelt


@pytest.mark.parametrize(
    ("text", "passive"),
    [
        ("apiVersion: v1\nkind: Service\n---\napiVersion: apps/v1\nkind: Deployment\n", True),
        ("apiVersion: v1\nkind: Service\n---\n", True),
        ("apiVersion: v1\nkind: Service\n---\napiVersion: x\nkind: IngressRoute\n", False),
        ("a: b\n", False),
        ("", False),
    ],
)
def test_objects_that_pass_nothing_are_known(text, passive):
    assert is_passive(parse_kubernetes(text, "a.yaml").directives) is passive


def outcome(text, name="a.yaml"):
    checked = check_text(text, name=name)
    found = {(each.culprit.id, each.line) for each in checked.findings if each.level is not Level.NOTE}
    return found, [each.reason for each in checked.passed], [each.reason for each in checked.unknown]


DEFAULT = (
    "proxy_buffering off (ingress-nginx's default) if ingress-nginx takes this class and the ConfigMap of "
    "ingress-nginx and its version leave these defaults as they are"
)


def test_what_names_its_controller_needs_no_condition_for_it():
    (reason,) = outcome(ingress(f'{N}proxy-body-size: "8m"'))[1]
    assert reason == DEFAULT.replace("ingress-nginx takes this class and ", "")


def test_kong_may_have_plugins_for_the_whole_cluster():
    (reason,) = outcome(ingress('konghq.com/response-buffering: "false"', cls="kong"))[1]
    assert reason == "proxy_buffering off (line 6) if no plugin of the whole cluster collects responses"


UNQUOTED = [
    ("3600", True),
    ("off", True),
    ("off # comment", True),
    ("TRUE", True),
    ("1.5", True),
    ("~", True),
    ('"3600"', False),
    ("'off'", False),
    ("8m", False),
    ("{{ .x }}", False),
    ("", False),
]


@pytest.mark.parametrize(("value", "refused"), UNQUOTED)
def test_an_annotation_that_is_no_string_is_refused_by_kubernetes(value, refused):
    text = ingress(f"a.io/b: {value}", cls="traefik")
    reasons = [each.reason for each in ignored_lines(config(text))]
    bare = value.partition(" #")[0]
    expected = f"a.io/b: Kubernetes refuses {bare} without quotes, because annotations are strings"
    assert reasons == ([expected] if refused else [])


REST = "more than 100 lines that are ignored: those from here on are not listed"


@pytest.mark.parametrize(("count", "rest"), [(100, []), (101, [(105, REST)]), (102, [(105, REST)])])
def test_of_very_many_ignored_lines_the_first_are_listed(count, rest):
    text = "kind: ConfigMap\napiVersion: v1\ndata:\n  use-gzip: 'on!'\n" + "  use-gzip: 'on!'\n" * (count - 1)
    found = list(ignored_lines(config(text)))
    assert [(each.line, each.reason) for each in found[100:]] == [(line - 1, why) for line, why in rest]
    assert all(each.reason != REST for each in found[:100])


def test_the_values_of_a_chart_may_be_no_strings():
    assert list(ignored_lines(config(f"ingress:\n  annotations:\n    {N}limit-rate: 4\n"))) == []


def test_an_ingress_as_json_is_read():
    text = '{\n  "apiVersion": "networking.k8s.io/v1",\n  "kind": "Ingress",\n  "metadata": {\n    "annotations": {\n      "%sproxy-buffering": "on"\n    }\n  },\n  "spec": {\n    "ingressClassName": "nginx"\n  }\n}\n'
    assert outcome(text % N, name="pasted")[0] == {("nginx-proxy-buffering", 6)}
    assert list(ignored_lines(config(text % N))) == []


def test_a_default_is_innocent_on_condition():
    assert outcome(ingress()) == (
        set(),
        [DEFAULT],
        [],
    )


def test_an_annotation_is_innocent_without_condition():
    assert outcome(ingress(f'{N}proxy-buffering: "off"'))[1] == ["proxy_buffering off (line 6)"]


def test_annotations_that_a_template_writes_are_not_known():
    text = ingress("{{- toYaml .x | nindent 4 }}")
    (reason,) = outcome(text)[2]
    unread, _, rest = reason.partition("; ")
    assert unread == "⟨toYaml_.x_nindent_4⟩ could not be read"
    assert rest == "if it adds nothing: proxy_buffering off (ingress-nginx's default)"
    beside = ingress("{{- toYaml .x | nindent 4 }}", f'{N}proxy-buffering: "off"')
    assert outcome(beside)[1] == [
        "proxy_buffering off (line 7) if ⟨toYaml_.x_nindent_4⟩, which could not be read, adds nothing"
    ]


@pytest.mark.parametrize(
    "annotations",
    ["annotations: *x", "annotations: {{ .x }}", "annotations:\n    <<: *x", "<<: *x"],
)
def test_annotations_that_stand_elsewhere_are_not_known(annotations):
    text = f"apiVersion: x\nkind: Ingress\nmetadata:\n  {annotations}\nspec: {{ingressClassName: nginx}}\n"
    (reason,) = outcome(text)[2]
    assert "could not be read; if it adds nothing" in reason


def test_a_value_that_a_template_writes_is_not_known():
    text = ingress(f"{N}proxy-buffering: {{{{ .x }}}}")
    assert outcome(text)[2] == ["a template fills in proxy_buffering ⟨.x⟩ (line 6)"]


def test_objects_that_pass_nothing_are_no_fault():
    checked = check_text("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n", name="a.yaml")
    assert (checked.exit_code(), checked.serving) == (0, ("a.yaml",))


def test_an_object_of_an_unknown_kind_is_not_recognised():
    checked = check_text("apiVersion: x\nkind: Other\n", name="a.yaml")
    assert (checked.exit_code(), checked.serving) == (3, ())


def test_a_config_map_with_a_whole_nginx_is_read_as_nginx():
    text = config_map(
        "nginx.conf: |", "  events {}", "  http { server { location / { proxy_pass http://x; } } }"
    )
    assert outcome(text)[0] == {("nginx-proxy-buffering", 8)}


def test_a_snippet_is_judged_once():
    text = ingress(f"{N}configuration-snippet: |", "  proxy_buffering on;")
    assert outcome(text)[0] == {("nginx-proxy-buffering", 7)}
    assert len([each for each in check_text(text, name="a.yaml").findings if each.line == 7]) == 1


def test_a_pasted_ingress_is_recognised_by_its_lines():
    assert outcome(ingress(f'{N}proxy-buffering: "on"'), name="pasted")[0] == {("nginx-proxy-buffering", 6)}


@pytest.mark.parametrize("name", ["a.yaml", "a.yml", "a.yaml.j2", "templates/ingress.yaml"])
def test_a_yaml_file_is_read_whatever_its_name(name):
    assert outcome(ingress(f'{N}proxy-buffering: "on"'), name=name)[0] == {("nginx-proxy-buffering", 6)}


def test_an_error_in_a_snippet_has_its_line():
    text = ingress(f"{N}configuration-snippet: |", "  gzip on", "  }", f'{N}proxy-buffering: "on"')
    checked = check_text(text, name="a.yaml")
    assert [each.line for each in checked.problems if each.incomplete] == [8, 7]
    assert {each.line for each in checked.findings} >= {9}
