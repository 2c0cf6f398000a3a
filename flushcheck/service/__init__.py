"""The service: thin shells over the core. Flask routes, sockets and sleeping live here, thinking does not."""

from flushcheck.service.application import create_app

__all__ = ["create_app"]
