"""The catalogue: every known Culprit, in the order in which Reports list equals.

A Culprit is one module with `CULPRIT` (the words and the fixes) and `suspect` (what speaks for it).
To add one: its file, one line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from flushcheck.core.culprits import (
    app_response,
    gateway_websocket,
    http_hop,
    nginx_fastcgi_buffering,
    nginx_gzip,
    nginx_hint_taken,
    nginx_ignore_headers,
    nginx_proxy_buffering,
    websocket_upgrade,
)
from flushcheck.core.model import Culprit, Suspicion, Transport
from flushcheck.core.observations import Observations


class Case(Protocol):
    """What a Culprit's module offers."""

    CULPRIT: Culprit

    def suspect(self, seen: Observations, transport: Transport) -> Suspicion | None:
        """What the run says for this Culprit on this Transport; None if nothing does."""


CASES: tuple[Case, ...] = (
    app_response,
    nginx_proxy_buffering,
    nginx_gzip,
    nginx_fastcgi_buffering,
    nginx_hint_taken,
    nginx_ignore_headers,
    websocket_upgrade,
    gateway_websocket,
    http_hop,
)

CULPRITS: Mapping[str, Culprit] = MappingProxyType({case.CULPRIT.id: case.CULPRIT for case in CASES})
