"""nginx `gzip` on top of a buffered upstream."""

from __future__ import annotations

from flushcheck.core.culprits import hint
from flushcheck.core.model import Confidence, Culprit, Fix, Suspicion, Transport, Variant
from flushcheck.core.observations import Observations

CULPRIT = Culprit(
    id="nginx-gzip",
    title="nginx gzip holds the stream while proxy_buffering is on",
    why=(
        "With gzip on for the stream's type, nginx compresses the response. While the upstream is "
        "buffered it never flushes the compressor, so what was written stays inside until the "
        "compressor has enough. With buffering off nginx flushes after every write."
    ),
    shows=(
        "Held, header included, but only for a client that offers gzip; the same stream flows without "
        "encodings, and with X-Accel-Buffering: no. curl without --compressed sees nothing wrong."
    ),
    fixes=(
        Fix(
            where="nginx, the location block that passes to the app",
            change="proxy_buffering off;",
            caution=(
                "gzip stays on and flushes each write; a slow reader now keeps the app's connection "
                "busy for as long as it reads (fastcgi_buffering or uwsgi_buffering where those pass)"
            ),
        ),
        Fix(
            where="nginx, the location block that passes to the app",
            change="gzip off;",
            caution="nothing in this block is compressed any more",
        ),
        hint.APP_FIX,
    ),
    references=(
        "https://nginx.org/en/docs/http/ngx_http_gzip_module.html",
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering",
    ),
)


def suspect(seen: Observations, transport: Transport) -> Suspicion | None:
    """Held and compressed; flowing without encodings; flowing when nginx is told not to buffer."""
    if not hint.obeyed(seen, transport) or not hint.needs_compression(seen, transport):
        return None
    only = seen.say_variant(transport, Variant.IDENTITY)
    return Suspicion(CULPRIT, Confidence.CERTAIN, (*hint.evidence(seen, transport), only))
