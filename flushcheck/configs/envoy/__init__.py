"""Envoy and Istio: filters of an HTTP connection manager, and the routes that pass to a cluster.

`filters.py` says what filters do to a response, `model.py` finds connection managers, routes and Istio's own
kinds in the documents, `blocks.py` returns each route that passes to an app, `routing.py` chooses by
domains and paths.
Source: Envoy's API reference, v3; what was measured was measured on 1.40.0.
"""

from __future__ import annotations

from flushcheck.configs.envoy.blocks import blocks, doubts, pass_reason, refused_lines
from flushcheck.configs.envoy.durations import seconds
from flushcheck.configs.envoy.filters import Filter, compresses, extension, holding_types
from flushcheck.configs.envoy.model import Manager, Place, is_off_elsewhere, place_of, upstream_http2
from flushcheck.configs.envoy.routing import route
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import Format

__all__ = [
    "FORMAT",
    "Filter",
    "Manager",
    "Place",
    "blocks",
    "compresses",
    "extension",
    "holding_types",
    "is_off_elsewhere",
    "place_of",
    "refused_lines",
    "seconds",
    "upstream_http2",
]

FORMAT = Format(
    server=Server.ENVOY,
    blocks=blocks,
    pass_reason=pass_reason,
    doubts=doubts,
    route=route,
    is_whole=lambda _config: False,
    file_names=(r"(^|/)envoy\.(ya?ml|json)$",),
    line_starts=(
        r"""(-\s+)?["']?name["']?:\s*["']?envoy\.[\w.]+["']?,?\s*$""",
        r"""(-\s+)?["']?@type["']?:\s*["']?type\.googleapis\.com/envoy\.""",
        r"""["']?(static_resources|dynamic_resources|filter_chains|http_filters|virtual_hosts)["']?:""",
        r"""["'](name|resources|domains|routes|match|route|cluster|typed_config|timeout)["']:""",
        r"apiVersion:\s*networking\.istio\.io/",
    ),
)
