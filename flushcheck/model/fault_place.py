"""Where a fault lies, between the app and the reader."""

from __future__ import annotations

from enum import StrEnum


class FaultPlace(StrEnum):
    """Where the fault lies, as far as two vantages tell."""

    APP = "app"  # in what both vantages share: the app, its server, its machine; of two mounts: in its layers
    PATH = "path"  # in what stands in front of the app; of two mounts: in that or in the app's server
    BOTH = "both"  # one Transport shows this, another one that
    NOWHERE = "nowhere"  # nothing is wrong at either
    UNKNOWN = "unknown"
