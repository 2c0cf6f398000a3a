"""The ways in to a block: where its server listens, and which kinds of readers come in there.

The same block may stream to one kind of reader and hold for another: what TLS ends with collects for an
HTTP/1.1 client, and does not for HTTP/2. A browser takes HTTP/2 over TLS wherever a server offers it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flushcheck.configs.findings import Reader
from flushcheck.configs.tree.directive import Directive


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
    """One address at which a server takes requests over TCP."""

    at: Directive  # its line, or its block where no line names one
    tls: bool = False
    http2: bool = False  # offered over TLS


def readers(listeners: Sequence[Listener]) -> tuple[Reader, ...]:
    """The kinds of readers that these serve; () if no listener is known."""
    kinds = [Reader.PLAIN] if any(not listener.tls for listener in listeners) else []
    if any(listener.tls for listener in listeners):
        kinds += [Reader.HTTP1, Reader.BROWSER]
    return tuple(kinds)


def tls_http1_readers(listeners: Sequence[Listener]) -> tuple[Reader, ...]:
    """Those that meet HTTP/1.1 over TLS: browsers only where a listener does not offer HTTP/2."""
    encrypted = [listener for listener in listeners if listener.tls]
    if not encrypted:
        return ()
    if all(listener.http2 for listener in encrypted):
        return (Reader.HTTP1,)
    return (Reader.HTTP1, Reader.BROWSER)
