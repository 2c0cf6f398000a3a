"""Kubernetes: Ingresses, their controllers' ConfigMaps and chart values, routes of the Gateway API.

`objects.py` finds the objects, `controllers.py` knows what each controller that is an nginx makes of its
settings, `nginx_lines.py` writes those lines, `blocks.py` makes Blocks of them, `wording.py` says nginx's
fixes as annotations. The YAML is read outside the pure packages (`flushcheck.files.kubernetes_files`).
"""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import nginx
from flushcheck.configs.assumptions import Assumption, Condition
from flushcheck.configs.findings import Server
from flushcheck.configs.kubernetes.blocks import blocks, concerns, fragments, ignored_lines
from flushcheck.configs.kubernetes.objects import is_passive
from flushcheck.configs.kubernetes.wording import controller_named, reworded
from flushcheck.configs.tree import Block, Format

__all__ = ["FORMAT", "blocks", "concerns", "fragments", "ignored_lines", "is_passive"]


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    if block.server is Server.NGINX:
        return nginx.FORMAT.pass_reason(block)
    return "nothing is known that holds it"


def doubts(block: Block) -> Iterator[str]:
    """Why it is not known: what nginx's modules may do; the rest stands in the Block."""
    if block.server is Server.NGINX:
        yield from nginx.FORMAT.doubts(block)


def conditions(block: Block) -> Iterator[Condition]:
    """What must be true: above all that the ConfigMap, which stands elsewhere, changes no default."""
    if block.server is not Server.NGINX:
        return
    yield from nginx.FORMAT.conditions(block)
    controller = controller_named(block)
    if controller is None or not nginx.prefix(block):
        return
    if nginx.buffering(block).at is None:
        clause = f"if the ConfigMap of {controller.name} and its version leave these defaults as they are"
        yield Condition(Assumption.EMPTY_INCLUDES, clause)


FORMAT = Format(
    server=Server.KUBERNETES,
    blocks=blocks,
    fragments=fragments,
    frees=lambda block: block.server is Server.NGINX and nginx.FORMAT.frees(block),
    pass_reason=pass_reason,
    doubts=doubts,
    conditions=conditions,
    deciding=lambda block: nginx.FORMAT.deciding(block) if block.server is Server.NGINX else None,
    reworded=reworded,
    file_names=(),
    line_starts=(
        r"apiVersion:\s",
        r"kind:\s+[A-Z]",
        r"metadata:\s*$",
        r"spec:\s*$",
        r"(nginx|haproxy|traefik|alb)\.ingress\.kubernetes\.io/",
        r"ingressClassName:",
        r"(proxy-(buffering|read-timeout|http-version)|use-gzip|enable-brotli|ssl-buffer-size|http-snippet):",
        r"(pathType|serviceName|servicePort|secretName|parentRefs|backendRefs):",
    ),
)
