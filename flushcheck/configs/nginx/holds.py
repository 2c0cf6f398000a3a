"""What nginx's own buffers keep back: from whom, and how many bytes.

Two buffers are in the way. The one of the upstream (proxy_buffers) is filled where nginx cannot tell the
writes of the app apart: over HTTP/1.0 and the gateways, a kept
FastCGI connection excepted. The one of TLS (ssl_buffer_size) is filled for
HTTP/1.1 clients wherever proxy_buffering is on, because nothing flushes it then; frames of HTTP/2 and
HTTP/3 are flushed one by one. Measured on nginx 1.22.1, 1.26.3 and 1.30.6.
"""

from __future__ import annotations

from dataclasses import dataclass

from flushcheck.configs.findings import Reader
from flushcheck.configs.nginx import values
from flushcheck.configs.tree import Block, Value, readers, tls_http1_readers
from flushcheck.configs.versions import NGINX_UPSTREAM_HTTP11
from flushcheck.model import Side


@dataclass(frozen=True, slots=True)
class Hold:
    """What a block keeps back."""

    readers: tuple[Reader, ...]  # from whom; (): from every reader
    block_bytes: int  # that arrive together; where readers differ, over plain http and over HTTP/2
    tls_block_bytes: int | None  # the same for HTTP/1.1 clients over TLS, where it differs
    by_tls_alone: bool  # other readers get each chunk at once
    version_decides: bool = False  # newer versions hold it by the TLS buffer alone, or not at all


def hold(block: Block) -> Hold | None:
    """What the buffers of this block keep back, compression and caches aside; None if nothing."""
    tls_bytes = values.size_bytes(tls_buffer(block).first) or TLS_BUFFER_BYTES
    if values.holds(block):
        met_by, upstream_bytes = readers(block.listeners), values.block_bytes(block)
        encrypted = max(upstream_bytes, tls_bytes)
        decides = _version_decides(block)
        if met_by and met_by == tls_http1_readers(block.listeners):
            return Hold(met_by, encrypted, None, by_tls_alone=False, version_decides=decides)
        differs = Reader.HTTP1 in met_by and encrypted != upstream_bytes
        return Hold(
            met_by,
            upstream_bytes,
            encrypted if differs else None,
            by_tls_alone=False,
            version_decides=decides,
        )
    if not values.flushes_chunks(block):
        return None
    # A server that calls this one over https is an HTTP/1.1 client, whatever its own readers speak.
    met_by = readers(block.listeners) if block.called_over_tls else tls_http1_readers(block.listeners)
    return Hold(met_by, tls_bytes, None, by_tls_alone=True) if met_by else None


def _version_decides(block: Block) -> bool:
    if block.via != "http" or values.http_version(block).at is not None:
        return False
    return NGINX_UPSTREAM_HTTP11.side(block.version) is Side.UNKNOWN


TLS_BUFFER_BYTES = 16_384  # nginx's default of ssl_buffer_size


def tls_buffer(block: Block) -> Value:
    """ssl_buffer_size."""
    return block.value("ssl_buffer_size", "16k")
