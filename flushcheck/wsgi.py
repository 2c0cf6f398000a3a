"""`from flushcheck.wsgi import FlushcheckWSGI`: the origin for any WSGI app. See docs/origins.md."""

from flushcheck.origins.wsgi import FlushcheckWSGI

__all__ = ["FlushcheckWSGI"]
