"""What all routes share: the settings, the text given at start, and the count of open streams."""

from __future__ import annotations

from dataclasses import dataclass

from flushcheck.core.limits import Limits
from flushcheck.web.gate import Gate


@dataclass(frozen=True, slots=True)
class Service:
    """One process of the service."""

    limits: Limits
    own_text: str  # served as text=file; "" if none was given
    mount: str  # path below which the server itself puts the app; "" for the root
    gate: Gate  # the one thing that changes
