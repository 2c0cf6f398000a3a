"""The request of `flushcheck tap`: the headers that ask the taps of an app to note it, and its notes."""

from __future__ import annotations

import json
import time
from dataclasses import replace

from flushcheck.model import UsageError
from flushcheck.prober.decompress import DecodeError
from flushcheck.prober.http_client import PEER_ERRORS
from flushcheck.prober.session import get_json
from flushcheck.prober.watch_request import WatchRequest
from flushcheck.tapping.notes import NotesError

MAX_BYTES = 4 * 1024 * 1024  # of notes
PART = 4000  # characters of the notes in one text of a saved run
FETCH_S = 5.0  # time limit of all requests for the notes

# A response is at its end for the reader before the app has closed it, and another worker process may get the
# request for the notes.
RETRY_S = 0.1


def tapped_request(request: WatchRequest, tap_id: str, token: str) -> WatchRequest:
    """Return the same request, to be noted.

    Raises:
        UsageError: the token cannot be a header's value.
    """
    if not token.isascii() or not token.isprintable() or not token.strip():
        raise UsageError(
            "the token of the taps: expected printable ASCII, for example --token "
            "0123456789abcdef0123456789abcdef"
        )
    options = request.target.options
    headers = (("X-Flushcheck-Tap", tap_id), ("X-Flushcheck-Token", token))
    asking = replace(options, headers=(*options.headers, *headers))
    return replace(request, target=replace(request.target, options=asking))


def fetch_notes(request: WatchRequest, tap_id: str) -> str:
    """Fetch the notes of a request that was made, and return their JSON.

    Args:
        request: the tapped one.
        tap_id: its id.

    Raises:
        NotesError: there are none; the message says why.
    """
    deadline = time.monotonic() + FETCH_S
    path, _, query = request.request_target.partition("?")
    address = replace(request.target.address, path="")
    target = replace(request.target, address=address)
    suffix = f"{path}?{query}{'&' if query else ''}fc=tap&id={tap_id}"
    while True:
        try:
            fetched = get_json(target, suffix, deadline=deadline, max_bytes=MAX_BYTES)
        except PEER_ERRORS as error:
            raise NotesError(f"the notes of the taps did not arrive: {error}") from None
        except (DecodeError, ValueError, RecursionError):
            # The app's own response: the same page again, in place of the notes.
            raise NotesError(f"{NO_TAPS} ({NOT_JSON})") from None
        if fetched.status == 200:
            return json.dumps(fetched.data, separators=(",", ":"))
        if fetched.status != 404 or time.monotonic() > deadline - RETRY_S:
            raise NotesError(f"{NO_TAPS} (the request for the notes got status {fetched.status})")
        time.sleep(RETRY_S)


def in_parts(text: str) -> tuple[str, ...]:
    """A long text in parts that a saved run may hold."""
    return tuple(text[at : at + PART] for at in range(0, len(text), PART))


NOT_JSON = "the request for the notes got no JSON"
NO_TAPS = "no tap noted the request: the app has no taps, another token, or the path removes X-Flushcheck-Tap"
