"""Traefik: routers and their middlewares, in files (YAML, TOML), labels, and Kubernetes' own kinds.

`model.py` collects what the documents define, `blocks.py` returns each router that passes to an app,
`routing.py` chooses by rules.
Source: Traefik's reference of its dynamic and static configuration, 3.7; what middlewares do to a stream was
measured on 3.7.15.
"""

from __future__ import annotations

from flushcheck.configs.findings import Server
from flushcheck.configs.traefik.blocks import (
    INCLUDES,
    blocks,
    conditions,
    doubts,
    pass_reason,
    unused,
)
from flushcheck.configs.traefik.durations import seconds
from flushcheck.configs.traefik.model import (
    Chain,
    Middleware,
    chain_of,
    entry_points_of,
    is_ingress,
)
from flushcheck.configs.traefik.references import Reference
from flushcheck.configs.traefik.routing import route
from flushcheck.configs.tree import Format

__all__ = [
    "FORMAT",
    "INCLUDES",
    "Chain",
    "Middleware",
    "Reference",
    "blocks",
    "chain_of",
    "entry_points_of",
    "is_ingress",
    "seconds",
    "unused",
]

FORMAT = Format(
    server=Server.TRAEFIK,
    blocks=blocks,
    pass_reason=pass_reason,
    doubts=doubts,
    conditions=conditions,
    route=route,
    is_whole=lambda _config: False,
    file_names=(r"(^|/)traefik(-?dynamic)?\.(ya?ml|toml)$",),
    line_starts=(
        r"\[+(http|tcp)\.(routers|middlewares|services)\b",
        r"\[+(entryPoints|certificatesResolvers)\b",
        r"(entryPoints|certificatesResolvers):\s*$",
        r"""(-\s+)?["']?traefik\.(http|enable|tcp|docker)\b""",
        r"apiVersion:\s*traefik\.(io|containo\.us)/",
    ),
)
