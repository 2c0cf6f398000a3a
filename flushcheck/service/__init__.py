"""The HTTP service: Flask routes, limits, and the code that writes streams to sockets.

Start with `application.py`, where the routes become one WSGI application. `routes/` reads requests,
`limits/` refuses what is too much, `serving/` writes paced streams, `page/` is the browser's part. What a
stream contains and what a run means is decided in the pure packages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flushcheck.service.application import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> object:
    # Imported on first use: `flushcheck doctor` needs `serving.app_server` only, and no Flask.
    if name != "create_app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flushcheck.service.application import create_app

    return create_app
