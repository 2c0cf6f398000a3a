"""What several nginx culprits share: the Finding of a block that buffers, and what the app can do itself."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import nginx
from flushcheck.configs.findings import Edit, Finding, Reader, level_for
from flushcheck.configs.tree import Block, readers, tls_http1_readers
from flushcheck.configs.versions import NGINX_UPSTREAM_HTTP11
from flushcheck.culprits import lint_common
from flushcheck.model import Culprit
from flushcheck.model.versions import shown


def hold(block: Block, culprit: Culprit, via: str) -> Iterator[Finding]:
    """The Finding of proxy_buffering and its like, where a block of this gateway holds.

    Args:
        via: the gateway that the culprit is about, for example "fastcgi".
    """
    held = nginx.hold(block)
    if block.via != via or held is None:
        return
    value = nginx.buffering(block)
    sentence = _by_tls(block, held) if held.by_tls_alone else _by_buffers(block, held)
    yield block.finding(
        culprit,
        level_for(held.readers),
        sentence,
        value=value,
        edits=block.edit(value.at, f"{value.name} off;"),
        override=override(block),
        readers=held.readers,
    )


def _by_buffers(block: Block, held: nginx.Hold) -> str:
    """Why the buffers of the upstream hold, and whom newer versions hold."""
    protocol = ""
    if block.via == "http":
        version = nginx.http_version(block)
        protocol = f" and the app is called over HTTP/{version.first} ({block.where(version)})"
    over_tls = ""
    if held.tls_block_bytes is not None:
        over_tls = (
            f", for HTTP/1.1 clients over TLS one of {held.tls_block_bytes} bytes ({_tls_buffer(block)})"
        )
    elif held.readers and held.readers == tls_http1_readers(block.listeners):
        over_tls = f" ({_tls_buffer(block)}, because its readers use HTTP/1.1 over TLS)"
    newer = _newer(block, held) if held.version_decides else ""
    return (
        f"{block.say(nginx.buffering(block))}{protocol}: nginx sends data only when a buffer of "
        f"{held.block_bytes} bytes is full{over_tls}; a shorter response arrives when it ends{newer}"
    )


def _newer(block: Block, held: nginx.Hold) -> str:
    """What the versions do that call the app over HTTP/1.1 by themselves."""
    later = f"nginx {shown(NGINX_UPSTREAM_HTTP11.since)} and later"
    by_tls = tls_http1_readers(block.listeners)
    if by_tls and by_tls == held.readers:
        return f"; {later} hold it too, although they call the app over HTTP/1.1 by default"
    unless = f", except to {Reader.HTTP1.plural}" if by_tls else ""
    return f"; {later} call the app over HTTP/1.1 by default and pass each chunk on at once{unless}"


def _by_tls(block: Block, held: nginx.Hold) -> str:
    """Why the buffer of TLS holds, and who gets each chunk at once."""
    caller = block.called_over_tls
    if caller is not None:
        whom = f"the nginx at {caller.place}, which calls it over https, gets data"
    elif Reader.BROWSER in held.readers:
        whom = "browsers and other clients over TLS get data"
    else:
        whom = "HTTP/1.1 clients over TLS get data"
    free = [reader.plural for reader in readers(block.listeners) if reader not in held.readers]
    others = [f"{name} over HTTP/2" if name == Reader.BROWSER.plural else name for name in free]
    flow = f"; {' and '.join(others)} get each chunk at once" if others else ""
    return (
        f"{block.say(nginx.buffering(block))} over TLS: {whom} only when a buffer of "
        f"{held.block_bytes} bytes is full ({_tls_buffer(block)}); a shorter response arrives when it "
        f"ends{flow}"
    )


def _tls_buffer(block: Block) -> str:
    value = nginx.tls_buffer(block)
    return f"{value.text}, {block.where(value)}"


def override(block: Block) -> str:
    """What X-Accel-Buffering from the app does in this block."""
    ignored = nginx.ignored_x_accel(block)
    if ignored is not None:
        return f"{lint_common.NO_OVERRIDE}: {ignored.place} ignores X-Accel-Buffering"
    if block.inner_strips_header and block.inner_server is not None:
        return (
            f"{lint_common.NO_OVERRIDE}: the inner nginx "
            f"({block.inner_server.place}) removes X-Accel-Buffering from the response"
        )
    return "the app can switch it off for each response with the header X-Accel-Buffering: no"


def free(block: Block) -> tuple[Edit, ...]:
    """The change that stops this block's buffering, whatever its gateway."""
    value = nginx.buffering(block)
    return block.edit(value.at, f"{value.name} off;")
