"""What a response to a query is made of, kept from the first request with that query.

Flask makes the first response. If it succeeds, its parameters, its Source and its headers are kept here as a
Recipe, and `fast_path` responds to the next request of the same kind without Flask. So there is one place
that decides what is allowed and which headers are sent: the route.

What must stay true: two requests with the same key get the same headers, and the same body but for what the
Recipe's own parts decide. The key therefore holds all that Flask decides by: path, Host and query. A request
in which anything else counts has no key.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from flushcheck.model import Transport
from flushcheck.streaming.params import CACHE_BUSTERS, Params
from flushcheck.streaming.source import Source

# Kept at once; a request line is at most 8 KB, so all keys together are at most 2 MB.
MAX_RECIPES = 256

Headers = tuple[tuple[str, str], ...]

# The number of a poll, and what pages add to avoid caches: they differ from one request to the next.
_VARYING = re.compile(rf"(?:^|&)(?:(?:{'|'.join(sorted(CACHE_BUSTERS))})=[^&]*|cnt=([0-9]{{1,12}}))(?=&|$)")


class Key(NamedTuple):
    """What a Recipe is found by."""

    path: str
    host: str
    query: str  # without what varies


class Kind(NamedTuple):
    """The kind of a request, and the number of the poll in it; -1 for none."""

    key: Key
    cnt: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to respond to requests of one kind."""

    transport: Transport
    params: Params
    source: Source
    headers: Headers = ()  # of the response; of a WebSocket none
    handshake: tuple[bytes, bytes] = (b"", b"")  # a WebSocket's response, around Sec-WebSocket-Accept


def kind(environ: Mapping[str, Any]) -> Kind | None:
    """The kind of this WSGI request; None if it has to be read in full."""
    host = environ.get("HTTP_HOST")
    if environ["REQUEST_METHOD"] != "GET" or not host or "HTTP_LAST_EVENT_ID" in environ:
        return None
    query = environ.get("QUERY_STRING", "")
    numbers = [match[1] for match in _VARYING.finditer(query) if match[1]]
    if len(numbers) > 1:
        return None
    # The empty place is left, so that two names never become one.
    key = Key(environ["PATH_INFO"], host, _VARYING.sub("&", query))
    return Kind(key, int(numbers[0]) if numbers else -1)


@dataclass(frozen=True, slots=True)
class RefusalRecipe:
    """How to refuse a stream."""

    status: str  # "503 SERVICE UNAVAILABLE"
    headers: Headers
    body: bytes


class Recipes:
    """The recipes of one process, the oldest forgotten first. Safe under threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recipes: dict[Key, Recipe] = {}
        self._refusals: dict[tuple[str, str], RefusalRecipe] = {}  # by path and reason, both of a few

    def get(self, key: Key) -> Recipe | None:
        """The Recipe for requests of this kind; None if it is not known."""
        return self._recipes.get(key)

    def refusal(self, path: str, reason: str) -> RefusalRecipe | None:
        """How to refuse at this path for this reason; None if it is not known."""
        return self._refusals.get((path, reason))

    def learn_refusal(self, path: str, reason: str, recipe: RefusalRecipe) -> None:
        """Keep how to refuse."""
        self._refusals[path, reason] = recipe

    def learn(self, key: Key, recipe: Recipe) -> None:
        """Keep a Recipe."""
        with self._lock:
            if len(self._recipes) >= MAX_RECIPES and key not in self._recipes:
                del self._recipes[next(iter(self._recipes))]
            self._recipes[key] = recipe
