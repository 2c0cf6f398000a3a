"""`from flushcheck.asgi import FlushcheckASGI`: the origin for any ASGI app. See docs/origins.md."""

from flushcheck.origins.asgi import FlushcheckASGI

__all__ = ["FlushcheckASGI"]
