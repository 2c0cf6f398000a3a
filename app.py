"""The service as a WSGI application, for servers that start from a checkout: see `service/start.py`."""

from flushcheck.service.start import app, build

__all__ = ["app", "build"]
