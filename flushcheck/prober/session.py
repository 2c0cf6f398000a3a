"""requests over a Line: for what is fetched and not measured.

What is measured stays below requests, on urllib3's connection (see `http`): a moment of arrival must be
the socket's. Here only the answer counts, so requests does the asking. Three of its habits are taken off:

- what it finds in the environment (proxies, certificates, .netrc passwords) would ask another path than
  the one asked about, and send secrets along it: `trust_env` is off;
- on a redirect it reads and unpacks the whole body, without bound, even if told not to follow: no answer
  of this Session is a redirect to it;
- its time-outs begin anew with each read, so that a byte a second keeps it busy for ever: its connections
  are Lines, which end at a deadline and after a number of bytes.
"""

from __future__ import annotations

import json
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from flushcheck.prober.address import Address
from flushcheck.prober.http import Connection, read_whole
from flushcheck.prober.timed_socket import Budget
from flushcheck.prober.tool import USER_AGENT


class Session(requests.Session):
    """A requests Session for one address, within one Allowance."""

    def __init__(self, address: Address, allowance: Budget) -> None:
        super().__init__()
        self.trust_env = False
        self.headers["User-Agent"] = USER_AGENT
        adapter = _Adapter(_Pool(address, allowance))
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Nothing: requests reads a redirect's whole body as soon as it knows of one."""
        return None


def get_json(address: Address, path: str, *, deadline: float, most_bytes: int) -> tuple[int, Any]:
    """Ask the service for what it says in JSON: the status, and the data, which is None unless that is 200.

    Args:
        address: its root.
        path: below the root.
        deadline: when to give up, in time.monotonic().
        most_bytes: of the answer, unpacked.

    Raises:
        OSError, HTTPException and others: the far side did not answer; see `FAR_SIDE`.
        Unpackable, ValueError, RecursionError: it answered with something else than JSON.
    """
    with (
        Session(address, Budget(deadline)) as session,
        session.get(
            address.url + path,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            stream=True,  # else it reads and unpacks all there is
        ) as response,
    ):
        data = json.loads(read_whole(response.raw, most_bytes)[1]) if response.status_code == 200 else None
    return response.status_code, data


class _Pool(HTTPConnectionPool):
    """Connections over Lines. TLS is the Line's affair, so it serves both schemes."""

    def __init__(self, address: Address, allowance: Budget) -> None:
        super().__init__(address.host, address.port, maxsize=1)
        self._address = address
        self._allowance = allowance

    def _new_conn(self) -> HTTPConnection:
        return Connection(self._address, self._allowance)


class _Adapter(HTTPAdapter):
    """Sends by the one pool, whatever requests would make of address, proxies and certificates."""

    def __init__(self, pool: _Pool) -> None:
        super().__init__()
        self._pool = pool

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        return self._pool

    def close(self) -> None:
        self._pool.close()
        super().close()
