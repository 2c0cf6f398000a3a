"""requests over the connections of this prober: for what is fetched and not measured.

requests takes proxies, certificates and .netrc passwords from the environment, which would ask another path
than the given one and send secrets along it. It reads a redirect's whole body, without a limit. Its
timeouts begin anew with each read, so that a byte a second keeps it busy without end. Hence this Session:
nothing comes from the environment, no response counts as a redirect, and its one adapter sends over a
connection with a deadline and a byte limit. It speaks HTTP/1.1 unless its target asks for another version.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any, NamedTuple

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from flushcheck.prober.connections import single_client
from flushcheck.prober.http_client import HttpClient, Response, read_whole
from flushcheck.prober.target import Target
from flushcheck.prober.timed_socket import Budget
from flushcheck.prober.tool import USER_AGENT


class Session(requests.Session):
    """A requests Session for one target, within one Budget."""

    def __init__(self, target: Target, budget: Budget) -> None:
        super().__init__()
        self.trust_env = False
        self.headers["User-Agent"] = USER_AGENT
        adapter = _Adapter(target, budget)
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return None: requests reads the whole body of a response once it knows it for a redirect."""
        return None


class Fetched(NamedTuple):
    """What a request for JSON brought."""

    status: int
    location: str  # where a redirect leads; "" if it is none
    data: Any  # None unless the status is 200


def get_json(target: Target, path: str, *, deadline: float, max_bytes: int) -> Fetched:
    """Fetch JSON from the service.

    Args:
        target: the root of the service.
        path: below the root.
        deadline: when to give up, in time.monotonic().
        max_bytes: of the response, without content encoding.

    Raises:
        PEER_ERRORS: no response came.
        DecodeError, ValueError, RecursionError: the response is not JSON.
    """
    with (
        Session(target, Budget(deadline)) as session,
        session.get(
            target.address.url + path,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            stream=True,  # or requests reads all there is
        ) as response,
    ):
        data = json.loads(response.raw.read(max_bytes)) if response.status_code == 200 else None
    return Fetched(response.status_code, response.headers.get("Location", ""), data)


class _Adapter(BaseAdapter):
    """Sends every request over a connection to the one address, whatever requests would make of the URL."""

    def __init__(self, target: Target, budget: Budget) -> None:
        super().__init__()
        self._target = target
        self._budget = budget
        self._opened = ExitStack()

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Send it, and read the header of the response.

        Raises:
            PEER_ERRORS
        """
        client = self._opened.enter_context(single_client(self._target, self._budget))
        headers = [(name, str(value)) for name, value in request.headers.items()]
        client.request(request.method or "GET", request.path_url, headers)
        header = client.response()
        response = requests.Response()
        response.status_code = header.status
        response.headers = CaseInsensitiveDict(header.headers)
        response.request, response.url = request, request.url or ""
        response.raw = _Raw(client, header)
        return response

    def close(self) -> None:
        """Close the connections of all responses."""
        self._opened.close()


class _Raw:
    """The body of a response, as requests expects it."""

    def __init__(self, client: HttpClient, header: Response) -> None:
        self._client = client
        self._header = header

    def read(self, max_bytes: int) -> bytes:
        """Return the beginning of the body, without its content encoding.

        Raises:
            PEER_ERRORS, DecodeError
        """
        return read_whole(self._client, self._header, max_bytes).text

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
