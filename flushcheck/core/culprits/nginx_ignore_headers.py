"""nginx told to ignore X-Accel-Buffering."""

from __future__ import annotations

from flushcheck.core.culprits import hint
from flushcheck.core.culprits.nginx_hint_taken import SEPARATE
from flushcheck.core.model import Confidence, Culprit, Fix, Suspicion, Transport
from flushcheck.core.observations import Observations

CULPRIT = Culprit(
    id="nginx-ignore-headers",
    title="nginx buffers, and proxy_ignore_headers makes it deaf to X-Accel-Buffering",
    why=(
        "proxy_ignore_headers X-Accel-Buffering switches off the app's way to stop proxy_buffering. nginx "
        "removes the header from the response all the same."
    ),
    shows=(
        "Held although the app sends X-Accel-Buffering: no, and the header does not arrive. From outside "
        "this cannot be told from a second, buffering nginx in front of an obedient one."
    ),
    fixes=(
        Fix(
            where="nginx, the location block with proxy_pass",
            change="proxy_buffering off;",
            caution="a slow reader now keeps the app's connection busy for as long as it reads",
        ),
        Fix(
            where="nginx, wherever proxy_ignore_headers stands",
            change="# remove X-Accel-Buffering from the list of proxy_ignore_headers",
            caution="the app has to send X-Accel-Buffering: no on each streamed response",
        ),
    ),
    references=("https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_headers",),
)


def suspect(seen: Observations, transport: Transport) -> Suspicion | None:
    """The hint was taken and freed nothing."""
    if not hint.in_vain(seen, transport):
        return None
    return Suspicion(CULPRIT, Confidence.POSSIBLE, (*hint.evidence(seen, transport), SEPARATE))
