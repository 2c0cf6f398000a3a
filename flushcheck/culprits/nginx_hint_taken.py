"""An inner nginx that obeys X-Accel-Buffering and takes it out, in front of it a proxy that buffers."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import nginx
from flushcheck.configs.findings import Finding, Level
from flushcheck.configs.tree import Block
from flushcheck.culprits import nginx_blocks, x_accel
from flushcheck.measurement.observations import Observations
from flushcheck.model import Confidence, Culprit, Detection, Evidence, Fix, Transport

CULPRIT = Culprit(
    id="nginx-hint-taken",
    title="an outer proxy buffers, and the nginx behind it takes X-Accel-Buffering out of the response",
    why=(
        "X-Accel-Buffering speaks to one nginx: the first one that sees it obeys and removes it. A second "
        "nginx further out never learns of it and keeps buffering."
    ),
    symptoms=(
        "Held although the app sends X-Accel-Buffering: no, and the header does not arrive. From outside "
        "this cannot be told from one nginx with proxy_ignore_headers X-Accel-Buffering."
    ),
    fixes=(
        Fix(
            where="the outer nginx, the location block with proxy_pass",
            change="proxy_buffering off;",
            caution="a slow reader now keeps the inner connection busy for as long as it reads",
        ),
        Fix(
            where="the inner nginx, the location block with proxy_pass",
            change="proxy_pass_header X-Accel-Buffering;",
            caution="the app has to send the header; it reaches clients unless the outer one takes it",
        ),
    ),
    references=(
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass_header",
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering",
    ),
)

SEPARATE = Evidence(
    "what would separate the two: `nginx -T | grep -n proxy_ignore_headers` on each nginx of the path"
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The hint was taken and freed nothing."""
    if not x_accel.stripped_without_effect(seen, transport) or seen.size_bytes(transport) is None:
        return None
    return Detection(CULPRIT, Confidence.POSSIBLE, (*x_accel.header_evidence(seen, transport), SEPARATE))


def lint(block: Block) -> Iterator[Finding]:
    """A pass to another server of the same configuration, which takes the hint out."""
    if not block.hint_taken or block.behind is None or not nginx.holds(block):
        return
    value = nginx.buffering(block)
    yield block.finding(
        CULPRIT,
        Level.ERROR,
        f"{block.gate.text} leads to the server at {block.behind.place}, which takes X-Accel-Buffering out "
        f"of the app's responses, while {block.say(value)} here waits for it",
        at=block.gate,
        value=value,
        edits=nginx_blocks.free(block),
    )
