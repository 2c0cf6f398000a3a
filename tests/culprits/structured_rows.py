"""Rows of test_linters.py for programs whose files are YAML and TOML: Traefik and Envoy."""

from __future__ import annotations

from flushcheck.configs.findings import Server

TRAEFIK, ENVOY = Server.TRAEFIK, Server.ENVOY


def traefik(middlewares: str, names: str = "[a]", more: str = "") -> str:
    """A router with these middlewares, and an entry point."""
    return (
        f"entryPoints: {{web: {{address: x}}}}\n---\n{more}http:\n  middlewares:\n{middlewares}"
        f"  routers:\n    r:\n      service: s\n      middlewares: {names}\n"
    )


BUFFERING = "    a:\n      buffering:\n        maxRequestBodyBytes: 1\n"
COMPRESS = "    a:\n      compress: {}\n"
LABELS = "x:\n  labels:\n    traefik.http.routers.r.middlewares: {}\n    traefik.http.middlewares.a.buffering.maxRequestBodyBytes: 1\n"

TYPE = "type.googleapis.com/envoy.extensions"


def envoy(
    filters: str = "",
    route: str = "timeout: 0s",
    manager: str = "upgrade_configs: [{upgrade_type: websocket}]",
    beside: str = "",
    alpn: str = "[h2]",
    cluster: str = "",
    more: str = "",
) -> str:
    """A connection manager with one route."""
    return f"""static_resources:
  clusters: [{{name: c{cluster}}}]
  listeners:
  - filter_chains:
    - transport_socket: {{typed_config: {{common_tls_context: {{alpn_protocols: {alpn}}}}}}}
      filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          {manager}
          route_config:
            virtual_hosts:
            - name: v
              routes:
              - match: {{prefix: /}}
                route: {{cluster: c, {route}}}
                {beside}
{more}
          http_filters:
{filters}
          - name: envoy.filters.http.router
"""


def compressor(
    library: str = "zstd", types: str = "", more: str = "", name: str = "envoy.filters.http.compressor"
) -> str:
    """A compressor filter."""
    common = f"response_direction_config: {{common_config: {{{types}}}}}, " if types else ""
    return (
        f'          - {{name: {name}, {more}typed_config: {{"@type": "{TYPE}.filters.http.compressor.v3.Compressor", {common}'
        f'compressor_library: {{typed_config: {{"@type": "{TYPE}.compression.{library}.compressor.v3.{library.capitalize()}"}}}}}}}}\n'
    )


BUFFER = "          - name: envoy.filters.http.buffer\n"
OFF = "typed_per_filter_config: {envoy.filters.http.buffer: {disabled: true}}"
WEBSOCKET = "upgrade_configs: [{upgrade_type: websocket}]"
CONNECT = f"{WEBSOCKET}\n          http2_protocol_options: {{allow_connect: true}}"
VIRTUAL = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nspec:\n  http:\n  - route: [a]\n"
OTHER_ROUTE = (
    "              - match: {prefix: /ws}\n                route: {cluster: c, timeout: 0s}\n                "
    + OFF
)

STRUCTURED: list[tuple[str, Server, list[tuple[str, str]]]] = [
    ("traefik-buffering", TRAEFIK, [
        (traefik(BUFFERING),                          "error"),
        (traefik(BUFFERING, "[b, a]"),                "error"),
        (traefik(BUFFERING, "[a@file]"),              "error"),
        (traefik(BUFFERING, "[b]"),                   ""),
        (traefik(COMPRESS),                           ""),
        (traefik(BUFFERING.replace("buffering", "Buffering")), "error"),
        (traefik("    b:\n      chain: {middlewares: [c, a]}\n" + BUFFERING, "[b]"), "error"),
        (traefik("    b:\n      chain: {middlewares: [b]}\n", "[b]"), ""),
        (traefik(BUFFERING, "[]").replace("{address: x}", "{address: x, http: {middlewares: [a]}}"), "error"),
        (traefik(BUFFERING, "[]\n      entryPoints: [Web]").replace("{address: x}", "{address: x, http: {middlewares: [a]}}"), "error"),
        (traefik(BUFFERING, "[]\n      entryPoints: [other]").replace("{address: x}", "{address: x, http: {middlewares: [a]}}"), ""),
        (traefik(BUFFERING).replace("service: s", "service: api@internal"), ""),
        ("http:\n  middlewares:\n" + BUFFERING,       "note"),
        ("http:\n  middlewares:\n" + COMPRESS,        ""),
        (LABELS.format("a"),                          "error"),
        (LABELS.format("'b, a'"),                     "error"),
        (LABELS.format("b"),                          ""),
        (LABELS.format("a").replace("routers.r", "Routers.r").replace("x:", "y:"), "error"),
        ("[http.middlewares.a.buffering]\nx = 1\n[http.routers.r]\nmiddlewares = ['a']\n", "error"),
        ("[http.middlewares.a.buffering]\nx = 1\n[http.routers.r]\nmiddlewares = []\n", ""),
    ]),
    ("stream-deadline", TRAEFIK, [
        (traefik(COMPRESS).replace("address: x", "transport: {respondingTimeouts: {writeTimeout: 60}}"), "warning"),
        (traefik(COMPRESS).replace("address: x", "transport: {respondingTimeouts: {writeTimeout: 59m59s}}"), "warning"),
        (traefik(COMPRESS).replace("address: x", "transport: {respondingTimeouts: {writeTimeout: 1h}}"), ""),
        (traefik(COMPRESS).replace("address: x", "transport: {respondingTimeouts: {writeTimeout: 0s}}"), ""),
        (traefik(COMPRESS).replace("address: x", "transport: {respondingTimeouts: {writeTimeout: soon}}"), ""),
        (traefik(COMPRESS).replace("address: x", "transport: {respondingTimeouts: {readTimeout: 60s}}"), ""),
        ("a: [--entrypoints.web.transport.respondingTimeouts.writeTimeout=5s]\n" + LABELS.format("a"), "warning"),
        ("a: [--entrypoints.web.transport.respondingTimeouts.readTimeout=5s]\n" + LABELS.format("a"), ""),
        ("a: [--log.web.transport.respondingTimeouts.writeTimeout=5s]\n" + LABELS.format("a"), ""),
        ("a: [--entrypoints]\n" + LABELS.format("a"), ""),
    ]),
    ("stream-deadline", ENVOY, [
        (envoy(route="timeout: 0s"),                  ""),
        (envoy(route="timeout: 3599s"),               "warning"),
        (envoy(route="timeout: 3600s"),               ""),
        (envoy(route="timeout: {seconds: 5}"),        "warning"),
        (envoy(route="timeout: x"),                   ""),
        (envoy(route="a: b"),                         "warning"),
        (envoy(route="a: b").replace("name: c}", "name: d}"), ""),
        (envoy(route="timeout: 0s, max_stream_duration: {max_stream_duration: 5s}"), "warning"),
        (envoy(route="timeout: 0s, max_stream_duration: {max_stream_duration: 3600s}"), ""),
        (envoy(route="timeout: 0s, max_stream_duration: {max_stream_duration: 0s}"), ""),
        (envoy(manager="common_http_protocol_options: {max_stream_duration: 5s}"), "warning"),
        (envoy(manager="common_http_protocol_options: {idle_timeout: 5s}"), ""),
        (VIRTUAL,                                     ""),
        (VIRTUAL + "    timeout: 5s\n",               "warning"),
        (VIRTUAL + "    timeout: 1m30s\n",            "warning"),
        (VIRTUAL + "    timeout: 0s\n",               ""),
    ]),
    ("envoy-buffer", ENVOY, [
        (envoy(BUFFER),                               "error"),
        (envoy(),                                     ""),
        (envoy(BUFFER, manager="a: b"),               ""),
        (envoy(BUFFER, manager="upgrade_configs: [{upgrade_type: CONNECT}]"), ""),
        (envoy(BUFFER, manager="upgrade_configs: [{upgrade_type: WebSocket}]"), "error"),
        (envoy(BUFFER, manager="upgrade_configs: [{upgrade_type: websocket, filters: [{name: envoy.filters.http.router}]}]"), ""),
        (envoy(BUFFER, manager="a: b", route="timeout: 0s, upgrade_configs: [{upgrade_type: websocket}]"), "error"),
        (envoy(BUFFER, beside=OFF),                   ""),
        (envoy(BUFFER, beside=OFF.replace("true", "false")), "error"),
        (envoy(BUFFER, more=OTHER_ROUTE),             "note"),
        (envoy(BUFFER.replace("buffer", "buffer, disabled: true").replace("name:", "{name:").replace("\n", "}\n")), ""),
        (envoy(BUFFER.replace("buffer", "buffer, disabled: true").replace("name:", "{name:").replace("\n", "}\n"), beside=OFF.replace("true", "false")), "error"),
    ]),
    ("envoy-compressor", ENVOY, [
        (envoy(compressor()),                         "warning"),
        (envoy(compressor(types="content_type: [text/event-stream]")), "error"),
        (envoy(compressor(types="content_type: [text/Plain]")), "warning"),
        (envoy(compressor(types="content_type: [application/x-ndjson]")), "warning"),
        (envoy(compressor(types="content_type: [text/html]")), ""),
        (envoy(compressor(types="content_type: []")), "warning"),
        (envoy(compressor("gzip")),                   ""),
        (envoy(compressor("brotli")),                 ""),
        (envoy(compressor(types="enabled: {default_value: false}, content_type: [text/event-stream]")), ""),
        (envoy(compressor(types="enabled: {default_value: true}, content_type: [text/event-stream]")), "error"),
        (envoy(compressor(types="content_type: [text/event-stream]") + compressor("gzip")), "warning"),
        (envoy(compressor(more="disabled: true, ")),  ""),
        (envoy(compressor(name="other")),             "warning"),
        (envoy(BUFFER),                               ""),
    ]),
    ("envoy-allow-connect", ENVOY, [
        (envoy(manager=CONNECT),                      "error"),
        (envoy(manager=CONNECT.replace("true", "false")), ""),
        (envoy(),                                     ""),
        (envoy(manager="http2_protocol_options: {allow_connect: true}"), ""),
        (envoy(manager=CONNECT, alpn="[http/1.1]"),   ""),
        (envoy(manager=CONNECT, alpn="h2"),           "error"),
        (envoy(manager=CONNECT).replace("- filter_chains", "- udp_listener_config: {a: b}\n    filter_chains").replace("[h2]", "[]"), "error"),
        (envoy(manager=CONNECT).replace("transport_socket:", "other:"), ""),
        (envoy(manager=CONNECT, cluster=", http2_protocol_options: {}"), ""),
        (envoy(manager=CONNECT).replace("name: c}", "name: d}"), ""),
    ]),
    ("websocket-upgrade", ENVOY, [
        (envoy(),                                     ""),
        (envoy(manager="a: b"),                       "note"),
        (envoy(manager="a: b", route="timeout: 0s, upgrade_configs: [{upgrade_type: websocket}]"), ""),
        (VIRTUAL,                                     ""),
    ]),
    ("idle-timeout", ENVOY, [
        (envoy(),                                     ""),
        (envoy(manager="stream_idle_timeout: 15s"),   "warning"),
        (envoy(manager="stream_idle_timeout: 16s"),   "note"),
        (envoy(manager="stream_idle_timeout: 119s"),  "note"),
        (envoy(manager="stream_idle_timeout: 120s"),  ""),
        (envoy(manager="stream_idle_timeout: 0s"),    ""),
        (envoy(manager="stream_idle_timeout: 5s", route="idle_timeout: 0s, timeout: 0s"), ""),
        (envoy(route="timeout: 0s, idle_timeout: 5s"), "warning"),
    ]),
]  # fmt: skip
