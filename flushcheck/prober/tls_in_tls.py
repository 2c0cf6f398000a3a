"""TLS inside TLS: the service's, over the connection to a proxy that is reached by https://.

The ssl module cannot wrap its own sockets; urllib3, which requests brings, can. Imported only where such a
proxy is used.
"""

from __future__ import annotations

import ssl

from urllib3.util.ssltransport import SSLTransport


class TlsInTls(SSLTransport):
    """What `TimedSocket` uses of an ssl.SSLSocket, over another one."""

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext, host: str) -> None:
        super().__init__(outer, context, server_hostname=host)
        self._outer = outer

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Return bytes, b"" at the end, for which urllib3 has 0."""
        data = super().recv(buflen, flags)
        return data if isinstance(data, bytes) else b""

    def pending(self) -> int:
        """Return how many bytes lie ready without a read of the socket."""
        return self.sslobj.pending() + self.incoming.pending + self._outer.pending()
