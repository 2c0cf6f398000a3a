"""Kubernetes: Ingresses, their controllers' ConfigMaps and chart values, routes of the Gateway API.

`objects.py` finds the objects, `controllers.py` knows what each controller that is an nginx makes of its
settings, `nginx_lines.py` writes those lines, `blocks.py` makes Blocks of them, `unknown.py` of what is not
known. `wording.py` says nginx's fixes as annotations, `ignored.py` names what a controller ignores. The YAML
is read outside the pure packages (`flushcheck.files.kubernetes_files`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs import nginx
from flushcheck.configs.assumptions import Assumption, Condition
from flushcheck.configs.findings import Server
from flushcheck.configs.kubernetes.blocks import blocks, concerns, fragments
from flushcheck.configs.kubernetes.controllers import KONG
from flushcheck.configs.kubernetes.ignored import ignored_lines
from flushcheck.configs.kubernetes.objects import is_passive
from flushcheck.configs.kubernetes.unknown import deadlines
from flushcheck.configs.kubernetes.wording import controller_named, reworded
from flushcheck.configs.tree import Block, Format

__all__ = ["FORMAT", "blocks", "concerns", "deadlines", "fragments", "ignored_lines", "is_passive"]


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
        by_class = f"{controller.name} takes this class and " if "by class" in block.params else ""
        settled = f"the ConfigMap of {controller.name} and its version leave these defaults as they are"
        clause = f"if {by_class}{settled}"
        yield Condition(Assumption.EMPTY_INCLUDES, clause)
    if controller is KONG:
        yield Condition(Assumption.EMPTY_INCLUDES, "if no plugin of the whole cluster collects responses")


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
    decisive=lambda block: nginx.FORMAT.decisive(block) if block.server is Server.NGINX else (),
    # Kinds of their own, which the formats of those programs read.
    excluded_by=re.compile(r"^apiVersion:[ \t]*(traefik\.|networking\.istio\.io)", re.MULTILINE),
    file_names=(),
    line_starts=(
        r'"?apiVersion"?:\s*"?(v1"?,?\s*$|apps/|extensions/|(gateway\.)?networking\.k8s\.io/|k8s\.nginx\.org/)',
        r'"?kind"?:\s+"?(Ingress|ConfigMap|Service|Deployment|Gateway|HTTPRoute|GRPCRoute|VirtualServer)',
        r"(nginx|haproxy|traefik|alb)\.ingress\.kubernetes\.io/",
        r'"?ingressClassName"?:',
        r"(proxy-(buffering|read-timeout|http-version)|use-gzip|enable-brotli|ssl-buffer-size|http-snippet):",
        r"(pathType|serviceName|servicePort|secretName|parentRefs|backendRefs):",
    ),
)
